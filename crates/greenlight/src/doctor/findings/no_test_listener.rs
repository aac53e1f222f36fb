//! A deployment group without a test listener: nobody can try the replacement before customers do.

use super::{Found, Kind};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "NoTestListener", find };

fn find(facts: &Facts) -> Vec<Found> {
    let without = facts.group.seen().filter(|group| group.test.is_none());
    let found = |_| Found {
        what:
            "it has no test listener: AfterAllowTestTraffic does not happen, and customers are the first to use a new \
               version"
                .to_owned(),
        place: facts.group_title(),
        fix: "make a listener with a port of its own on the same load balancer, and name it as testTrafficRoute"
            .to_owned(),
        command: Some(super::update(facts, "--load-balancer-info …")),
    };
    without.map(found).into_iter().collect()
}
