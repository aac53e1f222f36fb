//! The functions: their state, their timeouts, their settings, and their configuration for asynchronous invocations.

use std::time::Duration;

use hook_core::{
    aws_inspector::{check_budget, settings_errors},
    gate_file::join_and,
    shell::quote,
};
use lifecycle::format_duration;

use super::finding::{DoctorProblem, group_by, shell_command_for_each, update_functions_command};
use crate::doctor::{
    function_name::{FunctionKind, split_qualifier},
    snapshot::{AccountSnapshot, HookedFunction, Lookup},
};

/// Lambda's default timeout.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// Lambda's maximum timeout.
const MAX_TIMEOUT: Duration = Duration::from_secs(900);

/// How long CodeDeploy waits for a status. It ignores a later one.
const HOOK_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// A function does not exist.
pub fn missing(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let missing = snapshot.functions.iter().filter(|function| function.config.not_found().is_some());
    let problems = missing.map(|function| DoctorProblem {
        message: format!(
            "the AppSpec file names it for {}, but it does not exist in this account and region: the event fails",
            function.event
        ),
        resource: function.name_in_app_spec.clone(),
        fix: format!("deploy it in {}, or name an existing function", snapshot.region),
        command: Some("aws lambda list-functions --query 'Functions[].FunctionName'".to_owned()),
    });
    problems.collect()
}

/// Lambda cannot run a function in its current state.
pub fn not_active(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let on_failure = snapshot
        .on_failure_functions
        .iter()
        .filter_map(|(arn, config)| Some((split_qualifier(arn).0, config.found()?)));
    let all = snapshot.hook_configs().map(|(function, config)| (function.name.clone(), config)).chain(on_failure);
    let not_active = all.filter(|(_, config)| !matches!(config.state.as_str(), "Active" | ""));
    let problems = not_active.map(|(name, config)| DoctorProblem {
        message: match config.state.as_str() {
            "Inactive" => "it is Inactive: it was not invoked for weeks, and the next invocation fails".to_owned(),
            state => format!("it is {state}: Lambda cannot run it"),
        },
        fix: match config.state.as_str() {
            "Inactive" => {
                "invoke it once, which reactivates it in a minute; an invocation without a payload puts no status"
            }
            "Pending" => "wait until it is Active; if it stays Pending, read the reason",
            _ => "read the reason, fix it, and deploy the function again",
        }
        .to_owned(),
        command: Some(match config.state.as_str() {
            // Without a payload the command is the same for both versions of the AWS CLI.
            "Inactive" => format!("aws lambda invoke --function-name {} /dev/null", quote(&name)),
            _ => format!(
                "aws lambda get-function-configuration --function-name {} --query '[State,StateReason]'",
                quote(&name)
            ),
        }),
        resource: name,
    });
    problems.collect()
}

/// A function's timeout is shorter than its checks need.
pub fn timeout_too_short(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let short = snapshot.hook_configs().map(|(function, config)| {
        let longest = function.gate.requirements.as_ref().and_then(|needs| needs.longest_check.clone());
        let key = match longest {
            _ if config.timeout <= DEFAULT_TIMEOUT => Some((config.timeout, None)),
            Some((longest, check)) if longest > check_budget(config.timeout) => {
                Some((config.timeout, Some((longest, check, source_of_checks(function)))))
            }
            _ => None,
        };
        (function, key.filter(|_| function.kind != FunctionKind::OnFailure))
    });
    let problems = group_by(short).map(|((timeout, longest), functions)| {
        let is_longest = timeout >= MAX_TIMEOUT;
        let timeout = format_duration(timeout);
        DoctorProblem {
            message: match longest {
                None => format!("the timeout is {timeout}, Lambda's default: it is too short for most checks"),
                Some((longest, check, title)) => format!(
                    "the timeout is {timeout}, but the check {check:?} ({title}) can take {}, and the hook needs more \
                     time to put the status",
                    format_duration(longest)
                ),
            },
            resource: functions.join(", "),
            fix: match is_longest {
                true => "shorten its `within`, `for` or `settle`, or those of the `forwards_to` that it waits for: \
                         Lambda does not allow a longer timeout"
                    .to_owned(),
                false => {
                    "set the timeout to 15 minutes, the maximum: a check takes only the time that it needs".to_owned()
                }
            },
            command: match is_longest {
                true => None,
                false => update_functions_command(&functions, &format!("--timeout {}", MAX_TIMEOUT.as_secs())),
            },
        }
    });
    problems.collect()
}

/// Where a function's checks come from, for a parenthesis after the name of a check.
fn source_of_checks(function: &HookedFunction) -> String {
    if function.gate.text.is_some() { function.gate.title.clone() } else { "built-in".to_owned() }
}

/// The functions whose settings for asynchronous invocations matter. The settings of an alias or a version are
/// different ones.
fn asynchronous_functions(snapshot: &AccountSnapshot) -> impl Iterator<Item = &HookedFunction> {
    let is_meant =
        |function: &&HookedFunction| function.qualifier.is_none() && function.kind != FunctionKind::OnFailure;
    snapshot.functions.iter().filter(is_meant)
}

/// Wrong settings for asynchronous invocations: retries and the maximum event age.
pub fn event_settings(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let wrong = asynchronous_functions(snapshot).map(|function| {
        let why = function.event_invoke_config.found().and_then(|settings| match settings {
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
                format_duration(settings.max_event_age)
            )),
            Some(_) => None,
        });
        (function, why)
    });
    let problems = group_by(wrong).map(|(message, functions)| DoctorProblem {
        message,
        resource: functions.join(", "),
        fix: "set no retries, a maximum event age of 5 minutes, and on-failure as the destination".to_owned(),
        command: Some(shell_command_for_each(&functions, |name| {
            format!(
                "aws lambda put-function-event-invoke-config --function-name {name} --maximum-retry-attempts 0 \
                 --maximum-event-age-in-seconds 300 {}",
                destination_option(snapshot)
            )
        })),
    });
    problems.collect()
}

/// A function has no on-failure destination that puts the status if the function dies.
pub fn no_failure_destination(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let why = |arn: &Option<String>| match arn {
        None => Some("there is no on-failure destination".to_owned()),
        Some(arn) if !arn.contains(":function:") => {
            Some(format!("the on-failure destination {arn} cannot put a status"))
        }
        Some(arn) => match snapshot.other_account_or_region(arn) {
            Some(place) => Some(format!("the on-failure destination {arn} is in {place} and cannot put a status here")),
            None => {
                let config = snapshot.on_failure_functions.get(arn)?;
                config.not_found().map(|_| format!("the on-failure destination {arn} does not exist"))
            }
        },
    };
    let wrong = asynchronous_functions(snapshot).map(|function| {
        let settings = function.event_invoke_config.found().and_then(Option::as_ref);
        (function, settings.and_then(|settings| why(&settings.on_failure)))
    });
    let problems = group_by(wrong).map(|(why, functions)| DoctorProblem {
        message: format!("{why}: if the function is killed, CodeDeploy waits an hour and no reason is logged"),
        resource: functions.join(", "),
        fix: "set the deployed function on-failure as the on-failure destination".to_owned(),
        command: Some(shell_command_for_each(&functions, |name| {
            format!(
                "aws lambda update-function-event-invoke-config --function-name {name} {}",
                destination_option(snapshot)
            )
        })),
    });
    problems.collect()
}

/// The option that sets the on-failure destination, with the on-failure handler's ARN if a function already names it.
fn destination_option(snapshot: &AccountSnapshot) -> String {
    let known = snapshot.on_failure_functions.iter().find(|(_, config)| config.found().is_some());
    let arn = known.map_or("ARN-OF-ON-FAILURE", |(arn, _)| arn);
    let config = serde_json::json!({ "OnFailure": { "Destination": arn } });
    format!("--destination-config {}", quote(&config.to_string()))
}

/// A function has an invalid setting in its variables, so every status is Failed.
pub fn settings_invalid(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let hooks = snapshot.hook_configs().filter(|(function, _)| matches!(function.kind, FunctionKind::Hook(_)));
    let invalid = hooks.flat_map(|(function, config)| {
        let errors = config.variables.as_ref().map(settings_errors).unwrap_or_default();
        errors.into_iter().map(move |error| (function, Some(error)))
    });
    let problems = group_by(invalid).map(|(error, functions)| DoctorProblem {
        message: format!("{error}; with an invalid setting the function puts Failed"),
        resource: functions.join(", "),
        fix:
            "correct the variable where the function is defined (template, console); docs/SETTINGS.md lists every setting"
                .to_owned(),
        command: None,
    });
    problems.collect()
}

/// Nobody learns that no function can put a status.
pub fn nobody_notified(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let problem = |name: &str, what: String, fix: &str| DoctorProblem {
        message: format!("{what}: if no function can put a status, CodeDeploy waits an hour and nobody is notified"),
        resource: name.to_owned(),
        fix: fix.to_owned(),
        command: None,
    };
    let of_function = |(name, alarms): (&String, &Lookup<Vec<(String, bool)>>)| {
        let alarms = alarms.found()?;
        let silent: Vec<_> = alarms.iter().filter(|(_, notifies)| !notifies).map(|(alarm, _)| alarm.as_str()).collect();
        match (alarms.is_empty(), silent.is_empty()) {
            (true, _) => Some(problem(
                name,
                format!("no alarm has a name that begins with {name}"),
                "add an alarm on the function's metric Errors that notifies an SNS topic, as infra/template.yaml does",
            )),
            (false, false) => Some(problem(
                name,
                match silent.as_slice() {
                    [alarm] => format!("the alarm {alarm} notifies nobody"),
                    alarms => format!("the alarms {} notify nobody", join_and(alarms)),
                },
                "set AlarmTopicArn of the stack to an SNS topic that somebody reads",
            )),
            (false, true) => None,
        }
    };
    snapshot.on_failure_alarms.iter().filter_map(of_function).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::fixtures::{codes, healthy_account};

    #[test]
    fn a_function_that_does_not_exist_is_found() {
        let mut snapshot = healthy_account();
        snapshot.functions[0].config = Lookup::NotFound("no".to_owned());
        assert_eq!(codes(&snapshot), ["FunctionMissing"]);
    }

    #[test]
    fn an_inactive_function_is_found() {
        let mut snapshot = healthy_account();
        snapshot.functions[0].config.found_mut().state = "Inactive".to_owned();
        assert_eq!(codes(&snapshot), ["FunctionNotActive"]);
        assert_eq!(
            not_active(&snapshot)[0].command.as_deref(),
            Some("aws lambda invoke --function-name CodeDeployHook_before-install /dev/null")
        );
    }

    #[test]
    fn the_default_timeout_is_one_finding_for_all_functions() {
        let mut snapshot = healthy_account();
        for function in &mut snapshot.functions[..2] {
            function.config.found_mut().timeout = DEFAULT_TIMEOUT;
        }
        let problems = timeout_too_short(&snapshot);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].resource, "CodeDeployHook_before-install, CodeDeployHook_after-install");
        assert!(problems[0].command.as_ref().unwrap().starts_with("for f in CodeDeployHook_before-install "));
    }

    #[test]
    fn a_check_that_takes_longer_than_the_longest_timeout_has_no_command() {
        let mut snapshot = healthy_account();
        let needs = snapshot.functions[0].gate.requirements.as_mut().unwrap();
        needs.longest_check = Some((Duration::from_secs(1000), "steady".to_owned()));
        let problems = timeout_too_short(&snapshot);
        assert_eq!(
            problems[0].message,
            "the timeout is 15m, but the check \"steady\" (built-in) can take 16m 40s, and the hook needs more time to \
             put the status"
        );
        assert_eq!(problems[0].command, None);
    }

    #[test]
    fn retries_and_a_long_event_age_are_found() {
        let mut snapshot = healthy_account();
        let settings = |snapshot: &mut AccountSnapshot, index: usize| {
            snapshot.functions[index].event_invoke_config.found_mut().clone().unwrap()
        };
        let mut retries = settings(&mut snapshot, 0);
        retries.max_retry_attempts = 2;
        snapshot.functions[0].event_invoke_config = Lookup::Found(Some(retries));
        let mut old = settings(&mut snapshot, 1);
        old.max_event_age = Duration::from_secs(21_600);
        snapshot.functions[1].event_invoke_config = Lookup::Found(Some(old));
        snapshot.functions[2].event_invoke_config = Lookup::Found(None);
        assert_eq!(codes(&snapshot), ["EventSettings"; 3]);
    }

    #[test]
    fn a_destination_that_cannot_put_a_status_is_found() {
        let arns = [
            None,
            Some("arn:aws:sqs:eu-west-1:111122223333:failures"),
            Some("arn:aws:lambda:us-east-1:111122223333:function:CodeDeployHook_on-failure"),
        ];
        let mut snapshot = healthy_account();
        for (function, arn) in snapshot.functions.iter_mut().zip(arns) {
            if let Some(settings) = function.event_invoke_config.found_mut() {
                settings.on_failure = arn.map(str::to_owned);
            }
        }
        assert_eq!(codes(&snapshot), ["NoFailureDestination"; 3]);
    }

    #[test]
    fn an_invalid_setting_is_found() {
        let mut snapshot = healthy_account();
        let variables = [("GREENLIGHT_ROLLBACK".to_owned(), "maybe".to_owned())].into();
        snapshot.functions[0].config.found_mut().variables = Some(variables);
        assert_eq!(codes(&snapshot), ["SettingsInvalid"]);
    }

    #[test]
    fn alarms_that_notify_nobody_are_found() {
        let mut snapshot = healthy_account();
        let name = "CodeDeployHook_on-failure";
        for (alarms, says) in [
            (vec![], "no alarm has a name that begins with CodeDeployHook_on-failure"),
            (vec![("a".to_owned(), false), ("b".to_owned(), true)], "the alarm a notifies nobody: "),
            (vec![("a".to_owned(), false), ("b".to_owned(), false)], "the alarms a and b notify nobody: "),
        ] {
            snapshot.on_failure_alarms.insert(name.to_owned(), Lookup::Found(alarms));
            assert_eq!(codes(&snapshot), ["NobodyNotified"]);
            let problems = nobody_notified(&snapshot);
            assert!(problems[0].message.starts_with(says), "{problems:?}");
        }
        snapshot.on_failure_alarms.insert(name.to_owned(), Lookup::Unreadable);
        assert_eq!(codes(&snapshot), [""; 0], "what could not be read is not a finding");
    }
}
