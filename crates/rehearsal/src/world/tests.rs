//! The world changes at the scheduled times, and only then.

mod behaviours;

use std::time::{Duration, SystemTime};

use super::*;

const T0: SystemTime = SystemTime::UNIX_EPOCH;

fn day(seconds: u64) -> SystemTime {
    T0 + Duration::from_secs(1_800_000_000 + seconds)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn world() -> World {
    World::new(day(0), WorldOptions { production: 80, test: 8443, seed: 7 }, &InitialState::default())
}

fn installed(behaviour: &DeploymentBehaviour) -> World {
    let mut world = world();
    world.create_deployment(day(0), "user");
    world.run_event("Install", behaviour, day(0));
    world
}

fn states(world: &mut World) -> Vec<String> {
    let group = world.green_group().unwrap().clone();
    world.target_health(&group).into_iter().map(|target| target.health.state).collect()
}

#[test]
fn a_replacement_comes_up_step_by_step() {
    let mut world = installed(&DeploymentBehaviour::default());
    assert!(world.green().is_none(), "nothing happens before the world is advanced");
    world.advance_to(day(0));
    let green = world.green().unwrap().clone();
    assert_eq!((green.pending, green.running, green.steady), (2, 0, false));
    assert!(states(&mut world).is_empty());
    world.advance_to(day(0) + ms(300));
    let green = world.green().unwrap().clone();
    assert_eq!((green.pending, green.running, green.steady), (0, 2, false));
    assert_eq!(states(&mut world), ["initial", "initial"]);
    world.advance_to(day(0) + ms(600));
    assert_eq!(states(&mut world), ["healthy", "healthy"]);
    assert!(!world.green().unwrap().steady);
    world.advance_to(day(0) + ms(650));
    assert!(world.green().unwrap().steady);
    assert!(world.green_tasks().all(|task| task.health == "HEALTHY"));
    assert!(world.scheduled.is_empty());
}

#[test]
fn the_times_of_changes_are_their_own_and_not_the_readers() {
    let behaviour = DeploymentBehaviour {
        tasks_stop: Some(TasksStop {
            code: "TaskFailedToStart".into(),
            reason: "no image".into(),
            exit_code: None,
            container_reason: None,
        }),
        ..DeploymentBehaviour::default()
    };
    let mut world = installed(&behaviour);
    world.advance_to(day(3600));
    let stopped: Vec<_> = world.green_tasks().map(|task| (task.last_status.clone(), task.stopped)).collect();
    assert_eq!(stopped.len(), 6);
    assert_eq!(stopped[0], ("STOPPED".to_owned(), Some(day(0) + ms(300))));
    assert!(!world.green().unwrap().steady);
    assert_eq!((world.green().unwrap().running, world.green().unwrap().pending), (0, 0));
    assert_eq!(world.drain_events().len(), 1, "one event for the task set, not one for each task");
    assert_eq!(world.drain_events(), []);
}

#[test]
fn targets_of_a_group_behind_no_listener_are_unused() {
    let mut world = installed(&DeploymentBehaviour::default());
    world.advance_to(day(10));
    let green = world.green_group().unwrap().arn.clone();
    world.production().unwrap().default.retain(|(arn, _)| *arn != green);
    assert_eq!(states(&mut world), ["unused", "unused"]);
}

#[test]
fn the_test_listener_lags_and_production_shifts_whole() {
    let behaviour = DeploymentBehaviour::default();
    let mut world = installed(&behaviour);
    world.advance_to(day(10));
    let green = world.green_group().unwrap().arn.clone();
    world.run_event("AllowTestTraffic", &behaviour, day(10));
    world.advance_to(day(10) + ms(399));
    assert_ne!(world.test().unwrap().default[0].0, green);
    assert!(world.describe_event("AllowTestTraffic").contains("still forwards 100 % to tg-shop-a"));
    world.advance_to(day(10) + ms(400));
    assert_eq!(world.test().unwrap().default, [(green.clone(), 100)]);
    assert_eq!(world.describe_event("AllowTestTraffic"), "test listener now forwards 100 % to tg-shop-b");
    world.run_event("AllowTraffic", &behaviour, day(20));
    world.advance_to(day(21));
    assert!(world.production().unwrap().default.contains(&(green, 100)));
    assert_eq!(world.describe_event("AllowTraffic"), "production listener now forwards 100 % to tg-shop-b");
    assert_eq!(world.green().unwrap().status, "PRIMARY");
    assert!(world.describe_serving().contains("(version 1.42.0)"));
}

#[test]
fn a_listener_that_never_switches_stays() {
    let behaviour = DeploymentBehaviour { test_listener: SwitchTiming::Never, ..DeploymentBehaviour::default() };
    let mut world = installed(&behaviour);
    world.advance_to(day(10));
    let before = world.test().unwrap().default.clone();
    world.run_event("AllowTestTraffic", &behaviour, day(10));
    world.advance_to(day(3600));
    assert_eq!(world.test().unwrap().default, before);
}

#[test]
fn roles_swap_with_each_deployment() {
    let behaviour = DeploymentBehaviour::default();
    let mut world = installed(&behaviour);
    world.advance_to(day(10));
    assert_eq!(world.green_group().unwrap().name, "tg-shop-b");
    world.run_event("AllowTestTraffic", &behaviour, day(10));
    world.run_event("AllowTraffic", &behaviour, day(10));
    world.advance_to(day(20));
    world.complete(day(20));
    assert_eq!(world.target_group("tg-shop-a").unwrap().targets, []);
    world.create_deployment(day(30), "user");
    world.run_event("Install", &behaviour, day(30));
    world.advance_to(day(40));
    assert_eq!(world.green_group().unwrap().name, "tg-shop-a");
    let green = world.green().unwrap().clone();
    assert_eq!(world.version_of(&green).unwrap().name, "1.43.0");
    assert_eq!(world.service.as_ref().unwrap().task_sets.len(), 2);
    let blue = world.blue().unwrap().clone();
    assert_eq!((blue.status.as_str(), blue.running), ("PRIMARY", 2));
}

#[test]
fn a_roll_back_leaves_what_was_there_before() {
    let behaviour = DeploymentBehaviour::default();
    let mut world = installed(&behaviour);
    let before = world.describe_serving();
    world.advance_to(day(10));
    world.run_event("AllowTraffic", &behaviour, day(10));
    world.advance_to(day(20));
    assert_ne!(world.describe_serving(), before);
    world.fail_deployment(DeploymentStatus::Failed, Some(("HOOK_EXECUTION_FAILURE", "…")), day(20));
    let id = world.roll_back(day(20));
    assert_eq!(world.describe_serving(), before);
    assert_eq!(world.service.as_ref().unwrap().task_sets.len(), 1);
    let (failed, undoing) = (&world.deployments[0], &world.deployments[1]);
    assert_eq!(failed.rollback.as_ref().unwrap().rolled_back_by.as_ref(), Some(&id));
    assert_eq!(undoing.rollback.as_ref().unwrap().triggered_by.as_ref(), Some(&failed.id));
    assert_eq!(undoing.creator, "codeDeployRollback");
}

#[test]
fn an_alarm_fires_when_its_event_is_over_and_says_so() {
    let fires = AlarmTransition {
        name: "shop-web-5xx".into(),
        fires_after: "AllowTraffic".into(),
        delay: ms(500),
        reason: "41 > 5".into(),
    };
    let behaviour = DeploymentBehaviour { alarms: vec![fires], ..DeploymentBehaviour::default() };
    let mut world = installed(&behaviour);
    world.schedule_after(&behaviour, "Install", day(1));
    world.advance_to(day(10));
    assert_eq!(world.alarms[0].state, "OK");
    world.schedule_after(&behaviour, "AllowTraffic", day(10));
    world.advance_to(day(11));
    assert_eq!((world.alarms[0].state.as_str(), world.alarms[0].since), ("ALARM", day(10) + ms(500)));
    assert_eq!(world.drain_events().last().unwrap().text, "alarm shop-web-5xx begins to fire");
}

#[test]
fn an_answer_after_the_hour_comes_too_late() {
    let mut world = world();
    let deployment = world.create_deployment(day(0), "user");
    world.start_event("BeforeInstall", day(0));
    let execution = world.create_execution("BeforeInstall");
    world.end_event("BeforeInstall", EventStatus::Failed, day(3600));
    assert_eq!(
        world.put_status(&deployment, &execution, "Succeeded", day(3601)),
        Err(StatusRejected::LifecycleEventAlreadyCompleted)
    );
}

#[test]
fn weights_come_out_exactly() {
    let mut world = installed(&DeploymentBehaviour::default());
    world.advance_to(day(10));
    let [a, b] = ["tg-shop-a", "tg-shop-b"].map(|name| world.target_group(name).unwrap().arn.clone());
    world.production().unwrap().default = vec![(a.clone(), 90), (b.clone(), 10)];
    let listener = world.production().unwrap().clone();
    let to_b =
        (0..200).filter(|turn| world.route(&listener, &ListenerRequest::default(), *turn) == Routed::To(&b)).count();
    assert_eq!(to_b, 20);
}

#[test]
fn rules_go_before_the_default_by_priority() {
    let mut world = installed(&DeploymentBehaviour::default());
    world.advance_to(day(10));
    let [a, b] = ["tg-shop-a", "tg-shop-b"].map(|name| world.target_group(name).unwrap().arn.clone());
    let rule = |priority, condition, to: &String| Rule {
        arn: String::new(),
        priority,
        conditions: vec![condition],
        forward: vec![(to.clone(), 1)],
        action: RuleAction::Forward,
    };
    let listener = world.test().unwrap();
    listener.rules = vec![
        rule(20, Condition::Path(vec!["/api/*".into()]), &a),
        rule(10, Condition::Host(vec!["*.example.com".into()]), &b),
    ];
    let listener = listener.clone();
    let request = |host| ListenerRequest { host, path: "/api/x", ..ListenerRequest::default() };
    assert_eq!(world.route(&listener, &request("Shop.example.com:80"), 0), Routed::To(&b));
    assert_eq!(world.route(&listener, &request("localhost"), 0), Routed::To(&a));
}

#[test]
fn without_a_test_listener_the_test_events_are_left_out() {
    let given = InitialState { test_listener: false, ..InitialState::default() };
    let mut world = World::new(day(0), WorldOptions { production: 80, test: 81, seed: 1 }, &given);
    world.create_deployment(day(0), "user");
    assert!(!world.start_event("AllowTestTraffic", day(0)));
    assert!(!world.start_event("AfterAllowTestTraffic", day(0)));
    assert!(world.start_event("BeforeAllowTraffic", day(0)));
}
