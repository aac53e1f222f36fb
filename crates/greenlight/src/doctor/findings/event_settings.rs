//! What is set for asynchronous invocations: retries and the age of an event.

use std::time::Duration;

use super::{Found, Kind, each, together};
use crate::doctor::facts::{Facts, Kin};

pub const KIND: Kind = Kind { code: "EventSettings", find };

/// CodeDeploy waits so long; what comes later answers nobody.
const HOUR: Duration = Duration::from_secs(60 * 60);

fn find(facts: &Facts) -> Vec<Found> {
    let hooks = facts.functions.iter().filter(|wired| wired.qualifier.is_none() && wired.is != Kin::LastAnswer);
    let wrong = hooks.map(|wired| {
        let why = wired.events.seen().and_then(|settings| match settings {
            None => Some(
                "nothing is set for asynchronous invocations: one that died is made twice more, an event waits up to six \
                 hours, and nobody hears of it"
                    .to_owned(),
            ),
            Some(settings) if settings.retries > 0 => Some(format!(
                "an invocation that failed is made {} times more: checks run again minutes later, and last-answer hears \
                 of it only then",
                settings.retries
            )),
            Some(settings) if settings.age > HOUR => Some(format!(
                "an event may wait {}, and CodeDeploy only waits an hour for the answer",
                humantime::format_duration(settings.age)
            )),
            Some(_) => None,
        });
        (wired, why)
    });
    let found = together(wrong).map(|(what, functions)| Found {
        what,
        place: functions.join(", "),
        fix: "no retries, an age of some minutes, and last-answer as the destination".to_owned(),
        command: Some(each(&functions, |name| {
            format!(
                "aws lambda put-function-event-invoke-config --function-name {name} --maximum-retry-attempts 0 \
                 --maximum-event-age-in-seconds 300 {}",
                super::destination(facts)
            )
        })),
    });
    found.collect()
}
