//! An alarm of the deployment group was deleted or renamed.

use super::{DoctorProblem, FindingKind};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "AlarmMissing", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let missing = facts.missing_alarms.found().filter(|missing| !missing.is_empty());
    let found = |missing: &Vec<String>| DoctorProblem {
        message: format!(
            "it names alarms that do not exist: {}; CodeDeploy does not watch them, and a check on them has no data",
            missing.join(", ")
        ),
        resource: facts.group_title(),
        fix: "create the alarms, or remove them from the deployment group".to_owned(),
        command: Some(super::update_group_command(facts, "--alarm-configuration 'enabled=true,alarms=[{name=…}]'")),
    };
    missing.map(found).into_iter().collect()
}
