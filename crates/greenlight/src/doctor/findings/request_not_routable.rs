//! Checks whose requests will not come to the service: no host name is known, or no listener rule lets them through.

use super::{Found, Kind, together};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "RequestNotRoutable", find };

fn find(facts: &Facts) -> Vec<Found> {
    let each = facts.functions.iter().flat_map(|wired| {
        wired.foreseen.iter().map(move |it| (wired, Some((it.code, it.check.clone(), it.what.clone()))))
    });
    let found = together(each).map(|((code, check, what), functions)| Found {
        what: format!("the check {check} will end with {code}: {what}"),
        place: functions.join(", "),
        fix: code.hint().to_owned(),
        command: None,
    });
    found.collect()
}
