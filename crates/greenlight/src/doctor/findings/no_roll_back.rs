//! A deployment that fails and is not rolled back.

use super::{Found, Kind};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "NoRollBack", find };

fn find(facts: &Facts) -> Vec<Found> {
    let without = facts.group.seen().filter(|group| !group.rolls_back);
    let found = |_| Found {
        what: "it does not roll back on DEPLOYMENT_FAILURE: a version that AfterAllowTraffic stops stays in production"
            .to_owned(),
        place: facts.group_title(),
        fix: "roll back on DEPLOYMENT_FAILURE, and on DEPLOYMENT_STOP_ON_ALARM too".to_owned(),
        command: Some(super::update(
            facts,
            "--auto-rollback-configuration enabled=true,events=DEPLOYMENT_FAILURE,DEPLOYMENT_STOP_ON_ALARM",
        )),
    };
    without.map(found).into_iter().collect()
}
