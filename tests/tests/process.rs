//! What happens to the process and to its event, and not to AWS: a process that is killed or has too little memory, a
//! clock that is wrong, an event that comes twice or late.

use std::time::Duration;

use greenlight_tests::{SHORT_WINDOWS, binaries};
use rehearsal::{
    ClockSkew, FaultKind, HookName, HookRunReport, HookStatus, HookTestBed, InjectedFault, InvocationResult,
};

async fn run(stage: HookTestBed) -> HookRunReport {
    stage.gate(SHORT_WINDOWS).run(binaries()).await.unwrap()
}

async fn after_install() -> HookTestBed {
    HookTestBed::at(HookName::AfterInstall).await
}

fn killed() -> InvocationResult {
    InvocationResult::Exited("signal: 9 (SIGKILL)".to_owned())
}

fn all_succeeded(played: &HookRunReport) -> bool {
    played.invocations.iter().all(|how| matches!(how, InvocationResult::Success(_)))
}

/// No more than one status takes effect, whatever else is put, and each is put for the hook's own event.
fn effective_puts_for(played: &HookRunReport, hook: HookName) -> usize {
    assert!(played.puts.iter().all(|put| put.event.as_deref() == Some(hook.name())), "{:?}", played.puts);
    played.puts.iter().filter(|put| put.took_effect).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_answers_nothing_and_its_event_is_answered_when_it_comes_again() {
    // The first waits for AWS until it is killed.
    let waits = || InjectedFault::first(1, "codedeploy:GetDeployment", FaultKind::BlackHole);
    let after = Duration::from_millis(200);
    let played = run(after_install().await.inject_fault(waits()).killed(after)).await;
    assert_eq!((&played.invocations[..], played.puts.len()), (&[killed()][..], 0));
    let again = [Duration::from_millis(400)];
    let played = run(after_install().await.inject_fault(waits()).killed(after).redelivered(&again)).await;
    assert_eq!(played.invocations[0], killed());
    assert!(matches!(played.invocations[1], InvocationResult::Success(_)), "{:?}", played.invocations);
    assert_eq!(played.statuses, [HookStatus::Succeeded]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_twice_at_once_is_answered_once() {
    let played = run(after_install().await.redelivered(&[Duration::ZERO])).await;
    assert!(all_succeeded(&played) && played.invocations.len() == 2, "{:?}", played.invocations);
    assert_eq!(effective_puts_for(&played, HookName::AfterInstall), 1, "{:?}", played.puts);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn memory_has_a_limit_and_time_is_measured() {
    let played = run(after_install().await.memory(2 << 20)).await;
    assert_eq!((&played.invocations[..], played.puts.len()), (&[killed()][..], 0));
    let played = run(after_install().await.memory(128 << 20)).await;
    assert_eq!(played.statuses, [HookStatus::Succeeded]);
    assert!(played.cpu > Some(Duration::ZERO), "{:?}", played.cpu);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_an_hour_off_keeps_nobody_from_answering() {
    let offset = Duration::from_secs(3600);
    for clock in [ClockSkew::Ahead(offset), ClockSkew::Behind(offset)] {
        let played = run(after_install().await.clock_skew(clock)).await;
        assert!(all_succeeded(&played), "{clock:?}: {:?}", played.invocations);
        assert_eq!(effective_puts_for(&played, HookName::AfterInstall), 1, "{clock:?}");
        assert!(played.status_taken_after() <= Some(played.took[0]), "{clock:?}: {:?}, {:?}", played.puts, played.took);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_when_its_lifecycle_event_is_over_changes_nothing() {
    let played = run(HookTestBed::at(HookName::AfterAllowTraffic).await.late(HookName::BeforeAllowTraffic)).await;
    assert!(all_succeeded(&played), "{:?}", played.invocations);
    assert_eq!(effective_puts_for(&played, HookName::BeforeAllowTraffic), 0, "{:?}", played.puts);
    assert_eq!(played.statuses, []);
}
