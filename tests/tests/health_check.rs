//! `answers` repeats the target group's own health check: over gRPC, through TLS, for as long as the load balancer waits. Its
//! grace ends with the first right answer.

#[path = "support/health_server.rs"]
mod health_server;

use std::time::Duration;

use greenlight_tests::{HookCase, expect_eq, run_cases};
use rehearsal::{HookName, HookRunReport, world::World};

use self::health_server::{NOT_SERVING, SERVING, start_health_server};

fn case(title: &str, answers: &str) -> HookCase {
    let gate = format!(
        "version: 1\nhooks: {{ after_allow_test_traffic: {{ built_in: {{ forwards_to: {{ settle: 0s }}, health_check: {{ {answers} }} }} }} }}"
    );
    HookCase::new(HookName::AfterAllowTestTraffic, title).gate(gate)
}

const SINGLE_ATTEMPT: &str = "within: 0s, consecutive: 1";

/// A target group that speaks gRPC, with the path and the codes of its health check, and a listener at this port.
fn grpc(title: &str, path: &'static str, codes: &'static str, port: Option<u16>) -> HookCase {
    case(title, SINGLE_ATTEMPT).world(move |world| {
        let group = world.green_group().unwrap();
        group.protocol_version = Some("GRPC".into());
        (group.health_check.path, group.health_check.matcher) = (Some(path.into()), Some(codes.into()));
        if let Some(port) = port {
            world.test().unwrap().port = port;
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_speaks_grpc() {
    const HEALTH: &str = "/grpc.health.v1.Health/Check";
    let (serving, not) = (start_health_server(SERVING, SERVING).await, start_health_server(NOT_SERVING, SERVING).await);
    let transcript = run_cases(vec![
        grpc("AWS's own path and code", "/AWS.ALB/healthcheck", "12", Some(serving)).succeeds(),
        grpc("a range of codes", "/AWS.ALB/healthcheck", "0-5,12", Some(serving)).succeeds(),
        grpc("the health service, and it serves", HEALTH, "0", Some(serving)).succeeds(),
        grpc("the health service, and it does not", HEALTH, "0", Some(not)).fails("GrpcNotServing"),
        grpc("a path that nobody implements", "/shop.Orders/Ping", "0", Some(serving)).fails("GrpcNotServing"),
        grpc("the call does not end", HEALTH, "0", Some(start_health_server(b"\0\0\0\0\x02\x08\x01|", SERVING).await))
            .fails("GrpcNotServing"),
        // It accepts connections, which was all that was asked.
        grpc("the other side speaks no gRPC", HEALTH, "0", None).fails("ConnectionReset"),
        grpc("the gate file has a path of its own", HEALTH, "0", None)
            .gate("version: 1\nhooks: { after_allow_test_traffic: { built_in: { health_check: { path: /health, every: 50ms } } } }")
            .succeeds(),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

fn health_route(world: &mut World) -> &mut rehearsal::world::RouteResponse {
    world.versions.last_mut().unwrap().routes.entry("/health".into()).or_default()
}

/// What the line of `answers` has to say.
fn message_contains(words: &'static str) -> impl Fn(&HookRunReport) -> Result<(), String> {
    move |played| {
        let line = played.checks.iter().find(|check| check.name == "health_check").map(|check| check.message.as_str());
        expect_eq(words, &line.is_some_and(|line| line.contains(words)), &true)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grace_ends_with_the_first_right_answer() {
    let case = |title: &str| case(title, "within: 5s, every: 20ms");
    let transcript = run_cases(vec![
        case("all is well").succeeds().assert(message_contains("10 times in a row")),
        case("the first four answers are wrong")
            .world(|world| (health_route(world).status, health_route(world).first) = (503, Some(4)))
            .succeeds()
            .check_outcome("health_check", "passed")
            .assert(message_contains("10 of 14 attempts passed")),
        case("every second answer is wrong")
            .world(|world| (health_route(world).status, health_route(world).one_in) = (503, 2))
            .fails("UnexpectedStatus")
            .assert(message_contains("in 3 of 5 looks")),
        case("every fifth answer is wrong")
            .world(|world| (health_route(world).status, health_route(world).one_in) = (503, 5))
            .fails("UnexpectedStatus"),
        case("one answer after a right one is wrong")
            .world(|world| {
                let health = health_route(world);
                (health.status, health.one_in, health.first) = (503, 5, Some(6));
            })
            .succeeds()
            .check_outcome("health_check", "unverified")
            .warns("UnexpectedStatus")
            .assert(message_contains("14 of 16 attempts passed")),
        case("it never answers right").gate("version: 1\nhooks: { after_allow_test_traffic: { built_in: { health_check: { within: 300ms, every: 50ms } } } }")
            .world(|world| health_route(world).status = 503)
            .fails("UnexpectedStatus"),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_take_as_long_as_the_load_balancer_waits() {
    // Longer than the 5 s that a request may take elsewhere, which is real time.
    let slow = |title: &str, keys: &str| {
        case(title, &format!("{SINGLE_ATTEMPT}{keys}")).world(|world| {
            world.green_group().unwrap().health_check.timeout = 20;
            health_route(world).delay = Duration::from_millis(5_200);
        })
    };
    let transcript = run_cases(vec![
        slow("the load balancer waits for 20 s", "").succeeds(),
        slow("the gate file waits for half a second", ", timeout: 500ms").fails("ReadTimedOut"),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}
