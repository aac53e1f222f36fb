//! What a scenario can set, one setting at a time.

use super::*;

/// The replacement after `millis` milliseconds.
fn after(world: &mut World, millis: u64) -> TaskSet {
    world.advance_to(day(0) + ms(millis));
    world.green().unwrap().clone()
}

fn stop(code: &str, exit_code: i32) -> TasksStop {
    TasksStop { code: code.into(), reason: "it ended".into(), exit_code: Some(exit_code), container_reason: None }
}

fn world_with(given: InitialState) -> World {
    let mut world = World::new(day(0), WorldOptions { production: 80, test: 8443, seed: 7 }, &given);
    world.create_deployment(day(0), "user");
    world
}

fn scheduled_event(after: &str) -> ScheduledEvent {
    let delay = ms(100);
    ScheduledEvent {
        after: after.into(),
        delay,
        alarm: None,
        targets: None,
        task_stops: None,
        scaled_in: None,
        scaled_out: None,
    }
}

#[test]
fn tasks_that_crash_in_a_loop_look_alive_whenever_they_are_counted() {
    let crash = TasksCrash { every: ms(700), end: stop("EssentialContainerExited", 1) };
    let mut world = installed(&DeploymentBehaviour { tasks_crash: Some(crash), ..DeploymentBehaviour::default() });
    for at in (650..20_000).step_by(90) {
        let green = after(&mut world, at);
        assert_eq!((green.running, green.pending, green.steady), (2, 0, true), "after {at} ms");
        assert_eq!(states(&mut world), ["healthy", "healthy"]);
    }
    let ended = world.green_tasks().filter(|task| task.last_status == "STOPPED").count();
    assert_eq!(ended, 28, "one before it was steady, and one more every 700 ms");
}

#[test]
fn exit_codes_and_reasons_are_the_essential_container_s() {
    let end = TasksStop { container_reason: Some("OutOfMemoryError".into()), ..stop("EssentialContainerExited", 137) };
    let mut world = world_with(InitialState { sidecar: true, ..InitialState::default() });
    world.run_event(
        "Install",
        &DeploymentBehaviour { tasks_stop: Some(end), ..DeploymentBehaviour::default() },
        day(0),
    );
    world.advance_to(day(0) + ms(300));
    let task = world.green_tasks().next().unwrap().clone();
    let ends: Vec<_> =
        task.containers.iter().map(|it| (it.name.as_str(), it.exit_code, it.reason.as_deref())).collect();
    assert_eq!(ends, [("web", Some(137), Some("OutOfMemoryError")), ("log-router", Some(0), None)]);
}

#[test]
fn a_sidecar_ends_and_its_task_goes_on() {
    let mut world = world_with(InitialState { sidecar: true, ..InitialState::default() });
    world.run_event(
        "Install",
        &DeploymentBehaviour { sidecar_exits: Some(1), ..DeploymentBehaviour::default() },
        day(0),
    );
    let green = after(&mut world, 650);
    assert_eq!((green.running, green.steady), (2, true));
    for task in world.green_tasks() {
        assert_eq!((task.last_status.as_str(), task.health.as_str()), ("RUNNING", "HEALTHY"));
        assert_eq!((task.containers[1].last_status.as_str(), task.containers[1].exit_code), ("STOPPED", Some(1)));
    }
}

#[test]
fn health_flaps() {
    let mut world =
        installed(&DeploymentBehaviour { containers_flap: Some(ms(600)), ..DeploymentBehaviour::default() });
    let mut health = |at: u64| {
        after(&mut world, at);
        world.green_tasks().next().unwrap().health.clone()
    };
    let seen = [449, 450, 1049, 1050, 1650, 2250].map(&mut health);
    assert_eq!(seen, ["UNKNOWN", "HEALTHY", "HEALTHY", "UNHEALTHY", "HEALTHY", "UNHEALTHY"]);
}

#[test]
fn containers_without_a_health_check_have_no_health() {
    let mut world = world_with(InitialState { health_check: false, ..InitialState::default() });
    world.run_event("Install", &DeploymentBehaviour::default(), day(0));
    assert!(after(&mut world, 650).steady);
    assert!(world.green_tasks().all(|task| task.health == "UNKNOWN"));
}

#[test]
fn a_lost_task_is_replaced_and_the_set_is_not_steady_meanwhile() {
    let lost = ScheduledEvent { task_stops: Some(stop("SpotInterruption", 143)), ..scheduled_event("Install") };
    let behaviour = DeploymentBehaviour { events: vec![lost], ..DeploymentBehaviour::default() };
    let mut world = installed(&behaviour);
    world.advance_to(day(0));
    world.schedule_after(&behaviour, "Install", day(0) + ms(300));
    let seen = [399, 400, 650, 700, 1000, 1050].map(|at| {
        let green = after(&mut world, at);
        (green.running, green.pending, green.steady)
    });
    assert_eq!(seen, [(2, 0, false), (1, 1, false), (1, 1, false), (2, 0, false), (2, 0, false), (2, 0, true)]);
    assert_eq!(states(&mut world), ["healthy", "healthy"]);
    assert_eq!(world.drain_events()[0].text, "a task of the replacement stops: SpotInterruption");
}

#[test]
fn scaling_in_takes_a_task_and_its_target_away() {
    let behaviour = DeploymentBehaviour {
        tasks: 3,
        events: vec![ScheduledEvent { scaled_in: Some(1), ..scheduled_event("Install") }],
        ..DeploymentBehaviour::default()
    };
    let mut world = installed(&behaviour);
    world.advance_to(day(0));
    world.schedule_after(&behaviour, "Install", day(0) + ms(500));
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
    let ill =
        TargetHealthChange { state: "unhealthy".into(), reason: Some("Target.Timeout".into()), description: None };
    let turn =
        |state: &str| AlarmStateChange { name: "shop-web-5xx".into(), state: state.into(), reason: "41 > 5".into() };
    let behaviour = DeploymentBehaviour {
        events: vec![
            ScheduledEvent { targets: Some(ill), ..scheduled_event("AfterInstall") },
            ScheduledEvent { alarm: Some(turn("OK")), ..scheduled_event("Install") },
            ScheduledEvent { alarm: Some(turn("ALARM")), ..scheduled_event("AfterInstall") },
        ],
        ..DeploymentBehaviour::default()
    };
    let mut world = world_with(InitialState { firing: vec!["shop-web-5xx".into()], ..InitialState::default() });
    world.run_event("Install", &behaviour, day(0));
    world.schedule_after(&behaviour, "Install", day(1));
    world.advance_to(day(2));
    assert_eq!(world.alarms[0].state, "OK");
    assert_eq!(states(&mut world), ["healthy", "healthy"]);
    world.schedule_after(&behaviour, "AfterInstall", day(3));
    world.advance_to(day(4));
    assert_eq!(world.alarms[0].state, "ALARM");
    assert_eq!(world.alarms[0].since, day(3) + ms(100), "it fires anew");
    assert_eq!(states(&mut world), ["unhealthy", "unhealthy"]);
}

#[test]
fn what_is_missing_is_missing() {
    let mut world = installed(&DeploymentBehaviour { task_set: false, ..DeploymentBehaviour::default() });
    world.advance_to(day(9));
    assert!(world.green().is_none());
    let mut world = installed(&DeploymentBehaviour { targets: false, ..DeploymentBehaviour::default() });
    assert!(after(&mut world, 650).steady);
    assert!(states(&mut world).is_empty());
    let mut world = installed(&DeploymentBehaviour { tasks: 0, ..DeploymentBehaviour::default() });
    assert_eq!((after(&mut world, 650).desired, world.green_tasks().count()), (0, 0));
    let mut world = installed(&DeploymentBehaviour { targets_left_over: 2, ..DeploymentBehaviour::default() });
    after(&mut world, 650);
    assert_eq!(states(&mut world), ["draining", "draining", "healthy", "healthy"]);
}

#[test]
fn an_image_may_hold_another_version_than_its_tag_says() {
    let behaviour = DeploymentBehaviour { version_in_image: Some("1.41.0".into()), ..DeploymentBehaviour::default() };
    let mut world = installed(&behaviour);
    let green = after(&mut world, 650);
    assert_eq!(world.version_of(&green).unwrap().name, "1.41.0");
    assert!(world.definitions[1].containers[0].image.ends_with(":1.42.0"));
}

#[test]
fn alarms_are_as_they_are_given() {
    let world = world_with(InitialState {
        alarms: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
        firing: vec!["a".into()],
        silent: vec!["b".into()],
        composite: vec!["c".into()],
        missing: vec!["d".into()],
        more_alarms: 300,
        ..InitialState::default()
    });
    let states: Vec<_> = world.alarms[..3].iter().map(|alarm| (alarm.state.as_str(), alarm.kind)).collect();
    let expected =
        [("ALARM", AlarmKind::Metric), ("INSUFFICIENT_DATA", AlarmKind::Metric), ("OK", AlarmKind::Composite)];
    assert_eq!(states, expected);
    assert_eq!((world.group.alarms.names.len(), world.alarms.len()), (4, 303), "the group names a missing alarm");
    assert_eq!(world.alarms[302].name, "shop-300");
}

#[test]
fn production_is_shifted_in_steps() {
    let behaviour = DeploymentBehaviour {
        shift: Some(TrafficShift { first: 10, each: None, every: ms(800) }),
        ..DeploymentBehaviour::default()
    };
    let mut world = installed(&behaviour);
    world.advance_to(day(9));
    let green = world.green_group().unwrap().arn.clone();
    assert_eq!(world.run_event("AllowTraffic", &behaviour, day(10)), ms(1050));
    let mut share = |at: u64| {
        world.advance_to(day(10) + ms(at));
        world.production().unwrap().default.iter().find(|(arn, _)| *arn == green).unwrap().1
    };
    assert_eq!([99, 100, 899, 900].map(&mut share), [0, 10, 10, 100]);
    world.configure(&behaviour);
    assert_eq!(world.deployment().config, "CodeDeployDefault.ECSCanary10Percent5Minutes");
}

#[test]
fn rules_switch_with_their_listener_as_far_as_they_are_about_the_pair() {
    let rule = |priority, to| InitialRule { priority, paths: vec!["/x".into()], to, ..InitialRule::default() };
    let rules = vec![
        rule(10, RuleTarget::Service),
        rule(20, RuleTarget::Another),
        rule(30, RuleTarget::Service),
        rule(40, RuleTarget::Service),
    ];
    let mut world = world_with(InitialState { rules, default_rule: false, ..InitialState::default() });
    let behaviour = DeploymentBehaviour {
        rules: [(30, RuleBehaviour::Stays), (40, RuleBehaviour::Half)].into(),
        ..DeploymentBehaviour::default()
    };
    world.run_event("Install", &behaviour, day(0));
    world.advance_to(day(9));
    let [a, b] = ["tg-shop-a", "tg-shop-b"].map(|name| world.target_group(name).unwrap().arn.clone());
    let other = world.target_group("tg-blog").unwrap().arn.clone();
    world.run_event("AllowTestTraffic", &behaviour, day(10));
    world.advance_to(day(11));
    let test = world.test().unwrap().clone();
    assert_eq!(test.default, [], "it responds 404 itself, before and after");
    let to: Vec<_> = test.rules.iter().map(|rule| rule.forward.clone()).collect();
    let half = vec![(a.clone(), 50), (b.clone(), 50)];
    assert_eq!(to, [vec![(b, 100)], vec![(other, 1)], vec![(a.clone(), 100)], half]);
    world.fail_deployment(DeploymentStatus::Failed, None, day(12));
    world.roll_back(day(12));
    let back = world.test().unwrap().rules[3].forward.clone();
    assert_eq!(back, [(a, 100)], "a rule that forwarded half of its requests switches back completely");
}

#[test]
fn a_network_load_balancer_has_neither_weights_nor_paths() {
    let balancer = InitialLoadBalancer { kind: LoadBalancerType::Network, ..InitialLoadBalancer::default() };
    let mut world = world_with(InitialState { load_balancer: balancer, ..InitialState::default() });
    world.run_event("Install", &DeploymentBehaviour::default(), day(0));
    assert!(after(&mut world, 650).steady);
    assert_eq!(states(&mut world), ["unused", "unused"], "no listener forwards to the idle group");
    let listener = world.production().unwrap().clone();
    assert_eq!((listener.protocol.as_str(), listener.default.len()), ("TCP", 1));
    world.run_event("AllowTraffic", &DeploymentBehaviour::default(), day(10));
    world.advance_to(day(11));
    let (green, now) = (world.green_group().unwrap().clone(), world.production().unwrap().default.clone());
    assert_eq!(now, [(green.arn.clone(), 100)]);
    assert_eq!((green.protocol.as_str(), &green.health_check.path), ("TCP", &None));
}

#[test]
fn the_original_the_service_and_its_manager_are_as_given() {
    let mut world = world_with(InitialState { original_steady: false, ..InitialState::default() });
    assert!(!world.blue().unwrap().steady);
    let world = world_with(InitialState { service: InitialService::Inactive, ..InitialState::default() });
    assert_eq!(world.service.unwrap().status, "INACTIVE");
    assert!(world_with(InitialState { service: InitialService::Missing, ..InitialState::default() }).service.is_none());
    let mut world =
        world_with(InitialState { managed_by: DeploymentController::CloudFormation, ..InitialState::default() });
    world.configure(&DeploymentBehaviour::default());
    assert!(world.group.services.is_empty());
    assert_eq!(world.deployment().creator, "CloudFormation");
    assert_eq!(world.service.unwrap().controller, "EXTERNAL");
}

#[test]
fn a_lambda_deployment_has_three_events() {
    let mut world = world_with(InitialState::default());
    world.set_platform(ComputePlatform::Lambda);
    assert!(!world.start_event("BeforeInstall", day(1)));
    assert!(world.start_event("BeforeAllowTraffic", day(1)));
    assert_eq!(world.deployment().events.len(), 3);
}

#[test]
fn what_cannot_be_played_is_refused() {
    let two = ScheduledEvent { scaled_in: Some(1), task_stops: Some(stop("X", 1)), ..scheduled_event("Install") };
    let nothing = scheduled_event("Install");
    let lunch = ScheduledEvent { scaled_in: Some(1), ..scheduled_event("Lunch") };
    for (odd, word) in [(two, "has 2 changes"), (nothing, "has 0 changes"), (lunch, "Lunch")] {
        let behaviour = DeploymentBehaviour { events: vec![odd], ..DeploymentBehaviour::default() };
        let message = behaviour.check().unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
    let shift = Some(TrafficShift { first: 100, each: None, every: ms(1) });
    assert!(DeploymentBehaviour { shift, ..DeploymentBehaviour::default() }.check().is_err());
}

#[test]
fn a_behaviour_strikes_the_requests_it_is_meant_for() {
    let struck = |behaviour: RouteResponse| (0..6).filter(|nth| behaviour.applies_to(*nth)).collect::<Vec<_>>();
    assert_eq!(struck(RouteResponse::default()), [0, 1, 2, 3, 4, 5]);
    assert_eq!(struck(RouteResponse { first: Some(2), ..RouteResponse::default() }), [0, 1]);
    assert_eq!(struck(RouteResponse { one_in: 2, ..RouteResponse::default() }), [0, 2, 4]);
}
