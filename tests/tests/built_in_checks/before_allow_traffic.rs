//! The built-in checks of BeforeAllowTraffic.

use std::{collections::BTreeMap, time::SystemTime};

use greenlight_tests::HookCase;
use rehearsal::{
    Hook,
    world::{Alarm, AlarmKind, Health},
};

use super::support::{ONE_HOUR, alarm_fires, stop_tasks};

pub fn cases() -> Vec<HookCase> {
    let case = |title: &str| HookCase::new(Hook::BeforeAllowTraffic, title);
    vec![
        case("the good world").succeeds(),
        case("the replacement is no longer steady")
            .world(|world| world.green().unwrap().steady = false)
            .fails("NotSteady"),
        case("a task has stopped since Install")
            .world(|world| stop_tasks(world, "EssentialContainerExited", "Essential container in task exited", Some(139)))
            .fails("TasksStopped"),
        case("a target has become unhealthy")
            .world(|world| {
                let ill = Health::other(
                    "unhealthy",
                    "Target.ResponseCodeMismatch",
                    "Health checks failed with these codes: [500]",
                );
                world.green_group().unwrap().targets[1].health = ill;
            })
            .fails("TargetsUnhealthy"),
        case("an alarm starts to fire").world(|world| alarm_fires(world, SystemTime::now())).fails("AlarmFiring"),
        case("an alarm has been firing since before the deployment")
            .world(|world| alarm_fires(world, SystemTime::now() - ONE_HOUR))
            .succeeds()
            .check_outcome("alarms", "passed"),
        case("one alarm has been firing since before the deployment, and another one starts to fire")
            .world(|world| {
                alarm_fires(world, SystemTime::now() - ONE_HOUR);
                world.alarms.swap(0, 1);
                alarm_fires(world, SystemTime::now());
            })
            .fails("AlarmFiring"),
        case("an alarm does not exist").world(|world| drop(world.alarms.pop())).fails("AlarmMissing"),
        case("an alarm has no data")
            .world(|world| world.alarms[0].state = "INSUFFICIENT_DATA".into())
            .succeeds()
            .warns("AlarmNoData"),
        case("an alarm has no data, which the gate file allows")
            .gate("version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: [{ alarms: deployment-group, expect: ['state in OK, INSUFFICIENT_DATA'] }] } }")
            .world(|world| world.alarms[0].state = "INSUFFICIENT_DATA".into())
            .succeeds(),
        case("a composite alarm fires")
            .world(|world| {
                world.alarms[0].kind = AlarmKind::Composite;
                alarm_fires(world, SystemTime::now());
            })
            .fails("AlarmFiring"),
        case("the group has no alarms")
            .world(|world| world.group.alarms.names.clear())
            .succeeds()
            .check_outcome("alarms", "not_applicable"),
        case("the deployment overrides the alarms of its group")
            .world(|world| {
                let mut own = world.group.alarms.clone();
                own.names = vec!["shop-checkout".into()];
                world.deployment().override_alarms = Some(own);
                world.alarms.push(Alarm {
                    name: "shop-checkout".into(),
                    kind: AlarmKind::Metric,
                    state: "ALARM".into(),
                    reason: "Threshold Crossed".into(),
                    since: SystemTime::now(),
                    tags: BTreeMap::new(),
                    evaluation: None,
                    actions: Vec::new(),
                    history: Vec::new(),
                });
            })
            .fails("AlarmFiring"),
    ]
}
