//! The hook puts its status although calls are lost, throttled, denied or too late. `fault_matrix` does this for every
//! operation.

mod fault_matrix;

use std::{process::ExitCode, time::Duration};

use greenlight_tests::{HookCase, PUT_STATUS, Suite, expect_eq};
use rehearsal::{FaultKind, Hook, HookRunReport, InjectedFault, InvocationResult, Status, world::EventStatus};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("answers", answers)
        .last_async_test(
            "fault_matrix::every_operation_with_every_trouble",
            fault_matrix::every_operation_with_every_trouble,
        )
        .cases(
            "fault_matrix::each_hook_calls_exactly_its_listed_operations",
            fault_matrix::each_hook_calls_exactly_its_listed_operations,
        )
        .run()
}

fn case(title: &str) -> HookCase {
    HookCase::new(Hook::BeforeAllowTraffic, title)
}

fn put_count(played: &rehearsal::HookRunReport) -> u64 {
    played.calls.get(PUT_STATUS).copied().unwrap_or_default()
}

fn log_lacks(played: &HookRunReport, word: &str) -> Result<(), String> {
    let found = played.raw_log.iter().find(|line| line.contains(word));
    found.map_or(Ok(()), |line| Err(format!("the log contains {word:?}: {line}")))
}

/// Checks that one log line has both commands, first the command that needs no execution id.
fn stop_command_comes_first(played: &HookRunReport) -> Result<(), String> {
    let commands = |line: &String| {
        let stop = line.find("aws deploy stop-deployment --region ");
        let put = line.find("aws deploy put-lifecycle-event-hook-execution-status --region ");
        stop.zip(put)
    };
    let found: Vec<_> = played.raw_log.iter().filter_map(commands).collect();
    expect_eq("the lines with the commands", &found.len(), &1)?;
    expect_eq("whether stop-deployment comes first", &(found[0].0 < found[0].1), &true)
}

fn answers() -> Vec<HookCase> {
    vec![
        case("the reply is lost, and the status takes effect once")
            .with_fault(InjectedFault::first(1, PUT_STATUS, FaultKind::HangUp).after_effect())
            .succeeds()
            .assert(|played| expect_eq("the puts", &put_count(played), &2))
            .assert(|played| match played.invocation_result {
                InvocationResult::Success(_) => Ok(()),
                _ => Err("the invocation failed".to_owned()),
            }),
        case("the reply is cut off")
            .with_fault(InjectedFault::first(1, PUT_STATUS, FaultKind::Malform).after_effect())
            .succeeds(),
        case("the reply is another server's JSON, and the status took effect")
            .with_fault(InjectedFault::first(1, PUT_STATUS, FaultKind::ForeignJson).after_effect())
            .succeeds()
            .assert(|played| expect_eq("the puts", &put_count(played), &2))
            .assert(|played| log_lacks(played, "already")),
        case("the reply is another server's JSON, and the status did not take effect")
            .with_fault(InjectedFault::first(2, PUT_STATUS, FaultKind::ForeignJson))
            .succeeds()
            .assert(|played| expect_eq("the puts", &put_count(played), &3)),
        case("every reply is another server's JSON")
            .timeout(Duration::from_secs(5))
            .with_fault(InjectedFault::always(PUT_STATUS, FaultKind::ForeignJson))
            .errors("StatusNotSent")
            .assert(stop_command_comes_first),
        case("AWS throttles three times")
            .with_fault(InjectedFault::first(3, PUT_STATUS, FaultKind::Throttle))
            .succeeds()
            .assert(|played| expect_eq("the puts", &put_count(played), &4)),
        case("the connection is closed before the status takes effect")
            .with_fault(InjectedFault::first(2, PUT_STATUS, FaultKind::HangUp))
            .succeeds(),
        case("AWS fails twice").with_fault(InjectedFault::first(2, PUT_STATUS, FaultKind::Fail)).succeeds(),
        case("the role is new, and IAM denies the first calls")
            .with_fault(InjectedFault::first(2, PUT_STATUS, FaultKind::Deny))
            .succeeds()
            .assert(|played| expect_eq("the puts", &put_count(played), &3)),
        // The hook tries for the whole reserve, which is a few seconds here.
        case("the role is not allowed to put the status")
            .timeout(Duration::from_secs(5))
            .with_fault(InjectedFault::always(PUT_STATUS, FaultKind::Deny))
            .errors("StatusNotSent")
            .assert(stop_command_comes_first),
        case("the role is not allowed to put the status, and a dead-letter queue is configured")
            .timeout(Duration::from_secs(5))
            .env("GREENLIGHT_DEAD_LETTER_QUEUE", "https://sqs.eu-west-1.amazonaws.com/111122223333/dead letters")
            .with_fault(InjectedFault::always(PUT_STATUS, FaultKind::Deny))
            .errors("StatusNotSent")
            .assert(stop_command_comes_first)
            .assert(|played| {
                let reads = "aws sqs receive-message --region eu-west-1 --queue-url \
                             'https://sqs.eu-west-1.amazonaws.com/111122223333/dead letters' ";
                let reads = |line: &&String| line.contains(reads);
                expect_eq(
                    "the lines with the command that reads the event",
                    &played.raw_log.iter().filter(reads).count(),
                    &1,
                )
            }),
        // Waits for ten seconds of real time, because the hook waits for CodeDeploy's record, which can lag.
        case("the status was put already")
            .world(|world| {
                world.executions.last_mut().unwrap().status = Some(Status::Failed);
                world.deployment().event("BeforeAllowTraffic").unwrap().status = EventStatus::Failed;
            })
            .env("GREENLIGHT_WRONG_EVENT", "warn")
            .assert(|played| expect_eq("the puts", &put_count(played), &1))
            .assert(|played| match played.invocation_result {
                InvocationResult::Success(_) => Ok(()),
                _ => Err("the invocation failed".to_owned()),
            }),
    ]
}
