//! A listener of the deployment group does not exist.

use super::{DoctorProblem, FindingKind};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "ListenerMissing", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let Some(group) = facts.group.found() else { return Vec::new() };
    let missing = facts.listeners.iter().filter(|(_, listener)| listener.not_found().is_some());
    let found = missing.map(|(route, _)| {
        let arn = if route.as_str() == "test" { &group.test_listener } else { &group.production_listener };
        DoctorProblem {
            message: format!(
                "its {} listener {} does not exist: CodeDeploy cannot move traffic",
                route.as_str(),
                arn.as_deref().unwrap_or_default()
            ),
            resource: facts.group_title(),
            fix: "create the listener, or name an existing one".to_owned(),
            command: Some(super::update_group_command(facts, "--load-balancer-info …")),
        }
    });
    found.collect()
}
