//! Windows in the real programs: what all attempts of a check mean together.

use std::{
    process::ExitCode,
    time::{Duration, SystemTime},
};

use greenlight_tests::{CaseGroup, HookCase, Suite, truncate_long_verdict};
use rehearsal::{
    FaultKind, Hook, InjectedFault,
    world::{Change, World},
};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("attempts_of_a_window", attempts_of_a_window)
        .cases("time_that_runs_out", time_that_runs_out)
        .cases("alarms_between_two_attempts", alarms_between_two_attempts)
        .cases("alarms_while_traffic_moved", alarms_while_traffic_moved)
        .cases("gaps_of_a_window", gaps_of_a_window)
        .cases("states_of_alarms", states_of_alarms)
        .run()
}

/// A case with only this check, at BeforeAllowTraffic.
fn case(title: &str, check: &str) -> HookCase {
    let gate = format!(
        "version: 1\nhooks: {{ before_allow_traffic: {{ built_in: none, checks: [{{ name: only, {check} }}] }} }}"
    );
    HookCase::new(Hook::BeforeAllowTraffic, title).gate(gate)
}

/// The replacement registers its targets only after a while.
fn registers_late(world: &mut World) {
    let group = world.green_group().unwrap();
    let (arn, targets) = (group.arn.clone(), std::mem::take(&mut group.targets));
    for target in targets {
        world.schedule(
            SystemTime::now() + Duration::from_secs(4),
            Change::TargetRegistered { group: arn.clone(), target },
        );
    }
}

/// Unreadable replies to an operation, for longer than a hook with a timeout of twelve seconds retries: for all five attempts
/// of two calls, because the random pauses between attempts can leave time for a second call.
fn no_response(operation: &str) -> InjectedFault {
    InjectedFault { after: 2, ..InjectedFault::first(10, operation, FaultKind::Malform) }
}

fn attempts_of_a_window() -> Vec<HookCase> {
    const WINDOW: &str = "targets: green, for: 4500ms, every: 100ms, expect: [healthy == registered]";
    const HEALTH: &str = "elasticloadbalancing:DescribeTargetHealth";
    let short = |title: &str, policies: &str| {
        case(title, &format!("{WINDOW}, {policies}")).timeout(Duration::from_secs(12)).world(registers_late)
    };
    vec![
        short("no data, then errors, then passes; errors fail", "no_data: warn, on_error: fail")
            .with_fault(no_response(HEALTH))
            .fails("AwsFailed"),
        short("no data, then errors, then passes; errors only warn", "no_data: warn, on_error: warn")
            .with_fault(no_response(HEALTH))
            .succeeds()
            .warns("AwsFailed"),
        short("no data, then errors, then passes; no data fails", "no_data: fail, on_error: warn")
            .with_fault(no_response(HEALTH))
            .fails("NoTargets"),
        short("no data before the first pass, and `within` allows it", "no_data: fail, on_error: fail, within: 10s")
            .timeout(Duration::from_secs(30))
            .succeeds(),
    ]
}

fn time_that_runs_out() -> Vec<HookCase> {
    const NEVER: &str = "tasks: green, within: 13m, every: 100ms, expect: [running >= 99]";
    let short =
        |title: &str, policies: &str| case(title, &format!("{NEVER}, {policies}")).timeout(Duration::from_secs(3));
    let hangs = || InjectedFault { after: 3, ..InjectedFault::always("ecs:DescribeServices", FaultKind::BlackHole) };
    vec![
        short("the condition was false at every attempt, and errors only warn", "on_error: warn").fails("RanOutOfTime"),
        short("the condition was false at every attempt, which only warns", "on_error: warn, on_fail: warn")
            .succeeds()
            .warns("RanOutOfTime"),
        short("the condition was false until AWS stopped replying, and errors only warn", "on_error: warn")
            .with_fault(hangs())
            .fails("RanOutOfTime"),
        short("the condition was false until AWS stopped replying, which only warns", "on_error: warn, on_fail: warn")
            .with_fault(hangs())
            .succeeds(),
    ]
}

const ALARMS: &str = "cloudwatch:DescribeAlarms";
const HISTORY: &str = "cloudwatch:DescribeAlarmHistory";

/// Watches the alarms of the group for two seconds after the shift, with an attempt every second.
fn alarms(title: &str, more: &str) -> HookCase {
    watch_alarms(title, "deployment-group", more)
}

fn watch_alarms(title: &str, which: &str, more: &str) -> HookCase {
    let window = if more.contains("for:") { "" } else { ", for: 2s" };
    let check = format!("{{ name: only, alarms: {which}, every: 1s, expect: [state != ALARM]{window}{more} }}");
    let gate = format!("version: 1\nhooks: {{ after_allow_traffic: {{ built_in: none, checks: [{check}] }} }}");
    HookCase::new(Hook::AfterAllowTraffic, title).gate(gate)
}

/// Schedules a state of the first alarm, `after` milliseconds from now.
fn change_alarm(world: &mut World, after: u64, state: &str) {
    let change = Change::AlarmState {
        name: world.alarms[0].name.clone(),
        state: state.to_owned(),
        reason: "Threshold Crossed".to_owned(),
    };
    world.schedule(SystemTime::now() + Duration::from_millis(after), change);
}

/// The alarm fires and recovers between two attempts. The delay leaves time for the function to start.
fn fires_and_recovers(world: &mut World) {
    change_alarm(world, 2400, "ALARM");
    change_alarm(world, 2401, "OK");
}

fn alarms_between_two_attempts() -> Vec<HookCase> {
    let denied = || InjectedFault::always(HISTORY, FaultKind::Deny);
    let long = |title: &str, more: &str| alarms(title, &format!(", for: 5s{more}")).timeout(Duration::from_secs(20));
    vec![
        long("an alarm fires and recovers", "").world(fires_and_recovers).fails("AlarmFiring"),
        long("no alarm changes its state", "").succeeds().assert(|played| {
            greenlight_tests::expect_eq("calls of DescribeAlarmHistory", &played.calls.get(HISTORY), &None)
        }),
        long("an alarm has no data and recovers", "")
            .world(|world| {
                change_alarm(world, 2400, "INSUFFICIENT_DATA");
                change_alarm(world, 2401, "OK");
            })
            .fails("AlarmNoData"),
        long("an alarm without data recovered while traffic moved", ", no_data: fail")
            .world(|world| {
                let ago = |seconds| SystemTime::now() - Duration::from_secs(seconds);
                world.alarms[0].set_state("INSUFFICIENT_DATA", "no datapoints were received", ago(200));
                world.alarms[0].set_state("OK", "", ago(40));
            })
            .succeeds(),
        long("an alarm fires and recovers, and the role is not allowed to read its history", "")
            .with_fault(denied())
            .timeout(Duration::from_secs(10))
            .world(fires_and_recovers)
            .fails("AlarmNotEvaluated"),
        long(
            "an alarm fires and recovers, the role is not allowed to read its history, and `no_data` only warns",
            ", no_data: warn",
        )
        .with_fault(denied())
        .timeout(Duration::from_secs(10))
        .world(fires_and_recovers)
        .succeeds()
        .warns("AlarmNotEvaluated"),
    ]
}

/// AllowTraffic starts a minute and a half before AfterAllowTraffic.
fn alarms_while_traffic_moved() -> Vec<HookCase> {
    let fired = |world: &mut World, ago: u64| {
        let now = SystemTime::now();
        world.alarms[0].set_state("ALARM", "Threshold Crossed", now - Duration::from_secs(ago));
        world.alarms[0].set_state("OK", "", now - Duration::from_secs(ago - 10));
    };
    vec![
        alarms("an alarm fired and recovered", "").world(move |world| fired(world, 60)).fails("AlarmFiring"),
        alarms("an alarm fired and recovered before traffic moved", "")
            .world(move |world| fired(world, 110))
            .succeeds(),
        alarms("an alarm fired and recovered, and `within` allows it", ", within: 2s")
            .world(move |world| fired(world, 60))
            .succeeds(),
    ]
}

/// A gap: calls without a readable reply, for longer than a hook with so little time retries.
fn gaps_of_a_window() -> Vec<HookCase> {
    let gap = |title: &str, which: &str| {
        let fault = InjectedFault { after: 1, ..InjectedFault::first(6, ALARMS, FaultKind::Malform) };
        watch_alarms(title, which, ", for: 4s").with_fault(fault).timeout(Duration::from_secs(12))
    };
    vec![
        gap("no alarm changes its state in the gap", "deployment-group").succeeds(),
        gap("an alarm fires and recovers in the gap", "deployment-group")
            .world(fires_and_recovers)
            .fails("AlarmFiring"),
    ]
}

fn states_of_alarms() -> CaseGroup {
    let evaluated = |title: &str, more: &str, state: &'static str| {
        alarms(title, more).world(move |world| world.alarms[0].evaluation = Some(state.to_owned()))
    };
    let unknown = |world: &mut World| world.alarms[0].state = "MAINTENANCE".to_owned();
    let deleted = |world: &mut World| {
        let name = world.alarms[0].name.clone();
        world.schedule(SystemTime::now() + Duration::from_millis(3500), Change::AlarmDeleted { name });
    };
    CaseGroup::from(vec![
        evaluated("an alarm could not be evaluated", "", "EVALUATION_ERROR").fails("AlarmNotEvaluated"),
        evaluated("an alarm could not be evaluated, which warns", ", no_data: warn", "EVALUATION_FAILURE")
            .succeeds()
            .warns("AlarmNotEvaluated"),
        evaluated("an alarm fires, and could not be evaluated since", ", no_data: warn", "EVALUATION_FAILURE")
            .world(|world| world.alarms[0].state = "ALARM".to_owned())
            .fails("AlarmFiring"),
        evaluated("an alarm was evaluated with partial data", "", "PARTIAL_DATA").succeeds().warns("AlarmNotEvaluated"),
        evaluated("an alarm fires with partial data", "", "PARTIAL_DATA")
            .world(|world| world.alarms[0].state = "ALARM".to_owned())
            .fails("AlarmFiring"),
        alarms("an alarm has an unknown state", "").world(unknown).fails("AlarmNotEvaluated"),
        watch_alarms("an alarm with the prefix is deleted", "{ prefix: shop- }", ", for: 6s")
            .world(deleted)
            .fails("AlarmMissing"),
        watch_alarms("no alarm with the prefix is deleted", "{ prefix: shop- }", ", for: 1s").succeeds(),
        watch_alarms(
            "the group's alarms are switched off, and the check names another alarm",
            "{ deployment_group: true, names: shop-web-5xx }",
            "",
        )
        .world(|world| world.group.alarms.enabled = false)
        .succeeds()
        .assert(|played| match played.raw_log.iter().any(|line| line.contains("are turned off")) {
            true => Ok(()),
            false => Err("no log line reports that the group's alarms are switched off".to_owned()),
        }),
    ])
    .edit_text(truncate_long_verdict)
}
