//! A function has an invalid setting in its variables, so every status is Failed.

use hook_core::aws_inspector::settings_errors;

use super::{DoctorProblem, FindingKind, group_by};
use crate::doctor::snapshot::{AccountSnapshot, FunctionKind};

pub const KIND: FindingKind = FindingKind { code: "SettingsInvalid", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let hooks = facts.hook_configs().filter(|(wired, _)| matches!(wired.kind, FunctionKind::Hook(_)));
    let faulty = hooks.flat_map(|(wired, set_up)| {
        let faults = set_up.variables.as_ref().map(settings_errors).unwrap_or_default();
        faults.into_iter().map(move |fault| (wired, Some(fault)))
    });
    let found = group_by(faulty).map(|(fault, functions)| DoctorProblem {
        message: format!("{fault}; with an invalid setting the function puts Failed"),
        resource: functions.join(", "),
        fix:
            "correct the variable where the function is defined (template, console); docs/SETTINGS.md lists every setting"
                .to_owned(),
        command: None,
    });
    found.collect()
}
