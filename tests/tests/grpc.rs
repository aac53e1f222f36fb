//! `grpc` against a server that speaks HTTP/2 without TLS and always sends the same reply.

#[path = "support/health_server.rs"]
mod health_server;

use std::process::ExitCode;

use greenlight_tests::{HookCase, Suite};
use rehearsal::Hook;

use self::health_server::{NOT_SERVING, SERVING, start_health_server};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME")).async_cases("grpc", grpc).run()
}

fn case(title: &str, port: u16) -> HookCase {
    let gate = "version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks: [{ forwards_to: green, settle: 0s }, { name: health, grpc: '{{test_url}}' },
             { name: orders, grpc: '{{test_url}}', service: shop.Orders }]
";
    HookCase::new(Hook::AfterAllowTestTraffic, title).gate(gate).world(move |world| world.test().unwrap().port = port)
}

async fn grpc() -> Vec<HookCase> {
    vec![
        case("the server and the service are SERVING", start_health_server(SERVING, SERVING).await).succeeds(),
        case("the server is NOT_SERVING", start_health_server(NOT_SERVING, SERVING).await)
            .fails("GrpcNotServing")
            .check_outcome("health", "failed")
            .check_outcome("orders", "passed"),
        case("the server does not know the service", start_health_server(SERVING, b"5").await)
            .fails("GrpcNotServing")
            .check_outcome("orders", "failed"),
        case("the server has no health service", start_health_server(b"12", b"12").await).fails("GrpcNotServing"),
        case("an empty message", start_health_server(b"\0\0\0\0\0", SERVING).await).fails("GrpcNotServing"),
        case(
            "a reply that is not a message of the health service",
            start_health_server(b"\0\0\0\0\x01x", SERVING).await,
        )
        .fails("UnexpectedBody"),
        case(
            "SERVING, and the call ends with an error",
            start_health_server(b"\0\0\0\0\x02\x08\x01|13", SERVING).await,
        )
        .fails("GrpcNotServing")
        .check_outcome("orders", "passed"),
        case("SERVING, and the call does not end", start_health_server(b"\0\0\0\0\x02\x08\x01|", SERVING).await)
            .fails("GrpcNotServing"),
        case("nothing listens", 1).fails("ConnectRefused"),
        HookCase::new(Hook::AfterAllowTestTraffic, "the server does not speak HTTP/2")
            .gate(
                "version: 1\nhooks: { after_allow_test_traffic: { checks: [{ name: health, grpc: '{{test_url}}' }] } }",
            )
            .check_outcome("health", "failed"),
        HookCase::new(Hook::AfterAllowTestTraffic, "an address with a path")
            .gate("version: 1\nhooks: { after_allow_test_traffic: { checks: [{ grpc: '{{test_url}}/health' }] } }")
            .fails("GateInvalid"),
    ]
}
