//! What a scenario can say, one thing at a time.

use super::*;

/// The replacement after so long.
fn after(world: &mut World, millis: u64) -> TaskSet {
    world.settle(day(0) + ms(millis));
    world.green().unwrap().clone()
}

fn stop(code: &str, exit_code: i32) -> TasksStop {
    TasksStop { code: code.into(), reason: "it ended".into(), exit_code: Some(exit_code), container_reason: None }
}

fn given(given: Given) -> World {
    let mut world = World::new(day(0), Ground { production: 80, test: 8443, seed: 7 }, &given);
    world.begin(day(0), "user");
    world
}

fn then(after: &str) -> Then {
    let delay = ms(100);
    Then { after: after.into(), delay, alarm: None, targets: None, task_stops: None, scaled_in: None, scaled_out: None }
}

#[test]
fn tasks_that_crash_in_a_loop_look_alive_whenever_they_are_counted() {
    let crash = TasksCrash { every: ms(700), end: stop("EssentialContainerExited", 1) };
    let mut world = installed(&Course { tasks_crash: Some(crash), ..Course::default() });
    for at in (650..20_000).step_by(90) {
        let green = after(&mut world, at);
        assert_eq!((green.running, green.pending, green.steady), (2, 0, true), "after {at} ms");
        assert_eq!(states(&mut world), ["healthy", "healthy"]);
    }
    let ended = world.green_tasks().filter(|task| task.last_status == "STOPPED").count();
    assert_eq!(ended, 28, "one before it was steady, and one more in each 700 ms");
}

#[test]
fn exit_codes_and_reasons_are_the_essential_container_s() {
    let end = TasksStop { container_reason: Some("OutOfMemoryError".into()), ..stop("EssentialContainerExited", 137) };
    let mut world = given(Given { sidecar: true, ..Given::default() });
    world.carry_out("Install", &Course { tasks_stop: Some(end), ..Course::default() }, day(0));
    world.settle(day(0) + ms(300));
    let task = world.green_tasks().next().unwrap().clone();
    let ends: Vec<_> =
        task.containers.iter().map(|it| (it.name.as_str(), it.exit_code, it.reason.as_deref())).collect();
    assert_eq!(ends, [("web", Some(137), Some("OutOfMemoryError")), ("log-router", Some(0), None)]);
}

#[test]
fn a_sidecar_ends_and_its_task_goes_on() {
    let mut world = given(Given { sidecar: true, ..Given::default() });
    world.carry_out("Install", &Course { sidecar_exits: Some(1), ..Course::default() }, day(0));
    let green = after(&mut world, 650);
    assert_eq!((green.running, green.steady), (2, true));
    for task in world.green_tasks() {
        assert_eq!((task.last_status.as_str(), task.health.as_str()), ("RUNNING", "HEALTHY"));
        assert_eq!((task.containers[1].last_status.as_str(), task.containers[1].exit_code), ("STOPPED", Some(1)));
    }
}

#[test]
fn health_flaps() {
    let mut world = installed(&Course { containers_flap: Some(ms(600)), ..Course::default() });
    let mut health = |at: u64| {
        after(&mut world, at);
        world.green_tasks().next().unwrap().health.clone()
    };
    let seen = [449, 450, 1049, 1050, 1650, 2250].map(&mut health);
    assert_eq!(seen, ["UNKNOWN", "HEALTHY", "HEALTHY", "UNHEALTHY", "HEALTHY", "UNHEALTHY"]);
}

#[test]
fn containers_without_a_health_check_have_no_health() {
    let mut world = given(Given { health_check: false, ..Given::default() });
    world.carry_out("Install", &Course::default(), day(0));
    assert!(after(&mut world, 650).steady);
    assert!(world.green_tasks().all(|task| task.health == "UNKNOWN"));
}

#[test]
fn a_lost_task_is_replaced_and_the_set_is_not_steady_meanwhile() {
    let lost = Then { task_stops: Some(stop("SpotInterruption", 143)), ..then("Install") };
    let course = Course { then: vec![lost], ..Course::default() };
    let mut world = installed(&course);
    world.settle(day(0));
    world.plan_after(&course, "Install", day(0) + ms(300));
    let seen = [399, 400, 650, 700, 1000, 1050].map(|at| {
        let green = after(&mut world, at);
        (green.running, green.pending, green.steady)
    });
    assert_eq!(seen, [(2, 0, false), (1, 1, false), (1, 1, false), (2, 0, false), (2, 0, false), (2, 0, true)]);
    assert_eq!(states(&mut world), ["healthy", "healthy"]);
    assert_eq!(world.take_news()[0].text, "a task of the replacement stops: SpotInterruption");
}

#[test]
fn scaling_in_takes_a_task_and_its_target_away() {
    let course = Course { tasks: 3, then: vec![Then { scaled_in: Some(1), ..then("Install") }], ..Course::default() };
    let mut world = installed(&course);
    world.settle(day(0));
    world.plan_after(&course, "Install", day(0) + ms(500));
    let green = after(&mut world, 650);
    assert_eq!((green.desired, green.running, green.pending, green.steady), (2, 2, 0, true));
    assert_eq!(states(&mut world), ["draining", "healthy", "healthy"]);
    after(&mut world, 1200);
    assert_eq!(states(&mut world), ["healthy", "healthy"]);
    let ended: Vec<_> = world.green_tasks().filter_map(|task| task.stopped_reason.clone()).collect();
    assert_eq!(ended.len(), 1);
    assert!(ended[0].starts_with("Scaling activity initiated by (deployment ecs-svc/"), "{ended:?}");
}

#[test]
fn targets_and_alarms_turn_after_their_event() {
    let ill = TargetsTurn { state: "unhealthy".into(), reason: Some("Target.Timeout".into()), description: None };
    let turn = |state: &str| AlarmTurns { name: "shop-web-5xx".into(), state: state.into(), reason: "41 > 5".into() };
    let course = Course {
        then: vec![
            Then { targets: Some(ill), ..then("AfterInstall") },
            Then { alarm: Some(turn("OK")), ..then("Install") },
            Then { alarm: Some(turn("ALARM")), ..then("AfterInstall") },
        ],
        ..Course::default()
    };
    let mut world = given(Given { firing: vec!["shop-web-5xx".into()], ..Given::default() });
    world.carry_out("Install", &course, day(0));
    world.plan_after(&course, "Install", day(1));
    world.settle(day(2));
    assert_eq!(world.alarms[0].state, "OK");
    assert_eq!(states(&mut world), ["healthy", "healthy"]);
    world.plan_after(&course, "AfterInstall", day(3));
    world.settle(day(4));
    assert_eq!(world.alarms[0].state, "ALARM");
    assert_eq!(world.alarms[0].since, day(3) + ms(100), "a new fire");
    assert_eq!(states(&mut world), ["unhealthy", "unhealthy"]);
}

#[test]
fn what_is_missing_is_missing() {
    let mut world = installed(&Course { task_set: false, ..Course::default() });
    world.settle(day(9));
    assert!(world.green().is_none());
    let mut world = installed(&Course { targets: false, ..Course::default() });
    assert!(after(&mut world, 650).steady);
    assert!(states(&mut world).is_empty());
    let mut world = installed(&Course { tasks: 0, ..Course::default() });
    assert_eq!((after(&mut world, 650).desired, world.green_tasks().count()), (0, 0));
    let mut world = installed(&Course { targets_left_over: 2, ..Course::default() });
    after(&mut world, 650);
    assert_eq!(states(&mut world), ["draining", "draining", "healthy", "healthy"]);
}

#[test]
fn an_image_may_hold_another_version_than_its_tag_says() {
    let course = Course { image_holds: Some("1.41.0".into()), ..Course::default() };
    let mut world = installed(&course);
    let green = after(&mut world, 650);
    assert_eq!(world.version_of(&green).unwrap().name, "1.41.0");
    assert!(world.definitions[1].containers[0].image.ends_with(":1.42.0"));
}

#[test]
fn alarms_are_as_they_are_given() {
    let world = given(Given {
        alarms: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
        firing: vec!["a".into()],
        silent: vec!["b".into()],
        composite: vec!["c".into()],
        missing: vec!["d".into()],
        more_alarms: 300,
        ..Given::default()
    });
    let states: Vec<_> = world.alarms[..3].iter().map(|alarm| (alarm.state.as_str(), alarm.kind)).collect();
    let expected =
        [("ALARM", AlarmKind::Metric), ("INSUFFICIENT_DATA", AlarmKind::Metric), ("OK", AlarmKind::Composite)];
    assert_eq!(states, expected);
    assert_eq!((world.group.alarms.names.len(), world.alarms.len()), (4, 303), "the group names what nobody has made");
    assert_eq!(world.alarms[302].name, "shop-300");
}

#[test]
fn production_is_shifted_in_steps() {
    let course = Course { shift: Some(Shift { first: 10, each: None, every: ms(800) }), ..Course::default() };
    let mut world = installed(&course);
    world.settle(day(9));
    let green = world.green_group().unwrap().arn.clone();
    assert_eq!(world.carry_out("AllowTraffic", &course, day(10)), ms(1050));
    let mut share = |at: u64| {
        world.settle(day(10) + ms(at));
        world.production().unwrap().default.iter().find(|(arn, _)| *arn == green).unwrap().1
    };
    assert_eq!([99, 100, 899, 900].map(&mut share), [0, 10, 10, 100]);
    world.configure(&course);
    assert_eq!(world.deployment().config, "CodeDeployDefault.ECSCanary10Percent5Minutes");
}

#[test]
fn rules_switch_with_their_listener_as_far_as_they_are_about_the_pair() {
    let rule = |priority, to| GivenRule { priority, paths: vec!["/x".into()], to, ..GivenRule::default() };
    let rules = vec![
        rule(10, RuleTo::Service),
        rule(20, RuleTo::Another),
        rule(30, RuleTo::Service),
        rule(40, RuleTo::Service),
    ];
    let mut world = given(Given { rules, default_rule: false, ..Given::default() });
    let course = Course { rules: [(30, RuleFate::Stays), (40, RuleFate::Half)].into(), ..Course::default() };
    world.carry_out("Install", &course, day(0));
    world.settle(day(9));
    let [a, b] = ["tg-shop-a", "tg-shop-b"].map(|name| world.target_group(name).unwrap().arn.clone());
    let other = world.target_group("tg-blog").unwrap().arn.clone();
    world.carry_out("AllowTestTraffic", &course, day(10));
    world.settle(day(11));
    let test = world.test().unwrap().clone();
    assert_eq!(test.default, [], "it answers 404 by itself, before and after");
    let to: Vec<_> = test.rules.iter().map(|rule| rule.forward.clone()).collect();
    let half = vec![(a.clone(), 50), (b.clone(), 50)];
    assert_eq!(to, [vec![(b, 100)], vec![(other, 1)], vec![(a.clone(), 100)], half]);
    world.give_up(DeploymentStatus::Failed, None, day(12));
    world.roll_back(day(12));
    let back = world.test().unwrap().rules[3].forward.clone();
    assert_eq!(back, [(a, 100)], "a rule that was half way comes back whole");
}

#[test]
fn a_network_load_balancer_has_neither_weights_nor_paths() {
    let balancer = GivenBalancer { kind: BalancerKind::Network, ..GivenBalancer::default() };
    let mut world = given(Given { balancer, ..Given::default() });
    world.carry_out("Install", &Course::default(), day(0));
    assert!(after(&mut world, 650).steady);
    assert_eq!(states(&mut world), ["unused", "unused"], "no listener knows the idle group");
    let listener = world.production().unwrap().clone();
    assert_eq!((listener.protocol.as_str(), listener.default.len()), ("TCP", 1));
    world.carry_out("AllowTraffic", &Course::default(), day(10));
    world.settle(day(11));
    let (green, now) = (world.green_group().unwrap().clone(), world.production().unwrap().default.clone());
    assert_eq!(now, [(green.arn.clone(), 100)]);
    assert_eq!((green.protocol.as_str(), &green.health_check.path), ("TCP", &None));
}

#[test]
fn the_original_the_service_and_its_manager_are_as_given() {
    let mut world = given(Given { original_steady: false, ..Given::default() });
    assert!(!world.blue().unwrap().steady);
    let world = given(Given { service: GivenService::Inactive, ..Given::default() });
    assert_eq!(world.service.unwrap().status, "INACTIVE");
    assert!(given(Given { service: GivenService::Missing, ..Given::default() }).service.is_none());
    let mut world = given(Given { managed_by: ManagedBy::CloudFormation, ..Given::default() });
    world.configure(&Course::default());
    assert!(world.group.services.is_empty());
    assert_eq!(world.deployment().creator, "CloudFormation");
    assert_eq!(world.service.unwrap().controller, "EXTERNAL");
}

#[test]
fn a_lambda_deployment_has_three_events() {
    let mut world = given(Given::default());
    world.on_platform("Lambda");
    assert!(!world.enter("BeforeInstall", day(1)));
    assert!(world.enter("BeforeAllowTraffic", day(1)));
    assert_eq!(world.deployment().events.len(), 3);
}

#[test]
fn what_cannot_be_played_is_refused() {
    let two = Then { scaled_in: Some(1), task_stops: Some(stop("X", 1)), ..then("Install") };
    let nothing = then("Install");
    let lunch = Then { scaled_in: Some(1), ..then("Lunch") };
    for (odd, word) in [(two, "one thing but 2"), (nothing, "one thing but 0"), (lunch, "Lunch")] {
        let course = Course { then: vec![odd], ..Course::default() };
        let told = course.check().unwrap_err().to_string();
        assert!(told.contains(word), "{told}");
    }
    let shift = Some(Shift { first: 100, each: None, every: ms(1) });
    assert!(Course { shift, ..Course::default() }.check().is_err());
}

#[test]
fn a_behaviour_strikes_the_requests_it_is_meant_for() {
    let struck = |behaviour: Behaviour| (0..6).filter(|nth| behaviour.strikes(*nth)).collect::<Vec<_>>();
    assert_eq!(struck(Behaviour::default()), [0, 1, 2, 3, 4, 5]);
    assert_eq!(struck(Behaviour { first: Some(2), ..Behaviour::default() }), [0, 1]);
    assert_eq!(struck(Behaviour { one_in: 2, ..Behaviour::default() }), [0, 2, 4]);
}
