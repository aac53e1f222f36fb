//! A deployment group that no alarm watches.

use super::{DoctorProblem, FindingKind};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "NoAlarms", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let without = facts.group.found().filter(|group| group.alarms.as_ref().is_none_or(Vec::is_empty));
    let found = |_| DoctorProblem {
        message: "it has no alarms, or they are switched off: nothing that customers feel stops a deployment"
            .to_owned(),
        resource: facts.group_title(),
        fix: "name alarms of what customers feel: errors, latency, unhealthy targets".to_owned(),
        command: Some(super::update_group_command(facts, "--alarm-configuration 'enabled=true,alarms=[{name=…}]'")),
    };
    without.map(found).into_iter().collect()
}
