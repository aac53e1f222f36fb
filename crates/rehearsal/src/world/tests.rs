//! The world moves as its times say, and only then.

mod courses;

use std::time::{Duration, SystemTime};

use super::*;
use crate::report::Answer;

const T0: SystemTime = SystemTime::UNIX_EPOCH;

fn day(seconds: u64) -> SystemTime {
    T0 + Duration::from_secs(1_800_000_000 + seconds)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn world() -> World {
    World::new(day(0), Ground { production: 80, test: 8443, seed: 7 }, &Given::default())
}

fn installed(course: &Course) -> World {
    let mut world = world();
    world.begin(day(0), "user");
    world.carry_out("Install", course, day(0));
    world
}

fn states(world: &mut World) -> Vec<String> {
    let group = world.green_group().unwrap().clone();
    world.target_health(&group).into_iter().map(|target| target.health.state).collect()
}

#[test]
fn a_replacement_comes_up_step_by_step() {
    let mut world = installed(&Course::default());
    assert!(world.green().is_none(), "nothing happens before it is looked at");
    world.settle(day(0));
    let green = world.green().unwrap().clone();
    assert_eq!((green.pending, green.running, green.steady), (2, 0, false));
    assert!(states(&mut world).is_empty());
    world.settle(day(0) + ms(300));
    let green = world.green().unwrap().clone();
    assert_eq!((green.pending, green.running, green.steady), (0, 2, false));
    assert_eq!(states(&mut world), ["initial", "initial"]);
    world.settle(day(0) + ms(600));
    assert_eq!(states(&mut world), ["healthy", "healthy"]);
    assert!(!world.green().unwrap().steady);
    world.settle(day(0) + ms(650));
    assert!(world.green().unwrap().steady);
    assert!(world.green_tasks().all(|task| task.health == "HEALTHY"));
    assert_eq!(world.next_change(), None);
}

#[test]
fn the_times_of_changes_are_their_own_and_not_the_readers() {
    let course = Course {
        tasks_stop: Some(TasksStop {
            code: "TaskFailedToStart".into(),
            reason: "no image".into(),
            exit_code: None,
            container_reason: None,
        }),
        ..Course::default()
    };
    let mut world = installed(&course);
    world.settle(day(3600));
    let stopped: Vec<_> = world.green_tasks().map(|task| (task.last_status.clone(), task.stopped)).collect();
    assert_eq!(stopped.len(), 6);
    assert_eq!(stopped[0], ("STOPPED".to_owned(), Some(day(0) + ms(300))));
    assert!(!world.green().unwrap().steady);
    assert_eq!((world.green().unwrap().running, world.green().unwrap().pending), (0, 0));
    assert_eq!(world.take_news().len(), 1, "told once, not once for each task");
    assert_eq!(world.take_news(), []);
}

#[test]
fn targets_of_a_group_behind_no_listener_are_unused() {
    let mut world = installed(&Course::default());
    world.settle(day(10));
    let green = world.green_group().unwrap().arn.clone();
    world.production().unwrap().default.retain(|(arn, _)| *arn != green);
    assert_eq!(states(&mut world), ["unused", "unused"]);
}

#[test]
fn the_test_listener_lags_and_production_shifts_whole() {
    let course = Course::default();
    let mut world = installed(&course);
    world.settle(day(10));
    let green = world.green_group().unwrap().arn.clone();
    world.carry_out("AllowTestTraffic", &course, day(10));
    world.settle(day(10) + ms(399));
    assert_ne!(world.test().unwrap().default[0].0, green);
    assert!(world.told("AllowTestTraffic").contains("still forwards 100 % to tg-shop-a"));
    world.settle(day(10) + ms(400));
    assert_eq!(world.test().unwrap().default, [(green.clone(), 100)]);
    assert_eq!(world.told("AllowTestTraffic"), "test listener now forwards 100 % to tg-shop-b");
    world.carry_out("AllowTraffic", &course, day(20));
    world.settle(day(21));
    assert!(world.production().unwrap().default.contains(&(green, 100)));
    assert_eq!(world.told("AllowTraffic"), "production listener now forwards 100 % to tg-shop-b");
    assert_eq!(world.green().unwrap().status, "PRIMARY");
    assert!(world.serving().contains("(version 1.42.0)"));
}

#[test]
fn a_listener_that_never_switches_stays() {
    let course = Course { test_listener: Switch::Never, ..Course::default() };
    let mut world = installed(&course);
    world.settle(day(10));
    let before = world.test().unwrap().default.clone();
    world.carry_out("AllowTestTraffic", &course, day(10));
    world.settle(day(3600));
    assert_eq!(world.test().unwrap().default, before);
}

#[test]
fn roles_swap_with_each_deployment() {
    let course = Course::default();
    let mut world = installed(&course);
    world.settle(day(10));
    assert_eq!(world.green_group().unwrap().name, "tg-shop-b");
    world.carry_out("AllowTestTraffic", &course, day(10));
    world.carry_out("AllowTraffic", &course, day(10));
    world.settle(day(20));
    world.complete(day(20));
    assert_eq!(world.target_group("tg-shop-a").unwrap().targets, []);
    world.begin(day(30), "user");
    world.carry_out("Install", &course, day(30));
    world.settle(day(40));
    assert_eq!(world.green_group().unwrap().name, "tg-shop-a");
    assert_eq!(world.replacement_version().as_deref(), Some("1.43.0"));
    assert_eq!(world.service.as_ref().unwrap().task_sets.len(), 2);
    let blue = world.blue().unwrap().clone();
    assert_eq!((blue.status.as_str(), blue.running), ("PRIMARY", 2));
}

#[test]
fn a_roll_back_leaves_what_was_there_before() {
    let course = Course::default();
    let mut world = installed(&course);
    let before = world.serving();
    world.settle(day(10));
    world.carry_out("AllowTraffic", &course, day(10));
    world.settle(day(20));
    assert_ne!(world.serving(), before);
    world.give_up(DeploymentStatus::Failed, Some(("HOOK_EXECUTION_FAILURE", "…")), day(20));
    let id = world.roll_back(day(20));
    assert_eq!(world.serving(), before);
    assert_eq!(world.service.as_ref().unwrap().task_sets.len(), 1);
    let (failed, undoing) = (&world.deployments[0], &world.deployments[1]);
    assert_eq!(failed.rollback.as_ref().unwrap().rolled_back_by.as_ref(), Some(&id));
    assert_eq!(undoing.rollback.as_ref().unwrap().triggered_by.as_ref(), Some(&failed.id));
    assert_eq!(undoing.creator, "codeDeployRollback");
}

#[test]
fn an_alarm_fires_when_its_event_is_over_and_says_so() {
    let fires = AlarmFires {
        name: "shop-web-5xx".into(),
        fires_after: "AllowTraffic".into(),
        delay: ms(500),
        reason: "41 > 5".into(),
    };
    let course = Course { alarms: vec![fires], ..Course::default() };
    let mut world = installed(&course);
    world.plan_after(&course, "Install", day(1));
    world.settle(day(10));
    assert_eq!(world.alarms[0].state, "OK");
    world.plan_after(&course, "AllowTraffic", day(10));
    world.settle(day(11));
    assert_eq!((world.alarms[0].state.as_str(), world.alarms[0].since), ("ALARM", day(10) + ms(500)));
    assert_eq!(world.take_news().last().unwrap().text, "alarm shop-web-5xx begins to fire");
}

#[test]
fn an_execution_is_answered_once() {
    let mut world = world();
    let deployment = world.begin(day(0), "user");
    world.enter("BeforeInstall", day(0));
    let execution = world.execution("BeforeInstall");
    let mut put = |id: &str, execution: &str, status: &str| world.put(id, execution, status, day(1));
    assert_eq!(put("d-NOTHERE00", &execution, "Failed"), Err(PutFault::DeploymentDoesNotExist));
    assert_eq!(put(&deployment, "eyJ", "Failed"), Err(PutFault::InvalidLifecycleEventHookExecutionId));
    assert_eq!(put(&deployment, &execution, "Skipped"), Err(PutFault::InvalidLifecycleEventHookExecutionStatus));
    assert_eq!(put(&deployment, &execution, "Failed"), Ok(Answer::Failed));
    assert_eq!(put(&deployment, &execution, "Succeeded"), Err(PutFault::LifecycleEventAlreadyCompleted));
    assert_eq!(world.answer(&execution), Some(Answer::Failed));
}

#[test]
fn an_answer_after_the_hour_comes_too_late() {
    let mut world = world();
    let deployment = world.begin(day(0), "user");
    world.enter("BeforeInstall", day(0));
    let execution = world.execution("BeforeInstall");
    world.leave("BeforeInstall", EventStatus::Failed, day(3600));
    assert_eq!(
        world.put(&deployment, &execution, "Succeeded", day(3601)),
        Err(PutFault::LifecycleEventAlreadyCompleted)
    );
}

#[test]
fn weights_come_out_exactly() {
    let mut world = installed(&Course::default());
    world.settle(day(10));
    let [a, b] = ["tg-shop-a", "tg-shop-b"].map(|name| world.target_group(name).unwrap().arn.clone());
    world.production().unwrap().default = vec![(a.clone(), 90), (b.clone(), 10)];
    let listener = world.production().unwrap().clone();
    let to_b = (0..200).filter(|turn| world.route(&listener, &Asked::default(), *turn) == Routed::To(&b)).count();
    assert_eq!(to_b, 20);
}

#[test]
fn rules_go_before_the_default_by_priority() {
    let mut world = installed(&Course::default());
    world.settle(day(10));
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
    let asked = |host| Asked { host, path: "/api/x", ..Asked::default() };
    assert_eq!(world.route(&listener, &asked("Shop.example.com:80"), 0), Routed::To(&b));
    assert_eq!(world.route(&listener, &asked("localhost"), 0), Routed::To(&a));
}

#[test]
fn without_a_test_listener_the_test_events_are_left_out() {
    let given = Given { test_listener: false, ..Given::default() };
    let mut world = World::new(day(0), Ground { production: 80, test: 81, seed: 1 }, &given);
    world.begin(day(0), "user");
    assert!(!world.enter("AllowTestTraffic", day(0)));
    assert!(!world.enter("AfterAllowTestTraffic", day(0)));
    assert!(world.enter("BeforeAllowTraffic", day(0)));
}
