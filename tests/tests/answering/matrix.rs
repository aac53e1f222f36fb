//! Every operation, with every trouble, once and always, before and after it took effect.

use std::time::Duration;

use greenlight_tests::{Case, PUT, operations, play_at_once, returned, same};
use rehearsal::{Answer, Effect, Fault, HookName, InvocationResult, Played, Trouble};

/// It says at which event the deployment is.
const WIRING: &str = "codedeploy:GetDeploymentTarget";

/// Long enough to ask again, and for a call with all its attempts where nothing comes back.
const PATIENT: Duration = Duration::from_secs(60);
/// An answer that can never be sent is tried until the end.
const BRIEF: Duration = Duration::from_secs(5);
/// Too short to ask again for long what never goes well.
const SHORT: Duration = Duration::from_secs(12);
/// Most of them wait for something that does not come.
const AT_ONCE: usize = 48;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Often {
    Once,
    Always,
}

/// The code of what a hook is told when an operation never goes well.
fn reason(operation: &str, trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Throttle => "AwsThrottled",
        Trouble::Deny => "AwsDenied",
        Trouble::Fail
        | Trouble::Unavailable
        | Trouble::Malform
        | Trouble::Truncate
        | Trouble::WrongType
        | Trouble::Huge => "AwsFailed",
        Trouble::HangUp
        | Trouble::Reset
        | Trouble::Refuse
        | Trouble::BlackHole
        | Trouble::Stall
        | Trouble::SlowHeaders
        | Trouble::SlowBody => "AwsUnreachable",
        Trouble::ForeignJson if operation == WIRING => "StatusUnknown",
        Trouble::ForeignJson if is_asked_again(operation, trouble) => "AwsFailed",
        Trouble::ForeignJson => "UnexpectedReply",
    }
}

/// The hooks that call an operation so that it decides; the first of them stands for all in the everyday matrix.
fn hooks(operation: &str) -> Vec<HookName> {
    // Before anything is installed alarms only warn, and after the shift they are watched to the end of the time.
    let watched = [HookName::BeforeInstall, HookName::AfterAllowTraffic];
    let decides = |hook: &HookName| !(watched.contains(hook) && operation == "cloudwatch:DescribeAlarms");
    let mut hooks: Vec<_> =
        HookName::ALL.into_iter().filter(|hook| operations(*hook).contains(&operation)).filter(decides).collect();
    // The everyday one is not always the same hook.
    let turn = operation.len() % hooks.len();
    hooks.rotate_left(turn);
    hooks
}

/// Whether a hook that reads asks again: not where a reply is whole, in the format of the operation, and lacks what it
/// should have. CodeDeploy's record of its events lags, so of that one an empty reply is asked for again.
fn is_asked_again(operation: &str, trouble: Trouble) -> bool {
    let in_json = ["codedeploy:", "ecs:"].iter().any(|service| operation.starts_with(service));
    operation == WIRING || !(trouble == Trouble::ForeignJson && in_json)
}

/// Whether the checks that need an operation are polled, so that an attempt that could not be made is not the last one.
fn is_polled(operation: &str) -> bool {
    ["ecs:DescribeTaskDefinition", "ecs:DescribeTasks", "ecs:ListTasks"].contains(&operation)
}

fn case(hook: HookName, operation: &'static str, trouble: Trouble, effect: Effect, often: Often) -> Case {
    let times = if often == Often::Once { "once" } else { "always" };
    let title = format!("{hook}: {operation} {trouble}, {times}, {effect:?}");
    let fault = match often {
        Often::Once => Fault::first(1, operation, trouble),
        Often::Always => Fault::always(operation, trouble),
    };
    let case = Case::new(hook, &title).fault(fault.with(effect));
    match (operation, often) {
        (PUT, Often::Once) => {
            case.timeout(PATIENT).succeeds().and(returned).and(|played| same("the puts", &puts(played), &2))
        }
        (PUT, Often::Always) => case.timeout(BRIEF).and(move |played| {
            let taken: &[Answer] = if effect == Effect::After { &[Answer::Succeeded] } else { &[] };
            same("the answers", &played.answers[..], taken)?;
            not_sent(played)
        }),
        (_, Often::Once) if is_asked_again(operation, trouble) || is_polled(operation) => {
            case.timeout(PATIENT).succeeds().and(returned)
        }
        _ => case
            .timeout(if trouble.is_slow() { PATIENT } else { SHORT })
            .fails(reason(operation, trouble))
            .and(returned)
            .and(|played| same("the puts", &puts(played), &1)),
    }
}

fn puts(played: &Played) -> u64 {
    played.calls.get(PUT).copied().unwrap_or_default()
}

/// The invocation failed, so that the safety net is called, and the log says what to do by hand.
fn not_sent(played: &Played) -> Result<(), String> {
    match &played.outcome_of_invocation {
        InvocationResult::Error { error_type, .. } => same("the error type", error_type.as_str(), "AnswerNotSent")?,
        other => return Err(format!("the invocation ended with {other:?}")),
    }
    let by_hand = |line: &&String| line.contains("aws deploy put-lifecycle-event-hook-execution-status");
    same("the lines with the command", &played.raw_log.iter().filter(by_hand).count(), &1)
}

/// Whether the whole matrix is wanted, and not only its everyday part.
#[expect(clippy::disallowed_methods, reason = "a test's own switch")]
fn whole() -> bool {
    std::env::var("GREENLIGHT_MATRIX").is_ok_and(|word| word == "all")
}

/// `GREENLIGHT_MATRIX=all` plays it with every hook that calls an operation, and not with one for each.
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_with_every_trouble() {
    let all = whole();
    let mut called: Vec<_> = HookName::ALL.into_iter().flat_map(operations).copied().collect();
    called.sort_unstable();
    called.dedup();
    let mut cases = Vec::new();
    for operation in called {
        for hook in hooks(operation).into_iter().take(if all { HookName::ALL.len() } else { 1 }) {
            for trouble in Trouble::ALL {
                for effect in [Effect::Before, Effect::After] {
                    for often in [Often::Once, Often::Always] {
                        cases.push(case(hook, operation, trouble, effect, often));
                    }
                }
            }
        }
    }
    let count = cases.len();
    play_at_once(AT_ONCE, cases).await;
    let manual = include_str!("../../../docs/RELIABILITY.md");
    assert!(
        all || manual.contains(&format!("**{count} runs**")),
        "docs/RELIABILITY.md does not say that there are {count} runs"
    );
    println!("{count} runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operations_of_each_hook_are_those_that_it_calls() {
    let cases = HookName::ALL.map(|hook| {
        Case::new(hook, hook.name()).succeeds().and(move |played| {
            let called: Vec<_> = played.calls.keys().map(String::as_str).collect();
            same("the operations that were called", &called[..], operations(hook))
        })
    });
    play_at_once(5, cases.into()).await;
}
