//! The built-in checks of the five hooks: in the good world, and with one thing broken at a time.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use greenlight_tests::{CaseGroup, HookCase, Suite, expect_eq};
use rehearsal::{
    Colour, Hook,
    world::{Alarm, AlarmKind, Change, Condition, Health, Rule, RuleAction, Task, TasksStop, World},
};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("before_install", before_install)
        .cases("after_install", after_install)
        .cases("after_allow_test_traffic", after_allow_test_traffic)
        .cases("before_allow_traffic", before_allow_traffic)
        .cases("after_allow_traffic", after_allow_traffic)
        .run()
}

const ONE_HOUR: Duration = Duration::from_secs(60 * 60);

fn alarm_fires(world: &mut World, since: SystemTime) {
    let alarm = &mut world.alarms[0];
    alarm.state = "ALARM".into();
    alarm.reason = "Threshold Crossed: 3 datapoints were greater than the threshold (5.0).".into();
    alarm.since = since;
}

/// Adds a stopped task of the replacement.
fn stop_tasks(world: &mut World, code: &str, reason: &str, exit_code: Option<i32>) {
    let mut task: Task = world.green_tasks().next().unwrap().clone();
    task.arn = format!("{}0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d", &task.arn[..task.arn.len() - 32]);
    task.last_status = "STOPPED".into();
    task.desired_status = "STOPPED".into();
    task.stop_code = Some(code.into());
    task.stopped_reason = Some(reason.into());
    task.containers[0].last_status = "STOPPED".into();
    task.containers[0].exit_code = exit_code;
    world.tasks.push(task);
}

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

/// Adds a second task set of this deployment, which is older than the first one by `age`.
fn second_task_set(world: &mut World, age: Duration, status: &str) {
    let mut second = world.green().unwrap().clone();
    second.id = "ecs-svc/1000000000000000002".into();
    second.status = status.into();
    second.created -= age;
    second.steady = false;
    world.service.as_mut().unwrap().task_sets.insert(0, second);
}

fn targets(world: &mut World, health: &Health) {
    world.green_group().unwrap().targets.iter_mut().for_each(|target| target.health = health.clone());
}

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

fn blue_arn(world: &mut World) -> String {
    world.blue().unwrap().target_group().unwrap().to_owned()
}

fn green_arn(world: &mut World) -> String {
    world.green_group().unwrap().arn.clone()
}

/// Adds a rule to the test listener.
fn rule(world: &mut World, condition: Condition, to: &str) {
    let test = world.test().unwrap();
    let arn = format!("{}/0123456789abcdef", test.arn.replace(":listener/", ":listener-rule/"));
    test.rules.push(Rule {
        arn,
        priority: 10,
        conditions: vec![condition],
        forward: vec![(to.to_owned(), 1)],
        action: RuleAction::Forward,
    });
}

/// The ARN of another service's target group.
fn unrelated_target_group(arn: &str) -> String {
    arn.replace("tg-shop-a", "tg-somebody-elses")
}

/// Makes the load balancer a Network Load Balancer with TCP listeners.
fn use_network_load_balancer(world: &mut World) {
    world.load_balancers[0].kind = "network".into();
    world.listeners.iter_mut().for_each(|listener| listener.protocol = "TCP".into());
}

fn before_install() -> CaseGroup {
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

fn after_install() -> Vec<HookCase> {
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

fn after_allow_test_traffic() -> Vec<HookCase> {
    let case = |title: &str| HookCase::new(Hook::AfterAllowTestTraffic, title);
    let nobody_was_asked =
        |played: &rehearsal::HookRunReport| expect_eq("the requests", &played.requests_to_service.len(), &0);
    vec![
        case("the good world").succeeds().assert(|played| {
            let seen = &played.requests_to_service;
            expect_eq("the requests", &seen.len(), &3)?;
            expect_eq("all for green", &seen.iter().all(|request| request.colour == Some(Colour::Green)), &true)?;
            expect_eq("all for the health check's path", &seen.iter().all(|request| request.path == "/health"), &true)
        }),
        case("the test listener stays on the original")
            .world(|world| {
                let blue = blue_arn(world);
                world.test().unwrap().default = vec![(blue, 100)];
            })
            .fails("ListenerNotForwarding")
            .check_outcome("health_check", "not_run")
            .assert(nobody_was_asked),
        case("the test listener splits its traffic")
            .world(|world| {
                let (blue, green) = (blue_arn(world), green_arn(world));
                world.test().unwrap().default = vec![(blue, 10), (green, 90)];
            })
            .fails("ListenerNotForwarding")
            .assert(nobody_was_asked),
        case("a rule of the test listener stays on the original, whose task set names no target group")
            .world(|world| {
                let blue = blue_arn(world);
                rule(world, Condition::Path(vec!["/orders/*".into()]), &blue);
                world.blue().unwrap().load_balancers.clear();
            })
            .fails("ListenerNotForwarding")
            .assert(nobody_was_asked),
        case("a rule of the test listener stays on the original")
            .world(|world| {
                let blue = blue_arn(world);
                rule(world, Condition::Path(vec!["/orders/*".into()]), &blue);
            })
            .fails("ListenerNotForwarding")
            .assert(nobody_was_asked),
        case("no test listener")
            .world(|world| {
                world.group.pair.as_mut().unwrap().test = None;
                world.deployment().pair.as_mut().unwrap().test = None;
            })
            .fails("NoListener"),
        case("the route responds with 503")
            .world(|world| world.versions.last_mut().unwrap().routes.entry("/health".into()).or_default().status = 503)
            .fails("UnexpectedStatus"),
        case("the route redirects")
            .world(|world| world.versions.last_mut().unwrap().routes.entry("/health".into()).or_default().status = 302)
            .fails("UnexpectedStatus"),
        case("the service closes the load balancer's connection")
            .world(|world| world.versions.last_mut().unwrap().routes.entry("/health".into()).or_default().hang_up = true)
            .fails("UnexpectedStatus"),
        case("the service responds too late")
            .gate(
                "version: 1\nhooks: { after_allow_test_traffic: { built_in: { health_check: { timeout: 200ms, within: 300ms, every: 100ms } } } }",
            )
            .world(|world| {
                let behaviour = world.versions.last_mut().unwrap().routes.entry("/health".into()).or_default();
                behaviour.delay = Duration::from_secs(30);
            })
            .fails("ReadTimedOut"),
        case("nothing listens")
            .world(|world| world.test().unwrap().port = 1)
            .fails("ConnectRefused"),
        case("the load balancer has no address")
            .world(|world| world.load_balancers[0].dns_name = "no-such-balancer.invalid".into())
            .fails("NameNotResolved"),
        case("the matcher expects 204")
            .world(|world| {
                world.green_group().unwrap().health_check.matcher = Some("204,301-302".into());
                world.versions.last_mut().unwrap().routes.entry("/health".into()).or_default().status = 204;
            })
            .succeeds(),
        case("a network load balancer")
            .world(|world| {
                use_network_load_balancer(world);
                let check = &mut world.green_group().unwrap().health_check;
                (check.protocol, check.path, check.matcher) = ("TCP".into(), None, None);
            })
            .succeeds()
            .assert(nobody_was_asked),
        case("a network load balancer whose health check is a request")
            .world(use_network_load_balancer)
            .succeeds()
            .assert(|played| expect_eq("no requests", &played.requests_to_service.is_empty(), &false)),
        case("a network load balancer whose health check is a request that fails")
            .world(|world| {
                use_network_load_balancer(world);
                world.versions.last_mut().unwrap().routes.entry("/health".into()).or_default().status = 503;
            })
            .fails("UnexpectedStatus"),
        case("an HTTPS listener without a known host name")
            .world(|world| world.test().unwrap().protocol = "HTTPS".into())
            .fails("HostNotConfigured"),
        case("the listener forwards only some paths to the service")
            .world(|world| {
                let (blue, green) = (blue_arn(world), green_arn(world));
                rule(world, Condition::Path(vec!["/orders/*".into()]), &green);
                world.test().unwrap().default = vec![(unrelated_target_group(&blue), 1)];
            })
            .fails("HealthCheckNotRoutable")
            .assert(nobody_was_asked),
        case("the listener forwards only some paths to the service, and the gate file names one of them")
            .gate(
                "version: 1\nhooks: { after_allow_test_traffic: { built_in: { health_check: { path: /orders/health, every: 100ms } } } }",
            )
            .world(|world| {
                let (blue, green) = (blue_arn(world), green_arn(world));
                rule(world, Condition::Path(vec!["/orders/*".into()]), &green);
                world.test().unwrap().default = vec![(unrelated_target_group(&blue), 1)];
            })
            .succeeds(),
        case("the listener forwards only hosts that match a pattern to the service")
            .world(|world| {
                let (blue, green) = (blue_arn(world), green_arn(world));
                rule(world, Condition::Host(vec!["*.example.com".into()]), &green);
                world.test().unwrap().default = vec![(unrelated_target_group(&blue), 1)];
            })
            .fails("HostNotConfigured")
            .assert(nobody_was_asked),
        case("the listener forwards only hosts that match a pattern to the service, and GREENLIGHT_HOST matches")
            .env("GREENLIGHT_HOST", "shop.example.com")
            .world(|world| {
                let (blue, green) = (blue_arn(world), green_arn(world));
                rule(world, Condition::Host(vec!["*.example.com".into()]), &green);
                world.test().unwrap().default = vec![(unrelated_target_group(&blue), 1)];
            })
            .succeeds(),
        case("a host-header rule gives the host name")
            .world(|world| {
                let green = green_arn(world);
                rule(world, Condition::Host(vec!["*.example.com".into(), "shop.example.com".into()]), &green);
            })
            .succeeds()
            .assert(|played| {
                let host = |request: &rehearsal::ServiceRequest| {
                    Some(request.headers.get("host")?.split(':').next().unwrap_or_default().to_owned())
                };
                let hosts: Vec<_> = played.requests_to_service.iter().filter_map(host).collect();
                expect_eq("the hosts", &hosts[..], &["shop.example.com", "shop.example.com", "shop.example.com"].map(String::from)[..])
            }),
    ]
}

fn before_allow_traffic() -> Vec<HookCase> {
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
                    history: Vec::new(),
                });
            })
            .fails("AlarmFiring"),
    ]
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

fn after_allow_traffic() -> Vec<HookCase> {
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
