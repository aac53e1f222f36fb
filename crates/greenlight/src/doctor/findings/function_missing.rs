//! A function that there is not.

use super::{Found, Kind};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "FunctionMissing", find };

fn find(facts: &Facts) -> Vec<Found> {
    let missing = facts.functions.iter().filter(|wired| wired.set_up.missing().is_some());
    let found = missing.map(|wired| Found {
        what: format!(
            "the AppSpec file names it for {}, and there is no such function here: the event fails",
            wired.event
        ),
        place: wired.written.clone(),
        fix: format!("deploy it in {}, or name one that there is", facts.region),
        command: Some("aws lambda list-functions --query 'Functions[].FunctionName'".to_owned()),
    });
    found.collect()
}
