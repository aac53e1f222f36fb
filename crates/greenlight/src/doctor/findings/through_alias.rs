//! A hook that is invoked by an alias or a version: its event settings are others than those that the template makes.

use super::{Found, Kind};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "ThroughAlias", find };

fn find(facts: &Facts) -> Vec<Found> {
    let aliased = facts.functions.iter().filter_map(|wired| Some((wired, wired.qualifier.as_deref()?)));
    let found = aliased.map(|(wired, qualifier)| Found {
        what: format!(
            "it is invoked as {qualifier}, and what is set for asynchronous invocations of $LATEST (no retries, age, \
             last-answer) does not apply there"
        ),
        place: wired.written.clone(),
        fix: format!("name the function without `:{qualifier}` in the AppSpec file"),
        command: None,
    });
    found.collect()
}
