//! `health_check` repeats the target group's health check, over gRPC or TLS and with the load balancer's timeout. Its
//! grace time ends with the first correct response.

#[path = "support/health_server.rs"]
mod health_server;

use std::{process::ExitCode, time::Duration};

use greenlight_tests::{HookCase, Suite, expect_eq};
use rehearsal::{Hook, HookRunReport, world::World};

use self::health_server::{NOT_SERVING, SERVING, start_health_server};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .async_cases("a_group_that_speaks_grpc", a_group_that_speaks_grpc)
        .cases("the_grace_ends_with_the_first_right_answer", the_grace_ends_with_the_first_right_answer)
        .cases(
            "a_request_may_take_as_long_as_the_load_balancer_waits",
            a_request_may_take_as_long_as_the_load_balancer_waits,
        )
        .run()
}

fn case(title: &str, answers: &str) -> HookCase {
    let gate = format!(
        "version: 1\nhooks: {{ after_allow_test_traffic: {{ built_in: {{ forwards_to: {{ settle: 0s }}, health_check: {{ {answers} }} }} }} }}"
    );
    HookCase::new(Hook::AfterAllowTestTraffic, title).gate(gate)
}

const SINGLE_ATTEMPT: &str = "within: 0s, consecutive: 1";

/// A gRPC target group with the path and the codes of its health check, and the port of the test listener.
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

async fn a_group_that_speaks_grpc() -> Vec<HookCase> {
    const HEALTH: &str = "/grpc.health.v1.Health/Check";
    let (serving, not) = (start_health_server(SERVING, SERVING).await, start_health_server(NOT_SERVING, SERVING).await);
    vec![
        grpc("AWS's default path and code", "/AWS.ALB/healthcheck", "12", Some(serving)).succeeds(),
        grpc("a range of codes", "/AWS.ALB/healthcheck", "0-5,12", Some(serving)).succeeds(),
        grpc("the health service, which is SERVING", HEALTH, "0", Some(serving)).succeeds(),
        grpc("the health service, which is NOT_SERVING", HEALTH, "0", Some(not)).fails("GrpcNotServing"),
        grpc("a path that the server does not have", "/shop.Orders/Ping", "0", Some(serving)).fails("GrpcNotServing"),
        grpc("the call does not end", HEALTH, "0", Some(start_health_server(b"\0\0\0\0\x02\x08\x01|", SERVING).await))
            .fails("GrpcNotServing"),
        // The server accepts connections, which alone must not pass.
        grpc("the server does not speak gRPC", HEALTH, "0", None).fails("ConnectionReset"),
        grpc("the gate file sets another path", HEALTH, "0", None)
            .gate("version: 1\nhooks: { after_allow_test_traffic: { built_in: { health_check: { path: /health, every: 50ms } } } }")
            .succeeds(),
    ]
}

fn health_route(world: &mut World) -> &mut rehearsal::world::RouteResponse {
    world.versions.last_mut().unwrap().routes.entry("/health".into()).or_default()
}

/// Checks that the message of `health_check` contains these words.
fn message_contains(words: &'static str) -> impl Fn(&HookRunReport) -> Result<(), String> {
    move |played| {
        let line = played.checks.iter().find(|check| check.name == "health_check").map(|check| check.message.as_str());
        expect_eq(words, &line.is_some_and(|line| line.contains(words)), &true)
    }
}

fn the_grace_ends_with_the_first_right_answer() -> Vec<HookCase> {
    let case = |title: &str| case(title, "within: 5s, every: 20ms");
    vec![
        case("every response is correct").succeeds().assert(message_contains("10 times in a row")),
        case("the first four responses are wrong")
            .world(|world| (health_route(world).status, health_route(world).first) = (503, Some(4)))
            .succeeds()
            .check_outcome("health_check", "passed")
            .assert(message_contains("10 of 14 attempts passed")),
        case("every second response is wrong")
            .world(|world| (health_route(world).status, health_route(world).one_in) = (503, 2))
            .fails("UnexpectedStatus")
            .assert(message_contains("in 3 of 5 attempts")),
        case("every fifth response is wrong")
            .world(|world| (health_route(world).status, health_route(world).one_in) = (503, 5))
            .fails("UnexpectedStatus"),
        case("one response after a correct one is wrong")
            .world(|world| {
                let health = health_route(world);
                (health.status, health.one_in, health.first) = (503, 5, Some(6));
            })
            .succeeds()
            .check_outcome("health_check", "unverified")
            .warns("UnexpectedStatus")
            .assert(message_contains("14 of 16 attempts passed")),
        case("no response is correct").gate("version: 1\nhooks: { after_allow_test_traffic: { built_in: { health_check: { within: 300ms, every: 50ms } } } }")
            .world(|world| health_route(world).status = 503)
            .fails("UnexpectedStatus"),
    ]
}

fn a_request_may_take_as_long_as_the_load_balancer_waits() -> Vec<HookCase> {
    // The delay is real time, and longer than the 5 s that other requests have.
    let slow = |title: &str, keys: &str| {
        case(title, &format!("{SINGLE_ATTEMPT}{keys}")).world(|world| {
            world.green_group().unwrap().health_check.timeout = 20;
            health_route(world).delay = Duration::from_millis(5_200);
        })
    };
    vec![
        slow("the load balancer's timeout is 20 s", "").succeeds(),
        slow("the gate file's timeout is 500 ms", ", timeout: 500ms").fails("ReadTimedOut"),
    ]
}
