//! Every operation with every fault, once and always, before and after the operation takes effect.

use std::time::Duration;

use greenlight_tests::{
    CaseGroup, HookCase, PUT_STATUS, SHORT_WINDOWS, expect_eq, expect_success, operations, run_cases_in_parallel,
};
use rehearsal::{FaultKind, FaultTiming, Hook, HookRunReport, InjectedFault, InvocationResult, Status};

/// This operation reports which lifecycle event is in progress.
const EVENT_STATUS_OPERATION: &str = "codedeploy:GetDeploymentTarget";

/// Long enough to repeat a call, and for a call with all its attempts when no reply comes.
const LONG_TIMEOUT: Duration = Duration::from_secs(60);
/// Short, because a hook that cannot put its status tries until the end.
const SHORT_TIMEOUT: Duration = Duration::from_secs(5);
/// Too short to repeat a failing call for long.
const MEDIUM_TIMEOUT: Duration = Duration::from_secs(12);
/// Most runs wait for a reply that does not come, so many can run at once.
const MAX_PARALLEL: usize = 48;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Frequency {
    Once,
    Always,
}

/// The reason code of a hook when an operation never succeeds.
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

/// The hooks in which an operation decides the verdict. The everyday matrix only runs the first of them.
fn deciding_hooks(operation: &str) -> Vec<Hook> {
    // Alarms only warn at BeforeInstall, and their window lasts until the time runs out at AfterAllowTraffic.
    let watched = [Hook::BeforeInstall, Hook::AfterAllowTraffic];
    let decides = |hook: &Hook| !(watched.contains(hook) && operation == "cloudwatch:DescribeAlarms");
    let mut hooks: Vec<_> =
        Hook::ALL.into_iter().filter(|hook| operations(*hook).contains(&operation)).filter(decides).collect();
    // The first hook depends on the operation, so that the everyday matrix covers all hooks.
    let turn = operation.len() % hooks.len();
    hooks.rotate_left(turn);
    hooks
}

/// Whether a hook repeats a read. It does not repeat it if the reply is complete and in the operation's format but
/// lacks members. CodeDeploy's record of its events can lag, so the hook reads an empty record again.
fn is_retried(operation: &str, trouble: FaultKind) -> bool {
    let in_json = ["codedeploy:", "ecs:"].iter().any(|service| operation.starts_with(service));
    operation == EVENT_STATUS_OPERATION || !(trouble == FaultKind::ForeignJson && in_json)
}

/// Whether the checks that need an operation poll, so that another attempt follows an attempt that failed.
fn is_polled(operation: &str) -> bool {
    ["ecs:DescribeTaskDefinition", "ecs:DescribeTasks", "ecs:ListTasks"].contains(&operation)
}

fn case(
    hook: Hook,
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
            let taken: &[Status] = if effect == FaultTiming::After { &[Status::Succeeded] } else { &[] };
            expect_eq("the statuses", &played.statuses[..], taken)?;
            status_not_sent(played)
        }),
        // On a busy machine, one attempt can last longer than a short window, and then no other attempt follows.
        (_, Frequency::Once) if is_retried(operation, trouble) || is_polled(operation) => case
            .gate(SHORT_WINDOWS.replace("within: 300ms", "within: 30s"))
            .timeout(LONG_TIMEOUT)
            .succeeds()
            .assert(expect_success),
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

/// Checks that the invocation failed, so that Lambda invokes the on-failure handler, and that the log has the command
/// with which a person can put the status.
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

/// Whether to run the whole matrix instead of its everyday part.
#[expect(clippy::disallowed_methods, reason = "a switch of this test only")]
fn is_full_run() -> bool {
    std::env::var("GREENLIGHT_MATRIX").is_ok_and(|word| word == "all")
}

/// `GREENLIGHT_MATRIX=all` runs each operation with every hook that calls it, instead of with one hook.
pub async fn every_operation_with_every_trouble() {
    let is_full_run = is_full_run();
    let mut called: Vec<_> = Hook::ALL.into_iter().flat_map(operations).collect();
    called.sort_unstable();
    called.dedup();
    let mut cases = Vec::new();
    for operation in called {
        for hook in deciding_hooks(operation).into_iter().take(if is_full_run { Hook::ALL.len() } else { 1 }) {
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
        "docs/RELIABILITY.md has another number of runs, expected **{count} runs**"
    );
    println!("{count} runs");
}

pub fn each_hook_calls_exactly_its_listed_operations() -> CaseGroup {
    let cases = Hook::ALL.map(|hook| {
        HookCase::new(hook, hook.event_name()).succeeds().assert(move |played| {
            let called: Vec<_> = played.calls.keys().map(String::as_str).collect();
            expect_eq("the operations that were called", &called, &operations(hook))
        })
    });
    CaseGroup::from(Vec::from(cases)).without_golden_text()
}
