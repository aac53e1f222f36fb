//! Every operation, with every trouble, once and always, before and after it took effect.

use std::time::Duration;

use greenlight_tests::{HookCase, PUT_STATUS, expect_eq, expect_success, operations, run_cases_in_parallel};
use rehearsal::{FaultKind, FaultTiming, HookName, HookRunReport, HookStatus, InjectedFault, InvocationResult};

/// It says at which event the deployment is.
const EVENT_STATUS_OPERATION: &str = "codedeploy:GetDeploymentTarget";

/// Long enough to ask again, and for a call with all its attempts where nothing comes back.
const LONG_TIMEOUT: Duration = Duration::from_secs(60);
/// An answer that can never be sent is tried until the end.
const SHORT_TIMEOUT: Duration = Duration::from_secs(5);
/// Too short to ask again for long what never goes well.
const MEDIUM_TIMEOUT: Duration = Duration::from_secs(12);
/// Most of them wait for something that does not come.
const MAX_PARALLEL: usize = 48;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Frequency {
    Once,
    Always,
}

/// The code of what a hook is told when an operation never goes well.
fn expected_code(operation: &str, trouble: FaultKind) -> &'static str {
    match trouble {
        FaultKind::Throttle => "AwsThrottled",
        FaultKind::Deny => "AwsDenied",
        FaultKind::Fail
        | FaultKind::Unavailable
        | FaultKind::Malform
        | FaultKind::Truncate
        | FaultKind::WrongType
        | FaultKind::Huge => "AwsFailed",
        FaultKind::HangUp
        | FaultKind::Reset
        | FaultKind::Refuse
        | FaultKind::BlackHole
        | FaultKind::Stall
        | FaultKind::SlowHeaders
        | FaultKind::SlowBody => "AwsUnreachable",
        FaultKind::ForeignJson if operation == EVENT_STATUS_OPERATION => "LifecycleStateUnknown",
        FaultKind::ForeignJson if is_retried(operation, trouble) => "AwsFailed",
        FaultKind::ForeignJson => "UnexpectedReply",
    }
}

/// The hooks that call an operation so that it decides; the first of them stands for all in the everyday matrix.
fn deciding_hooks(operation: &str) -> Vec<HookName> {
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
fn is_retried(operation: &str, trouble: FaultKind) -> bool {
    let in_json = ["codedeploy:", "ecs:"].iter().any(|service| operation.starts_with(service));
    operation == EVENT_STATUS_OPERATION || !(trouble == FaultKind::ForeignJson && in_json)
}

/// Whether the checks that need an operation are polled, so that an attempt that could not be made is not the last one.
fn is_polled(operation: &str) -> bool {
    ["ecs:DescribeTaskDefinition", "ecs:DescribeTasks", "ecs:ListTasks"].contains(&operation)
}

fn case(
    hook: HookName,
    operation: &'static str,
    trouble: FaultKind,
    effect: FaultTiming,
    frequency: Frequency,
) -> HookCase {
    let times = if frequency == Frequency::Once { "once" } else { "always" };
    let title = format!("{hook}: {operation} {trouble}, {times}, {effect:?}");
    let fault = match frequency {
        Frequency::Once => InjectedFault::first(1, operation, trouble),
        Frequency::Always => InjectedFault::always(operation, trouble),
    };
    let case = HookCase::new(hook, &title).with_fault(fault.with_timing(effect));
    match (operation, frequency) {
        (PUT_STATUS, Frequency::Once) => case
            .timeout(LONG_TIMEOUT)
            .succeeds()
            .assert(expect_success)
            .assert(|played| expect_eq("the puts", &put_count(played), &2)),
        (PUT_STATUS, Frequency::Always) => case.timeout(SHORT_TIMEOUT).assert(move |played| {
            let taken: &[HookStatus] = if effect == FaultTiming::After { &[HookStatus::Succeeded] } else { &[] };
            expect_eq("the answers", &played.statuses[..], taken)?;
            status_not_sent(played)
        }),
        (_, Frequency::Once) if is_retried(operation, trouble) || is_polled(operation) => {
            case.timeout(LONG_TIMEOUT).succeeds().assert(expect_success)
        }
        _ => case
            .timeout(if trouble.is_slow() { LONG_TIMEOUT } else { MEDIUM_TIMEOUT })
            .fails(expected_code(operation, trouble))
            .assert(expect_success)
            .assert(|played| expect_eq("the puts", &put_count(played), &1)),
    }
}

fn put_count(played: &HookRunReport) -> u64 {
    played.calls.get(PUT_STATUS).copied().unwrap_or_default()
}

/// The invocation failed, so that the safety net is called, and the log says what to do by hand.
fn status_not_sent(played: &HookRunReport) -> Result<(), String> {
    match &played.invocation_result {
        InvocationResult::Error { error_type, .. } => {
            expect_eq("the error type", error_type.as_str(), "StatusNotSent")?
        }
        other => return Err(format!("the invocation ended with {other:?}")),
    }
    let by_hand = |line: &&String| line.contains("aws deploy put-lifecycle-event-hook-execution-status");
    expect_eq("the lines with the command", &played.raw_log.iter().filter(by_hand).count(), &1)
}

/// Whether the whole matrix is wanted, and not only its everyday part.
#[expect(clippy::disallowed_methods, reason = "a test's own switch")]
fn is_full_run() -> bool {
    std::env::var("GREENLIGHT_MATRIX").is_ok_and(|word| word == "all")
}

/// `GREENLIGHT_MATRIX=all` plays it with every hook that calls an operation, and not with one for each.
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_with_every_trouble() {
    let is_full_run = is_full_run();
    let mut called: Vec<_> = HookName::ALL.into_iter().flat_map(operations).copied().collect();
    called.sort_unstable();
    called.dedup();
    let mut cases = Vec::new();
    for operation in called {
        for hook in deciding_hooks(operation).into_iter().take(if is_full_run { HookName::ALL.len() } else { 1 }) {
            for trouble in FaultKind::ALL {
                for effect in [FaultTiming::Before, FaultTiming::After] {
                    for often in [Frequency::Once, Frequency::Always] {
                        cases.push(case(hook, operation, trouble, effect, often));
                    }
                }
            }
        }
    }
    let count = cases.len();
    run_cases_in_parallel(MAX_PARALLEL, cases).await;
    let manual = include_str!("../../../docs/RELIABILITY.md");
    assert!(
        is_full_run || manual.contains(&format!("**{count} runs**")),
        "docs/RELIABILITY.md does not say that there are {count} runs"
    );
    println!("{count} runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operations_of_each_hook_are_those_that_it_calls() {
    let cases = HookName::ALL.map(|hook| {
        HookCase::new(hook, hook.name()).succeeds().assert(move |played| {
            let called: Vec<_> = played.calls.keys().map(String::as_str).collect();
            expect_eq("the operations that were called", &called[..], operations(hook))
        })
    });
    run_cases_in_parallel(5, cases.into()).await;
}
