//! An alarm of the deployment group that somebody has deleted or renamed.

use super::{Found, Kind};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "AlarmMissing", find };

fn find(facts: &Facts) -> Vec<Found> {
    let missing = facts.alarms_missing.seen().filter(|missing| !missing.is_empty());
    let found = |missing: &Vec<String>| Found {
        what: format!(
            "it names alarms that do not exist: {}; CodeDeploy does not watch them, and a check of them has nothing to judge",
            missing.join(", ")
        ),
        place: facts.group_title(),
        fix: "make the alarms, or take them out of the deployment group".to_owned(),
        command: Some(super::update(facts, "--alarm-configuration 'enabled=true,alarms=[{name=…}]'")),
    };
    missing.map(found).into_iter().collect()
}
