//! Faults of the process and of its event: a process that is killed or has too little memory, a clock that is wrong, an
//! event that Lambda delivers twice or late.

use std::time::Duration;

use greenlight_tests::{SHORT_WINDOWS, binaries};
use rehearsal::{
    ClockSkew, FaultKind, Hook, HookRunReport, HookTestBed, InjectedFault, InvocationResult, ProcessExit, Status,
};

async fn run(stage: HookTestBed) -> HookRunReport {
    stage.gate(SHORT_WINDOWS).run(binaries()).await.unwrap()
}

async fn after_install() -> HookTestBed {
    HookTestBed::at(Hook::AfterInstall).await
}

fn killed() -> InvocationResult {
    InvocationResult::Exited(ProcessExit::Killed)
}

fn all_succeeded(played: &HookRunReport) -> bool {
    played.invocations.iter().all(|how| matches!(how, InvocationResult::Success(_)))
}

/// The number of puts that took effect. Panics if a put was for another hook's event.
fn effective_puts_for(played: &HookRunReport, hook: Hook) -> usize {
    assert!(played.puts.iter().all(|put| put.event.as_deref() == Some(hook.event_name())), "{:?}", played.puts);
    played.puts.iter().filter(|put| put.took_effect).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_process_puts_nothing_and_the_redelivered_event_gets_its_status() {
    // The first process waits for AWS until it is killed.
    let waits = || InjectedFault::first(1, "codedeploy:GetDeployment", FaultKind::BlackHole);
    let after = Duration::from_millis(200);
    let played = run(after_install().await.inject_fault(waits()).killed(after)).await;
    assert_eq!((&played.invocations[..], played.puts.len()), (&[killed()][..], 0));
    let again = [Duration::from_millis(400)];
    let played = run(after_install().await.inject_fault(waits()).killed(after).redelivered(&again)).await;
    assert_eq!(played.invocations[0], killed());
    assert!(matches!(played.invocations[1], InvocationResult::Success(_)), "{:?}", played.invocations);
    assert_eq!(played.statuses, [Status::Succeeded]);
}

#[tokio::test(flavor = "multi_thread")]
async fn event_delivered_twice_at_once_gets_one_effective_status() {
    let played = run(after_install().await.redelivered(&[Duration::ZERO])).await;
    assert!(all_succeeded(&played) && played.invocations.len() == 2, "{:?}", played.invocations);
    assert_eq!(effective_puts_for(&played, Hook::AfterInstall), 1, "{:?}", played.puts);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn too_little_memory_kills_the_process_and_cpu_time_is_measured() {
    let played = run(after_install().await.memory(2 << 20)).await;
    assert_eq!((&played.invocations[..], played.puts.len()), (&[killed()][..], 0));
    let played = run(after_install().await.memory(128 << 20)).await;
    assert_eq!(played.statuses, [Status::Succeeded]);
    assert!(played.cpu > Some(Duration::ZERO), "{:?}", played.cpu);
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_that_is_an_hour_off_does_not_prevent_the_status() {
    let offset = Duration::from_secs(3600);
    for clock in [ClockSkew::Ahead(offset), ClockSkew::Behind(offset)] {
        let played = run(after_install().await.clock_skew(clock)).await;
        assert!(all_succeeded(&played), "{clock:?}: {:?}", played.invocations);
        assert_eq!(effective_puts_for(&played, Hook::AfterInstall), 1, "{clock:?}");
        assert!(played.status_taken_after() <= Some(played.took[0]), "{clock:?}: {:?}, {:?}", played.puts, played.took);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn event_delivered_after_its_lifecycle_event_changes_nothing() {
    let played = run(HookTestBed::at(Hook::AfterAllowTraffic).await.late(Hook::BeforeAllowTraffic)).await;
    assert!(all_succeeded(&played), "{:?}", played.invocations);
    assert_eq!(effective_puts_for(&played, Hook::BeforeAllowTraffic), 0, "{:?}", played.puts);
    assert_eq!(played.statuses, []);
}
