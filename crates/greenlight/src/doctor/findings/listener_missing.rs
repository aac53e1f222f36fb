//! A deployment group whose listener is gone.

use super::{Found, Kind};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "ListenerMissing", find };

fn find(facts: &Facts) -> Vec<Found> {
    let Some(group) = facts.group.seen() else { return Vec::new() };
    let missing = facts.listeners.iter().filter(|(_, listener)| listener.missing().is_some());
    let found = missing.map(|(route, _)| {
        let arn = if route.word() == "test" { &group.test } else { &group.production };
        Found {
            what: format!(
                "its {} listener {} does not exist: no traffic can be moved",
                route.word(),
                arn.as_deref().unwrap_or_default()
            ),
            place: facts.group_title(),
            fix: "make the listener, or name the one that there is".to_owned(),
            command: Some(super::update(facts, "--load-balancer-info …")),
        }
    });
    found.collect()
}
