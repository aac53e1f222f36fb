//! Checks that break their own process: whenever the process can still put a status, it puts one in time.

use std::{process::ExitCode, time::Duration};

use greenlight_tests::{CaseGroup, HookCase, Suite, expect_eq, expect_success, log_lacks};
use rehearsal::{Hook, HookRunReport, InvocationResult};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME")).cases("checks_that_break_things", checks_that_break_things).run()
}

/// The timeout of the functions. No hook waits for its end: the status is put at least a fifth of the timeout before
/// it.
const TIMEOUT: Duration = Duration::from_secs(3);

fn case(title: &str, gate: &'static str) -> HookCase {
    HookCase::new(Hook::BeforeAllowTraffic, title).gate(gate).timeout(TIMEOUT)
}

fn process_died(played: &HookRunReport) -> Result<(), String> {
    expect_eq("the statuses", &played.statuses[..], &[][..])?;
    match &played.invocation_result {
        InvocationResult::Exited(_) => Ok(()),
        other => Err(format!("the invocation ended with {other:?}")),
    }
}

fn checks_that_break_things() -> CaseGroup {
    CaseGroup::from(vec![
        case(
            "a check panics",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: panic }, { tasks: green, expect: [running > 0] }] } }",
        )
        .fails("CheckPanicked")
        .check_outcome("sabotage", "errored")
        .check_outcome("tasks green", "passed")
        .assert(expect_success),
        case(
            "a check panics, and only warns",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: panic, on_error: warn }, { tasks: green, expect: [running > 0] }] } }",
        )
        .succeeds()
        .warns("CheckPanicked")
        .assert(expect_success),
        case(
            "a check blocks its thread",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: block }] } }",
        )
        .fails("RanOutOfTime")
        .assert(expect_success),
        case(
            "a check never yields its thread",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: spin }] } }",
        )
        .fails("RanOutOfTime")
        .assert(expect_success),
        case(
            "a check leaves a thread behind",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: leave }] } }",
        )
        .fails("RanOutOfTime")
        .assert(expect_success),
        case(
            "`on_fail` and `no_data` do not excuse a check that blocks",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: block, on_fail: ignore, no_data: ignore }] } }",
        )
        .fails("RanOutOfTime")
        .assert(expect_success),
        // If the process dies, only the on-failure handler can put a status.
        case(
            "a check panics while it panics",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: panic-twice }] } }",
        )
        .assert(process_died),
        case(
            "a check ends the process",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: exit }] } }",
        )
        .assert(process_died),
    ])
    // A panic message can contain a secret.
    .assert_each(log_lacks("sesame"))
}
