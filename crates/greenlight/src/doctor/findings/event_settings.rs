//! Wrong settings for asynchronous invocations: retries and the maximum event age.

use std::time::Duration;

use super::{DoctorProblem, FindingKind, group_by, shell_command_for_each};
use crate::doctor::snapshot::{AccountSnapshot, FunctionKind};

pub const KIND: FindingKind = FindingKind { code: "EventSettings", find };

/// How long CodeDeploy waits for a status. It ignores a later one.
const HOOK_TIMEOUT: Duration = Duration::from_secs(60 * 60);

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let hooks =
        facts.functions.iter().filter(|wired| wired.qualifier.is_none() && wired.kind != FunctionKind::OnFailure);
    let wrong = hooks.map(|wired| {
        let why = wired.event_invoke_config.found().and_then(|settings| match settings {
            None => Some(
                "there are no settings for asynchronous invocations: Lambda retries a failed one twice, an event can \
                 wait for up to six hours, and failures have no destination"
                    .to_owned(),
            ),
            Some(settings) if settings.max_retry_attempts > 0 => Some(format!(
                "the retries are set to {}: after a failure, checks run again minutes later, and on-failure is invoked \
                 only after the last retry",
                settings.max_retry_attempts
            )),
            Some(settings) if settings.max_event_age > HOOK_TIMEOUT => Some(format!(
                "an event can wait for {}, but CodeDeploy waits only an hour for the status",
                humantime::format_duration(settings.max_event_age)
            )),
            Some(_) => None,
        });
        (wired, why)
    });
    let found = group_by(wrong).map(|(what, functions)| DoctorProblem {
        message: what,
        resource: functions.join(", "),
        fix: "set no retries, a maximum event age of some minutes, and on-failure as the destination".to_owned(),
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
