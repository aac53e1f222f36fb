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
        world.at(SystemTime::now() + Duration::from_secs(1), Change::TargetRegistered { group: arn.clone(), target });
    }
}

/// Calls of an operation that get no readable reply, for longer than a hook with ten seconds in all asks again.
fn silent(operation: &str) -> Fault {
    Fault { after: 2, ..Fault::first(6, operation, Trouble::Malform) }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_of_a_window() {
    const WINDOW: &str = "targets: green, for: 2500ms, every: 100ms, expect: [healthy == registered]";
    const HEALTH: &str = "elasticloadbalancing:DescribeTargetHealth";
    let short = |title: &str, policies: &str| {
        case(title, &format!("{WINDOW}, {policies}")).timeout(Duration::from_secs(10)).world(registers_late)
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
        short("there is no data before the first pass, within its time", "no_data: fail, on_error: fail, within: 3s")
            .succeeds(),
    ])
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_runs_out() {
    const NEVER: &str = "ecs: green, within: 1h, every: 100ms, expect: [running >= 99]";
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
