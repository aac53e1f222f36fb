//! The deployment group has no alarms.

use super::{DoctorProblem, FindingKind};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "NoAlarms", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let without = facts.group.found().filter(|group| group.alarms.as_ref().is_none_or(Vec::is_empty));
    let found = |_| DoctorProblem {
        message: "it has no alarms, or they are switched off: problems that customers notice do not stop a deployment"
            .to_owned(),
        resource: facts.group_title(),
        fix: "add alarms for what customers notice: errors, latency, unhealthy targets".to_owned(),
        command: Some(super::update_group_command(facts, "--alarm-configuration 'enabled=true,alarms=[{name=…}]'")),
    };
    without.map(found).into_iter().collect()
}
