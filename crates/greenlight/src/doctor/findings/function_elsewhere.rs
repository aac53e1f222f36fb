//! A function of another account or region.

use super::{Found, Kind};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "FunctionElsewhere", find };

fn find(facts: &Facts) -> Vec<Found> {
    let elsewhere = facts.functions.iter().filter_map(|wired| Some((wired, facts.elsewhere(&wired.written)?)));
    let found = elsewhere.map(|(wired, place)| Found {
        what: format!(
            "the AppSpec file names it for {}, and it is in {place}: CodeDeploy invokes functions of the deployment group's own \
             account and region",
            wired.event
        ),
        place: wired.written.clone(),
        fix: format!("deploy {} in {} and in the deployment group's account, and name that", wired.name, facts.region),
        command: None,
    });
    found.collect()
}
