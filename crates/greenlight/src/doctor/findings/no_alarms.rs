//! A deployment group that no alarm watches.

use super::{Found, Kind};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "NoAlarms", find };

fn find(facts: &Facts) -> Vec<Found> {
    let without = facts.group.seen().filter(|group| group.alarms.as_ref().is_none_or(Vec::is_empty));
    let found = |_| Found {
        what: "it has no alarms, or they are switched off: nothing that customers feel stops a deployment".to_owned(),
        place: facts.group_title(),
        fix: "name alarms of what customers feel: errors, latency, unhealthy targets".to_owned(),
        command: Some(super::update(facts, "--alarm-configuration 'enabled=true,alarms=[{name=…}]'")),
    };
    without.map(found).into_iter().collect()
}
