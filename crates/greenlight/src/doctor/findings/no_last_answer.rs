//! Nobody answers for a function that died.

use super::{Found, Kind, each, together};
use crate::doctor::facts::{Facts, Kin};

pub const KIND: Kind = Kind { code: "NoLastAnswer", find };

fn find(facts: &Facts) -> Vec<Found> {
    let hooks = facts.functions.iter().filter(|wired| wired.qualifier.is_none() && wired.is != Kin::LastAnswer);
    let wrong = hooks.map(|wired| {
        let why = wired.events.seen().and_then(Option::as_ref).and_then(|settings| match &settings.on_failure {
            None => Some("there is no on-failure destination".to_owned()),
            Some(arn) if !arn.contains(":function:") => {
                Some(format!("the on-failure destination {arn} answers nobody"))
            }
            Some(arn) => match facts.elsewhere(arn) {
                Some(place) => Some(format!("the on-failure destination {arn} is in {place} and cannot answer here")),
                None => {
                    let net = facts.nets.get(arn)?;
                    net.missing().map(|_| format!("the on-failure destination {arn} does not exist"))
                }
            },
        });
        (wired, why)
    });
    let found = together(wrong).map(|(why, functions)| Found {
        what: format!("{why}: when the function is killed, CodeDeploy waits an hour and nobody says why"),
        place: functions.join(", "),
        fix: "name last-answer as the on-failure destination".to_owned(),
        command: Some(each(&functions, |name| {
            format!(
                "aws lambda update-function-event-invoke-config --function-name {name} {}",
                super::destination(facts)
            )
        })),
    });
    found.collect()
}
