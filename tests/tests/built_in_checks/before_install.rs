//! The built-in checks of BeforeInstall.

use std::time::SystemTime;

use greenlight_tests::{CaseGroup, HookCase};
use rehearsal::{
    Hook,
    world::{Change, World},
};

use super::support::{ONE_HOUR, alarm_fires};

/// Makes CloudFormation the creator of the deployment, and adds a task set that is older than the original.
fn deployed_by_cloudformation(world: &mut World, left_over_is_steady: bool) {
    let service = world.service.as_mut().unwrap();
    service.controller = "EXTERNAL".into();
    service.task_sets.iter_mut().for_each(|set| set.external_id.clear());
    let mut old = service.task_sets[0].clone();
    old.id = "ecs-svc/1000000000000000001".into();
    old.status = "ACTIVE".into();
    old.created -= ONE_HOUR;
    old.steady = left_over_is_steady;
    service.task_sets.push(old);
}

pub fn cases() -> CaseGroup {
    let case = |title: &str| HookCase::new(Hook::BeforeInstall, title);
    CaseGroup::from(vec![
        case("the good world").succeeds().check_outcome("reachable", "passed").check_outcome("original", "passed"),
        case("the service is being deleted")
            .world(|world| world.service.as_mut().unwrap().status = "DRAINING".into())
            .fails("ServiceNotActive"),
        case("the service was deleted").world(|world| world.service = None).fails("ServiceNotActive"),
        case("ECS itself deploys the service")
            .world(|world| world.service.as_mut().unwrap().controller = "ECS".into())
            .fails("ServiceNotActive"),
        case("the original task set is not steady")
            .world(|world| world.blue().unwrap().steady = false)
            .fails("OriginalNotSteady"),
        case("a task of the original is missing")
            .world(|world| world.blue().unwrap().running = 1)
            .fails("OriginalNotSteady"),
        case("a deployment by CloudFormation with an older task set, which is not steady")
            .world(|world| deployed_by_cloudformation(world, false))
            .succeeds()
            .check_outcome("original", "passed"),
        case("a deployment by CloudFormation with an older task set, and the original is not steady")
            .world(|world| {
                deployed_by_cloudformation(world, true);
                world.service.as_mut().unwrap().task_sets[0].steady = false;
            })
            .fails("OriginalNotSteady"),
        case("the original scales out")
            .gate("version: 1\nhooks: { before_install: { built_in: { original: { every: 100ms } } } }")
            .world(|world| {
                let set = world.blue().unwrap().id.clone();
                world.schedule(SystemTime::now(), Change::ScaledOut { set, by: 1 });
            })
            .succeeds()
            .check_outcome("original", "passed"),
        case("no original task set")
            .world(|world| world.service.as_mut().unwrap().task_sets.clear())
            .fails("OriginalNotSteady"),
        case("auto-rollback is off")
            .world(|world| {
                world.group.auto_rollback = None;
                world.deployment().auto_rollback = None;
            })
            .succeeds()
            .warns("RollbackNotConfigured"),
        case("auto-rollback is on for alarms only")
            .world(|world| {
                let events = &mut world.deployment().auto_rollback.as_mut().unwrap().events;
                *events = vec!["DEPLOYMENT_STOP_ON_ALARM".into()];
            })
            .succeeds()
            .warns("RollbackNotConfigured"),
        case("an alarm is already firing")
            .world(|world| alarm_fires(world, SystemTime::now() - ONE_HOUR))
            .succeeds()
            .warns("AlarmFiring"),
        case("an alarm does not exist").world(|world| drop(world.alarms.pop())).succeeds().warns("AlarmMissing"),
        case("the group has no alarms")
            .world(|world| world.group.alarms.names.clear())
            .succeeds()
            .check_outcome("alarms", "not_applicable"),
        case("the group's alarms are switched off")
            .world(|world| world.group.alarms.enabled = false)
            .succeeds()
            .check_outcome("alarms", "not_applicable"),
        case("the load balancer is internal and can be reached")
            .world(|world| world.load_balancers[0].scheme = "internal".into())
            .succeeds()
            .check_outcome("reachable", "passed"),
        case("the load balancer is internal and cannot be reached")
            .world(|world| {
                world.load_balancers[0].scheme = "internal".into();
                world.production().unwrap().port = 1;
            })
            .succeeds()
            .warns("LoadBalancerUnreachable"),
    ])
    // The scaling can end before or after the first attempt, which decides whether the message names a time.
    .edit_text(|text| text.replace(" after TIME", ""))
}
