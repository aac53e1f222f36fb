//! A variable of a function that it cannot use, for which every answer is Failed.

use hook_core::survey::faults_of_settings;

use super::{Found, Kind, together};
use crate::doctor::facts::{Facts, Kin};

pub const KIND: Kind = Kind { code: "SettingInvalid", find };

fn find(facts: &Facts) -> Vec<Found> {
    let hooks = facts.hooks().filter(|(wired, _)| matches!(wired.is, Kin::Hook(_)));
    let faulty = hooks.flat_map(|(wired, set_up)| {
        let faults = set_up.variables.as_ref().map(faults_of_settings).unwrap_or_default();
        faults.into_iter().map(move |fault| (wired, Some(fault)))
    });
    let found = together(faulty).map(|(fault, functions)| Found {
        what: format!("{fault}; a function with a setting that it cannot use answers Failed"),
        place: functions.join(", "),
        fix: "correct the variable where the function is made (template, console); the README lists every setting"
            .to_owned(),
        command: None,
    });
    found.collect()
}
