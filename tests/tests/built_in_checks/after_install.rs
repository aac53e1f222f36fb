//! The built-in checks of AfterInstall.

use std::time::Duration;

use greenlight_tests::HookCase;
use rehearsal::{
    Hook,
    world::{Health, World},
};

use super::support::{green_arn, stop_tasks, targets, unrelated_target_group};

/// Adds a second task set of this deployment, which is older than the first one by `age`.
fn second_task_set(world: &mut World, age: Duration, status: &str) {
    let mut second = world.green().unwrap().clone();
    second.id = "ecs-svc/1000000000000000002".into();
    second.status = status.into();
    second.created -= age;
    second.steady = false;
    world.service.as_mut().unwrap().task_sets.insert(0, second);
}

pub fn cases() -> Vec<HookCase> {
    let case = |title: &str| HookCase::new(Hook::AfterInstall, title);
    vec![
        case("the good world").succeeds().check_outcome("containers", "passed").check_outcome("targets", "passed"),
        case("no replacement task set")
            .world(|world| {
                let green = world.green().unwrap().id.clone();
                world.service.as_mut().unwrap().task_sets.retain(|set| set.id != green);
            })
            .fails("ReplacementMissing"),
        case("the replacement is not steady").world(|world| world.green().unwrap().steady = false).fails("NotSteady"),
        case("the service is being deleted")
            .world(|world| world.service.as_mut().unwrap().status = "DRAINING".into())
            .fails("ServiceNotActive"),
        case("an older task set of this deployment is draining")
            .world(|world| second_task_set(world, Duration::from_secs(1), "DRAINING"))
            .succeeds(),
        case("an older task set of this deployment still exists")
            .world(|world| second_task_set(world, Duration::from_secs(1), "ACTIVE"))
            .succeeds(),
        case("a newer task set of this deployment has no running tasks")
            .world(|world| {
                second_task_set(world, Duration::ZERO, "ACTIVE");
                let newer = &mut world.service.as_mut().unwrap().task_sets[0];
                newer.created += Duration::from_secs(1);
                newer.running = 0;
            })
            .fails("NotRunning"),
        case("the replacement's task set is being removed")
            .world(|world| world.green().unwrap().status = "DRAINING".into())
            .fails("ReplacementMissing"),
        case("the replacement is also registered in a target group that no listener names")
            .world(|world| {
                let green = world.green().unwrap();
                let mut other = green.load_balancers[0].clone();
                other.target_group = unrelated_target_group(&other.target_group);
                green.load_balancers.insert(0, other);
            })
            .succeeds(),
        case("a task of the replacement is not running")
            .world(|world| {
                world.green().unwrap().running = 1;
                let last = world.green_tasks().map(|task| task.arn.clone()).last();
                world.tasks.retain(|task| Some(&task.arn) != last.as_ref());
            })
            .fails("NotRunning"),
        case("a task is still pending").world(|world| world.green().unwrap().pending = 1).fails("TasksPending"),
        case("an image cannot be pulled")
            .world(|world| {
                let reason = "CannotPullContainerError: pull image manifest has been retried 5 time(s): not found";
                stop_tasks(world, "TaskFailedToStart", reason, None);
            })
            .fails("TasksStopped"),
        case("a container exits")
            .world(|world| {
                stop_tasks(world, "EssentialContainerExited", "Essential container in task exited", Some(137));
            })
            .fails("TasksStopped"),
        case("five tasks ended")
            .world(|world| {
                for _ in 0..5 {
                    stop_tasks(world, "EssentialContainerExited", "Essential container in task exited", Some(1));
                }
            })
            .fails("TasksStopped"),
        case("scaling in stopped a task")
            .world(|world| {
                let reason = "Scaling activity initiated by (deployment ecs-svc/1)";
                stop_tasks(world, "ServiceSchedulerInitiated", reason, Some(0));
            })
            .succeeds(),
        case("Spot interrupted a task")
            .world(|world| stop_tasks(world, "SpotInterruption", "Your Spot Task was interrupted.", Some(0)))
            .succeeds(),
        case("EC2 terminated the instance of a task")
            .world(|world| {
                let reason = "Host EC2 (instance i-03dba81187d65ce7e) terminated.";
                stop_tasks(world, "ServiceSchedulerInitiated", reason, Some(137));
            })
            .succeeds(),
        case("a task had no capacity at first")
            .world(|world| {
                let reason = "Capacity is unavailable at this time. Please try again later.";
                stop_tasks(world, "TaskFailedToStart", reason, None);
            })
            .succeeds(),
        case("a container exceeded its memory")
            .world(|world| {
                stop_tasks(world, "EssentialContainerExited", "Essential container in task exited", Some(137));
                let container = &mut world.tasks.last_mut().unwrap().containers[0];
                container.reason = Some("OutOfMemoryError: Container killed due to memory usage".into());
            })
            .fails("TasksStopped"),
        case("tasks of the original ended")
            .world(|world| {
                stop_tasks(world, "EssentialContainerExited", "Essential container in task exited", Some(1));
                let blue = world.blue().unwrap();
                let (set, definition) = (blue.id.clone(), blue.task_definition.clone());
                let task = world.tasks.last_mut().unwrap();
                task.started_by = set;
                task.task_definition = definition;
            })
            .succeeds(),
        case("a container is unhealthy")
            .world(|world| world.green_tasks().next().unwrap().containers[0].health = "UNHEALTHY".into())
            .fails("ContainersUnhealthy"),
        case("a container's health is not known yet")
            .world(|world| world.green_tasks().next().unwrap().containers[0].health = "UNKNOWN".into())
            .fails("ContainersUnhealthy"),
        case("a container that is not essential is unhealthy")
            .world(|world| {
                for definition in &mut world.definitions {
                    let mut sidecar = definition.containers[0].clone();
                    (sidecar.name, sidecar.essential) = ("metrics".into(), false);
                    definition.containers.push(sidecar);
                }
                world.green_tasks().for_each(|task| {
                    let mut sidecar = task.containers[0].clone();
                    (sidecar.name, sidecar.health) = ("metrics".into(), "UNHEALTHY".into());
                    task.containers.push(sidecar);
                });
            })
            .succeeds(),
        case("no container has a health check")
            .world(|world| {
                let containers = world.definitions.iter_mut().flat_map(|definition| &mut definition.containers);
                containers.for_each(|container| container.health_check = None);
                world.green_tasks().for_each(|task| task.containers[0].health = "UNKNOWN".into());
            })
            .succeeds()
            .check_outcome("containers", "not_applicable"),
        case("the targets are unhealthy")
            .world(|world| targets(world, &Health::other("unhealthy", "Target.Timeout", "Request timed out")))
            .fails("TargetsUnhealthy"),
        case("one target is still initial")
            .world(|world| {
                let initial =
                    Health::other("initial", "Elb.InitialHealthChecking", "Initial health checks in progress");
                world.green_group().unwrap().targets[0].health = initial;
            })
            .fails("TargetsUnhealthy"),
        case("no listener forwards to the targets yet")
            .world(|world| {
                let green = green_arn(world);
                world.listeners.iter_mut().for_each(|listener| listener.default.retain(|(arn, _)| *arn != green));
            })
            .succeeds()
            .check_outcome("targets", "not_applicable"),
        case("a target is draining")
            .world(|world| {
                let group = world.green_group().unwrap();
                let mut old = group.targets[0].clone();
                old.id = "10.0.9.9".into();
                old.health = Health::other("draining", "Target.DeregistrationInProgress", "Target is being removed");
                group.targets.push(old);
            })
            .succeeds(),
        case("the targets are unused although a listener names their group, and an old target is draining")
            .world(|world| {
                let green = green_arn(world);
                let group = world.green_group().unwrap();
                let mut old = group.targets[0].clone();
                old.id = "10.0.9.9".into();
                old.health = Health::other("draining", "Target.DeregistrationInProgress", "Target is being removed");
                for target in &mut group.targets {
                    target.health = Health::other("unused", "Target.NotInUse", "Target group is not used");
                }
                group.targets.push(old);
                assert!(world.production().unwrap().default.iter().any(|(arn, _)| *arn == green));
            })
            .fails("TargetsUnhealthy"),
        case("no listener forwards to the targets yet, and one of them is not registered")
            .world(|world| {
                let green = green_arn(world);
                world.listeners.iter_mut().for_each(|listener| listener.default.retain(|(arn, _)| *arn != green));
                world.green_group().unwrap().targets.truncate(1);
            })
            .fails("NoTargets"),
        case("the group contains another service's target")
            .world(|world| {
                let group = world.green_group().unwrap();
                let mut other = group.targets[0].clone();
                other.id = "10.0.9.9".into();
                group.targets.push(other);
            })
            .fails("UnknownTargets"),
        case("the targets are tasks of the original")
            .world(|world| {
                let blue = world.blue().unwrap().id.clone();
                let tasks = world.tasks.iter().filter(|task| task.started_by == blue);
                let addresses: Vec<_> = tasks.map(|task| task.address.clone()).collect();
                let targets = &mut world.green_group().unwrap().targets;
                targets.iter_mut().zip(addresses).for_each(|(target, address)| target.id = address);
            })
            .fails("UnknownTargets"),
        case("a task that scaling in has just stopped is still registered")
            .world(|world| {
                let reason = "Scaling activity initiated by (deployment ecs-svc/1)";
                stop_tasks(world, "ServiceSchedulerInitiated", reason, Some(0));
                world.tasks.last_mut().unwrap().address = "10.0.9.9".into();
                let group = world.green_group().unwrap();
                let mut stopped = group.targets[0].clone();
                stopped.id = "10.0.9.9".into();
                group.targets.push(stopped);
            })
            .succeeds(),
        case("the targets are in a zone that the load balancer does not serve")
            .world(|world| {
                let description = "Target is in an Availability Zone that is not enabled for the load balancer";
                targets(world, &Health::other("unused", "Target.NotInUse", description));
            })
            .fails("TargetsUnhealthy"),
        case("no task exists yet")
            .world(|world| {
                let green = world.green().unwrap();
                (green.running, green.pending, green.steady) = (0, 0, false);
                let green = green.id.clone();
                world.tasks.retain(|task| task.started_by != green);
            })
            .fails("NotRunning")
            .check_outcome("containers", "failed"),
        case("no target is registered").world(|world| world.green_group().unwrap().targets.clear()).fails("NoTargets"),
        case("the task set names no target group")
            .world(|world| world.green().unwrap().load_balancers.clear())
            .succeeds(),
        case("the desired count is 0")
            .world(|world| {
                let green = world.green().unwrap();
                (green.desired, green.running) = (0, 0);
            })
            .fails("NotRunning"),
    ]
}
