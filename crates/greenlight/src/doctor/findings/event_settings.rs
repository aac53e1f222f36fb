//! What is set for asynchronous invocations: retries and the age of an event.

use std::time::Duration;

use super::{DoctorProblem, FindingKind, group_by, shell_command_for_each};
use crate::doctor::snapshot::{AccountSnapshot, FunctionKind};

pub const KIND: FindingKind = FindingKind { code: "EventSettings", find };

/// CodeDeploy waits so long; what comes later answers nobody.
const HOOK_TIMEOUT: Duration = Duration::from_secs(60 * 60);

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let hooks =
        facts.functions.iter().filter(|wired| wired.qualifier.is_none() && wired.kind != FunctionKind::OnFailure);
    let wrong = hooks.map(|wired| {
        let why = wired.event_invoke_config.found().and_then(|settings| match settings {
            None => Some(
                "nothing is set for asynchronous invocations: one that died is made twice more, an event waits up to six \
                 hours, and nobody hears of it"
                    .to_owned(),
            ),
            Some(settings) if settings.max_retry_attempts > 0 => Some(format!(
                "an invocation that failed is made {} times more: checks run again minutes later, and on-failure hears \
                 of it only then",
                settings.max_retry_attempts
            )),
            Some(settings) if settings.max_event_age > HOOK_TIMEOUT => Some(format!(
                "an event may wait {}, and CodeDeploy only waits an hour for the answer",
                humantime::format_duration(settings.max_event_age)
            )),
            Some(_) => None,
        });
        (wired, why)
    });
    let found = group_by(wrong).map(|(what, functions)| DoctorProblem {
        message: what,
        resource: functions.join(", "),
        fix: "no retries, an age of some minutes, and on-failure as the destination".to_owned(),
        command: Some(shell_command_for_each(&functions, |name| {
            format!(
                "aws lambda put-function-event-invoke-config --function-name {name} --maximum-retry-attempts 0 \
                 --maximum-event-age-in-seconds 300 {}",
                super::destination_option(facts)
            )
        })),
    });
    found.collect()
}
