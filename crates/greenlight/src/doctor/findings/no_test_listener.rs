//! The deployment group has no test listener, so no hook can test the replacement before customers use it.

use super::{DoctorProblem, FindingKind};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "NoTestListener", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let without = facts.group.found().filter(|group| group.test_listener.is_none());
    let found = |_| DoctorProblem {
        message:
            "it has no test listener: AfterAllowTestTraffic does not happen, and customers are the first to use a new \
               version"
                .to_owned(),
        resource: facts.group_title(),
        fix: "create a listener with its own port on the same load balancer, and name it as testTrafficRoute"
            .to_owned(),
        command: Some(super::update_group_command(facts, "--load-balancer-info …")),
    };
    without.map(found).into_iter().collect()
}
