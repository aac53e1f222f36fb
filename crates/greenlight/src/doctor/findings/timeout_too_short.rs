//! A function that is ended before its checks can be.

use std::time::Duration;

use hook_core::survey::time_for_checks;

use super::{Found, Kind, each, together};
use crate::doctor::facts::{Facts, Kin};

pub const KIND: Kind = Kind { code: "TimeoutTooShort", find };

/// What Lambda gives a function of which nobody says more.
const DEFAULT: Duration = Duration::from_secs(3);

/// What Lambda gives a function at most.
const LONGEST: Duration = Duration::from_secs(900);

fn find(facts: &Facts) -> Vec<Found> {
    let short = facts.hooks().map(|(wired, set_up)| {
        let longest = wired.gate.wants.as_ref().and_then(|wants| wants.longest.clone());
        let key = match longest {
            _ if set_up.timeout <= DEFAULT => Some((set_up.timeout, None)),
            Some((longest, check)) if longest > time_for_checks(set_up.timeout) => {
                Some((set_up.timeout, Some((longest, check, wired.gate.title.clone()))))
            }
            _ => None,
        };
        (wired, key.filter(|_| wired.is != Kin::LastAnswer))
    });
    let found = together(short).map(|((timeout, longest), functions)| {
        let is_longest = timeout >= LONGEST;
        let timeout = humantime::format_duration(timeout);
        Found {
            what: match longest {
                None => format!("the time-out is {timeout}, Lambda's default: hardly a check can be made in it"),
                Some((longest, check, title)) => format!(
                    "the time-out of {timeout} leaves {check:?} less than the {} for which it may watch ({title}); the rest \
                     is kept back for the answer",
                    humantime::format_duration(longest)
                ),
            },
            place: functions.join(", "),
            fix: match is_longest {
                true => "shorten its `within`, `for` or `settle`, or those of the `reach` that it waits for: Lambda allows no \
                         longer time-out"
                    .to_owned(),
                false => "give it all that Lambda allows: a check takes only what it needs".to_owned(),
            },
            command: (!is_longest).then(|| {
                each(&functions, |name| {
                    format!("aws lambda update-function-configuration --function-name {name} --timeout {}", LONGEST.as_secs())
                })
            }),
        }
    });
    found.collect()
}
