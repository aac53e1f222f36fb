//! A function's timeout is shorter than its checks need.

use std::time::Duration;

use hook_core::aws_inspector::check_budget;

use super::{DoctorProblem, FindingKind, group_by, shell_command_for_each};
use crate::doctor::snapshot::{AccountSnapshot, FunctionKind};

pub const KIND: FindingKind = FindingKind { code: "TimeoutTooShort", find };

/// Lambda's default timeout.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// Lambda's maximum timeout.
const MAX_TIMEOUT: Duration = Duration::from_secs(900);

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let short = facts.hook_configs().map(|(wired, set_up)| {
        let longest = wired.gate.requirements.as_ref().and_then(|wants| wants.longest_check.clone());
        let key = match longest {
            _ if set_up.timeout <= DEFAULT_TIMEOUT => Some((set_up.timeout, None)),
            Some((longest, check)) if longest > check_budget(set_up.timeout) => {
                Some((set_up.timeout, Some((longest, check, wired.gate.title.clone()))))
            }
            _ => None,
        };
        (wired, key.filter(|_| wired.kind != FunctionKind::OnFailure))
    });
    let found = group_by(short).map(|((timeout, longest), functions)| {
        let is_longest = timeout >= MAX_TIMEOUT;
        let timeout = humantime::format_duration(timeout);
        DoctorProblem {
            message: match longest {
                None => format!("the timeout is {timeout}, Lambda's default: it is too short for most checks"),
                Some((longest, check, title)) => format!(
                    "the timeout of {timeout} leaves the check {check:?} less than the {} that it can take ({title}); \
                     the rest is reserved for the status",
                    humantime::format_duration(longest)
                ),
            },
            resource: functions.join(", "),
            fix: match is_longest {
                true => "shorten its `within`, `for` or `settle`, or those of the `forwards_to` that it waits for: \
                         Lambda allows no longer timeout"
                    .to_owned(),
                false => {
                    "set the longest timeout that Lambda allows: a check takes only the time that it needs".to_owned()
                }
            },
            command: (!is_longest).then(|| {
                shell_command_for_each(&functions, |name| {
                    format!(
                        "aws lambda update-function-configuration --function-name {name} --timeout {}",
                        MAX_TIMEOUT.as_secs()
                    )
                })
            }),
        }
    });
    found.collect()
}
