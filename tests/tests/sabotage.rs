//! A check that breaks its own process: whatever can be answered is answered, in time.

use std::time::Duration;

use greenlight_tests::{Case, play, returned, same};
use rehearsal::{HookName, InvocationResult, Played};

/// The time-out of the functions here. Nothing waits for its end: the answer comes a fifth before it at the latest.
const TIMEOUT: Duration = Duration::from_secs(3);

fn case(title: &str, gate: &'static str) -> Case {
    Case::new(HookName::BeforeAllowTraffic, title).gate(gate).timeout(TIMEOUT)
}

fn died(played: &Played) -> Result<(), String> {
    same("the answers", &played.answers[..], &[][..])?;
    match &played.outcome_of_invocation {
        InvocationResult::Exited(_) => Ok(()),
        other => Err(format!("the invocation ended with {other:?}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_that_break_things() {
    let told = play(vec![
        case(
            "a check panics",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: panic }, { ecs: green, expect: [running > 0] }] } }",
        )
        .fails("CheckPanicked")
        .check("sabotage", "errored")
        .check("ecs green", "passed")
        .and(returned),
        case(
            "a check panics, and only warns",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: panic, on_error: warn }, { ecs: green, expect: [running > 0] }] } }",
        )
        .succeeds()
        .warns("CheckPanicked")
        .and(returned),
        case(
            "a check blocks its thread",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: block }] } }",
        )
        .fails("RanOutOfTime")
        .and(returned),
        case(
            "a check never gives its thread back",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: spin }] } }",
        )
        .fails("RanOutOfTime")
        .and(returned),
        case(
            "a check leaves a thread behind",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: leave }] } }",
        )
        .fails("RanOutOfTime")
        .and(returned),
        case(
            "a check that blocks may not be excused",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: block, on_fail: ignore, no_data: ignore }] } }",
        )
        .fails("RanOutOfTime")
        .and(returned),
        // What no process can answer for itself is the safety net's.
        case(
            "a check panics while it panics",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: panic-twice }] } }",
        )
        .and(died),
        case(
            "a check ends the process",
            "version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ sabotage: exit }] } }",
        )
        .and(died),
    ])
    .await;
    assert!(!told.contains("sesame"), "what a panic says may be secret: {told}");
    insta::assert_snapshot!(told);
}
