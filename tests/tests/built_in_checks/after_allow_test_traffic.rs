//! The built-in checks of AfterAllowTestTraffic.

use std::time::Duration;

use greenlight_tests::{HookCase, expect_eq};
use rehearsal::{
    Colour, Hook,
    world::{Condition, Rule, RuleAction, World},
};

use super::support::{blue_arn, green_arn, unrelated_target_group};

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

/// Makes the load balancer a Network Load Balancer with TCP listeners.
fn use_network_load_balancer(world: &mut World) {
    world.load_balancers[0].kind = "network".into();
    world.listeners.iter_mut().for_each(|listener| listener.protocol = "TCP".into());
}

pub fn cases() -> Vec<HookCase> {
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
