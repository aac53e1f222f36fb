//! An AppSpec file that names no hook: everything is set up, and nobody is asked.

use super::{Found, Kind};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "NoHooks", find };

fn find(facts: &Facts) -> Vec<Found> {
    let app_spec = facts.app_spec.seen().filter(|app_spec| app_spec.hooks.is_empty());
    let found = |title: &str| Found {
        what: "it names no hook, so CodeDeploy asks nobody and every deployment goes on".to_owned(),
        place: title.to_owned(),
        fix: "name the functions in its Hooks section; `greenlight appspec` writes it".to_owned(),
        command: None,
    };
    app_spec.map(|app_spec| found(&app_spec.title)).into_iter().collect()
}
