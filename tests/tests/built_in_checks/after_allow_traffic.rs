//! The built-in checks of AfterAllowTraffic.

use std::time::{Duration, SystemTime};

use greenlight_tests::HookCase;
use rehearsal::{
    Hook,
    world::{Change, Health, TasksStop, World},
};

use super::support::{ONE_HOUR, alarm_fires, blue_arn, green_arn};

/// AfterAllowTraffic with a window that is long enough for a change during it. The gate file has a single check:
/// whether others passed or were interrupted would depend on timing.
const TASKS_ONLY: &str = "version: 1
hooks:
  after_allow_traffic:
    built_in: none
    checks:
      - { name: tasks, tasks: green, expect: [crashed_since_start == 0, running == desired, steady == true], for: 2s, every: 100ms }
";

const TARGETS_ONLY: &str = "version: 1
hooks:
  after_allow_traffic:
    built_in: none
    checks:
      - { name: targets, targets: green, expect: [healthy == registered, healthy >= desired], for: 2s, every: 100ms }
";

const TASKS_AND_TARGETS: &str = "version: 1
hooks:
  after_allow_traffic:
    built_in:
      forwards_to: { every: 100ms, settle: 0s }
      health_check: { every: 100ms, consecutive: 3 }
      tasks: { within: 300ms, for: 2s, every: 100ms }
      targets: { within: 300ms, for: 2s, every: 100ms }
      alarms: { for: 300ms, every: 100ms }
";

/// The other windows are so long that they are always interrupted.
const HEALTH_CHECK_DECIDES: &str = "version: 1
hooks:
  after_allow_traffic:
    built_in:
      forwards_to: { within: 300ms, every: 100ms, settle: 0s }
      health_check: { within: 300ms, every: 100ms, consecutive: 3 }
      tasks: { for: 20s }
      targets: { for: 20s }
      alarms: { for: 20s }
";

fn tasks_stop(code: &str, reason: &str) -> TasksStop {
    TasksStop { code: code.into(), reason: reason.into(), exit_code: Some(1), container_reason: None }
}

/// Schedules a change of the replacement for a time when the checks are running.
fn schedule_change(world: &mut World, change: impl FnOnce(String) -> Change) {
    let set = world.green().unwrap().id.clone();
    world.schedule(SystemTime::now() + Duration::from_secs(1), change(set));
}

/// Only the built-in check of alarms: whether another check passed or was interrupted would depend on timing.
const ALARMS_ONLY: &str = "version: 1
hooks:
  after_allow_traffic:
    built_in: none
    checks:
      - name: alarms
        alarms: deployment-group
        expect: [state exists, state != ALARM]
        for: 5s
        every: 100ms
        new_only: true
        no_data: warn
";

pub fn cases() -> Vec<HookCase> {
    let case = |title: &str| HookCase::new(Hook::AfterAllowTraffic, title);
    vec![
        case("the good world").succeeds(),
        case("production is still on the original")
            .gate(HEALTH_CHECK_DECIDES)
            .world(|world| {
                let (blue, green) = (blue_arn(world), green_arn(world));
                world.production().unwrap().default = vec![(blue, 100), (green, 0)];
            })
            .fails("ListenerNotForwarding")
            .check_outcome("health_check", "not_run"),
        case("production responds with 500")
            .gate(HEALTH_CHECK_DECIDES)
            .world(|world| world.versions.last_mut().unwrap().routes.entry("/health".into()).or_default().status = 500)
            .fails("UnexpectedStatus"),
        case("an alarm starts to fire")
            .world(|world| {
                let change = Change::AlarmState {
                    name: world.alarms[0].name.clone(),
                    state: "ALARM".into(),
                    reason: "Threshold Crossed: 3 datapoints were greater than the threshold (5.0).".into(),
                };
                world.schedule(SystemTime::now() + Duration::from_millis(1500), change);
            })
            .gate(ALARMS_ONLY)
            .fails("AlarmFiring"),
        case("an alarm without data starts to fire")
            .world(|world| {
                world.alarms[0].state = "INSUFFICIENT_DATA".into();
                let change = Change::AlarmState {
                    name: world.alarms[0].name.clone(),
                    state: "ALARM".into(),
                    reason: "Threshold Crossed".into(),
                };
                world.schedule(SystemTime::now() + Duration::from_millis(1500), change);
            })
            .gate(ALARMS_ONLY)
            .fails("AlarmFiring"),
        case("an old alarm still fires").world(|world| alarm_fires(world, SystemTime::now() - ONE_HOUR)).succeeds(),
        case("half of the tasks run, and the group has no alarms")
            .world(|world| {
                world.group.alarms.names.clear();
                world.green().unwrap().running = 1;
            })
            // ECS has five minutes to start the other half, which is longer than this function's timeout.
            .timeout(Duration::from_secs(8))
            .fails("RanOutOfTime"),
        case("a task crashes in the window")
            .gate(TASKS_ONLY)
            .world(|world| {
                schedule_change(world, |set| Change::TaskCrashes {
                    set,
                    stop: tasks_stop("EssentialContainerExited", ""),
                })
            })
            .fails("TasksStopped"),
        case("the targets become unhealthy in the window")
            .gate(TARGETS_ONLY)
            .world(|world| {
                let health = Health::other("unhealthy", "Target.Timeout", "Request timed out");
                schedule_change(world, |set| Change::TaskSetTargetHealth { set, health });
            })
            .fails("TargetsUnhealthy"),
        case("the service scales out in the window")
            .gate(TASKS_AND_TARGETS)
            .world(|world| schedule_change(world, |set| Change::ScaledOut { set, by: 2 }))
            .succeeds(),
        case("the service scales in in the window")
            .gate(TASKS_AND_TARGETS)
            .world(|world| schedule_change(world, |set| Change::ScaledIn { set, by: 1 }))
            .succeeds(),
        case("Spot takes a task in the window")
            .gate(TASKS_AND_TARGETS)
            .world(|world| {
                schedule_change(world, |set| Change::TaskLost { set, stop: tasks_stop("SpotInterruption", "") })
            })
            .succeeds(),
        case("the original is deleted in the window")
            .gate(TASKS_AND_TARGETS)
            .world(|world| {
                let id = world.blue().unwrap().id.clone();
                schedule_change(world, |_| Change::TaskSetDeleted { id });
            })
            .succeeds(),
    ]
}
