//! Windows: what all attempts of a check mean together, through the real programs.

use std::time::{Duration, SystemTime};

use greenlight_tests::{Case, play};
use rehearsal::{
    Fault, HookName, Trouble,
    world::{Change, World},
};

/// The check alone, at the last moment before customers.
fn case(title: &str, check: &str) -> Case {
    let gate = format!(
        "version: 1\nhooks: {{ before_allow_traffic: {{ built_in: none, checks: [{{ name: only, {check} }}] }} }}"
    );
    Case::new(HookName::BeforeAllowTraffic, title).gate(gate)
}

/// The replacement registers its targets only after a while.
fn registers_late(world: &mut World) {
    let group = world.green_group().unwrap();
    let (arn, targets) = (group.arn.clone(), std::mem::take(&mut group.targets));
    for target in targets {
        world.at(SystemTime::now() + Duration::from_secs(4), Change::TargetRegistered { group: arn.clone(), target });
    }
}

/// Calls of an operation that get no readable reply, for longer than a hook with twelve seconds in all asks again.
fn silent(operation: &str) -> Fault {
    Fault { after: 2, ..Fault::first(6, operation, Trouble::Malform) }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_of_a_window() {
    const WINDOW: &str = "targets: green, for: 4500ms, every: 100ms, expect: [healthy == registered]";
    const HEALTH: &str = "elasticloadbalancing:DescribeTargetHealth";
    let short = |title: &str, policies: &str| {
        case(title, &format!("{WINDOW}, {policies}")).timeout(Duration::from_secs(12)).world(registers_late)
    };
    let told = play(vec![
        short("no data, then errors, then all is well; errors decide", "no_data: warn, on_error: fail")
            .fault(silent(HEALTH))
            .fails("AwsFailed"),
        short("the same, and errors only warn", "no_data: warn, on_error: warn")
            .fault(silent(HEALTH))
            .succeeds()
            .warns("AwsFailed"),
        short("the same, and no data decides", "no_data: fail, on_error: warn")
            .fault(silent(HEALTH))
            .fails("NoTargets"),
        short("there is no data before the first pass, within its time", "no_data: fail, on_error: fail, within: 10s")
            .timeout(Duration::from_secs(30))
            .succeeds(),
    ])
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_runs_out() {
    const NEVER: &str = "ecs: green, within: 13m, every: 100ms, expect: [running >= 99]";
    let short =
        |title: &str, policies: &str| case(title, &format!("{NEVER}, {policies}")).timeout(Duration::from_secs(3));
    let hangs = || Fault { after: 3, ..Fault::always("ecs:DescribeServices", Trouble::BlackHole) };
    let told = play(vec![
        short("it was false at every attempt, and only errors warn", "on_error: warn").fails("RanOutOfTime"),
        short("it was false at every attempt, which only warns", "on_error: warn, on_fail: warn")
            .succeeds()
            .warns("RanOutOfTime"),
        short("it was false until AWS did not answer any more, and only errors warn", "on_error: warn")
            .fault(hangs())
            .fails("RanOutOfTime"),
        short("the same, which only warns", "on_error: warn, on_fail: warn").fault(hangs()).succeeds(),
    ])
    .await;
    insta::assert_snapshot!(told);
}

const ALARMS: &str = "cloudwatch:DescribeAlarms";
const HISTORY: &str = "cloudwatch:DescribeAlarmHistory";

/// The alarms of the group for some seconds after the shift, with two attempts in a row a second apart.
fn alarms(title: &str, more: &str) -> Case {
    watched(title, "deployment-group", more)
}

fn watched(title: &str, which: &str, more: &str) -> Case {
    let window = if more.contains("for:") { "" } else { ", for: 2s" };
    let check = format!("{{ name: only, alarms: {which}, every: 1s, expect: [state != ALARM]{window}{more} }}");
    let gate = format!("version: 1\nhooks: {{ after_allow_traffic: {{ built_in: none, checks: [{check}] }} }}");
    Case::new(HookName::AfterAllowTraffic, title).gate(gate)
}

/// The first alarm comes into a state so many milliseconds from now.
fn turns(world: &mut World, after: u64, state: &str) {
    let change = Change::AlarmState {
        name: world.alarms[0].name.clone(),
        state: state.to_owned(),
        reason: "Threshold Crossed".to_owned(),
    };
    world.at(SystemTime::now() + Duration::from_millis(after), change);
}

/// It fires between the first two attempts and is OK again. The function takes a moment to start.
fn fires_and_recovers(world: &mut World) {
    turns(world, 2400, "ALARM");
    turns(world, 2401, "OK");
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_between_two_attempts() {
    let denied = || Fault::always(HISTORY, Trouble::Deny);
    let long = |title: &str, more: &str| alarms(title, &format!(", for: 5s{more}")).timeout(Duration::from_secs(20));
    let told = play(vec![
        long("one fires and recovers", "").world(fires_and_recovers).fails("AlarmFiring"),
        long("all stay as they are", "")
            .succeeds()
            .and(|played| greenlight_tests::same("calls for a history", &played.calls.get(HISTORY), &None)),
        long("one had no data and recovers", "")
            .world(|world| {
                turns(world, 2400, "INSUFFICIENT_DATA");
                turns(world, 2401, "OK");
            })
            .fails("AlarmNoData"),
        long("one recovered while traffic moved", ", no_data: fail")
            .world(|world| {
                let ago = |seconds| SystemTime::now() - Duration::from_secs(seconds);
                world.alarms[0].turn("INSUFFICIENT_DATA", "no datapoints were received", ago(200));
                world.alarms[0].turn("OK", "", ago(40));
            })
            .succeeds(),
        long("one fires and recovers, and nobody may read its history", "")
            .fault(denied())
            .timeout(Duration::from_secs(10))
            .world(fires_and_recovers)
            .fails("AlarmNotEvaluated"),
        long("the same, and what is not known only warns", ", no_data: warn")
            .fault(denied())
            .timeout(Duration::from_secs(10))
            .world(fires_and_recovers)
            .succeeds()
            .warns("AlarmNotEvaluated"),
    ])
    .await;
    insta::assert_snapshot!(told);
}

/// AllowTraffic began a minute and a half before AfterAllowTraffic.
#[tokio::test(flavor = "multi_thread")]
async fn alarms_while_traffic_moved() {
    let fired = |world: &mut World, ago: u64| {
        let now = SystemTime::now();
        world.alarms[0].turn("ALARM", "Threshold Crossed", now - Duration::from_secs(ago));
        world.alarms[0].turn("OK", "", now - Duration::from_secs(ago - 10));
    };
    let told = play(vec![
        alarms("one fired and recovered", "").world(move |world| fired(world, 60)).fails("AlarmFiring"),
        alarms("one fired and recovered before", "").world(move |world| fired(world, 110)).succeeds(),
        alarms("one fired and recovered, and all may take their time", ", within: 2s")
            .world(move |world| fired(world, 60))
            .succeeds(),
    ])
    .await;
    insta::assert_snapshot!(told);
}

/// Calls without a readable reply, for longer than a hook with so little time asks again.
#[tokio::test(flavor = "multi_thread")]
async fn gaps_of_a_window() {
    let gap = |title: &str, which: &str| {
        let fault = Fault { after: 1, ..Fault::first(6, ALARMS, Trouble::Malform) };
        watched(title, which, ", for: 4s").fault(fault).timeout(Duration::from_secs(12))
    };
    let told = play(vec![
        gap("all are as they were before it", "deployment-group").succeeds(),
        gap("one fires and recovers in it", "deployment-group").world(fires_and_recovers).fails("AlarmFiring"),
    ])
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn states_of_alarms() {
    let evaluated = |title: &str, more: &str, state: &'static str| {
        alarms(title, more).world(move |world| world.alarms[0].evaluation = Some(state.to_owned()))
    };
    let unknown = |world: &mut World| world.alarms[0].state = "MAINTENANCE".to_owned();
    let deleted = |world: &mut World| {
        let name = world.alarms[0].name.clone();
        world.at(SystemTime::now() + Duration::from_millis(3500), Change::AlarmDeleted { name });
    };
    let told = play(vec![
        evaluated("one could not be evaluated", "", "EVALUATION_ERROR").fails("AlarmNotEvaluated"),
        evaluated("one could not be evaluated, which warns", ", no_data: warn", "EVALUATION_FAILURE")
            .succeeds()
            .warns("AlarmNotEvaluated"),
        evaluated("one fires, and could not be evaluated since", ", no_data: warn", "EVALUATION_FAILURE")
            .world(|world| world.alarms[0].state = "ALARM".to_owned())
            .fails("AlarmFiring"),
        evaluated("one was evaluated by a part of the data", "", "PARTIAL_DATA").succeeds().warns("AlarmNotEvaluated"),
        evaluated("one fires by a part of the data", "", "PARTIAL_DATA")
            .world(|world| world.alarms[0].state = "ALARM".to_owned())
            .fails("AlarmFiring"),
        alarms("one is in a state that nobody knows", "").world(unknown).fails("AlarmNotEvaluated"),
        watched("one of a prefix is deleted", "{ prefix: shop- }", ", for: 6s").world(deleted).fails("AlarmMissing"),
        watched("none of a prefix is deleted", "{ prefix: shop- }", ", for: 1s").succeeds(),
        watched(
            "the group's are switched off beside another one",
            "{ deployment_group: true, names: shop-web-5xx }",
            "",
        )
        .world(|world| world.group.alarms.enabled = false)
        .succeeds()
        .and(|played| match played.raw_log.iter().any(|line| line.contains("are switched off")) {
            true => Ok(()),
            false => Err("no line says that the group's alarms are switched off".to_owned()),
        }),
    ])
    .await;
    insta::assert_snapshot!(told);
}
