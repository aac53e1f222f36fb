//! The AppSpec file names no hook, so CodeDeploy invokes no function even if all of them are set up.

use super::{DoctorProblem, FindingKind};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "NoHooks", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let app_spec = facts.app_spec.found().filter(|app_spec| app_spec.hooks.is_empty());
    let found = |title: &str| DoctorProblem {
        message: "it names no hook, so CodeDeploy invokes no function and every deployment continues".to_owned(),
        resource: title.to_owned(),
        fix: "name the functions in its Hooks section; `greenlight appspec` writes it".to_owned(),
        command: None,
    };
    app_spec.map(|app_spec| found(&app_spec.title)).into_iter().collect()
}
