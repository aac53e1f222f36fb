//! `grpc:` against a server that speaks HTTP/2 without TLS and says one thing.

#[path = "support/health_server.rs"]
mod health_server;

use greenlight_tests::{HookCase, run_cases};
use rehearsal::HookName;

use self::health_server::{NOT_SERVING, SERVING, start_health_server};

fn case(title: &str, port: u16) -> HookCase {
    let gate = "version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks: [{ forwards_to: green, settle: 0s }, { name: health, grpc: '{{test_url}}' },
             { name: orders, grpc: '{{test_url}}', service: shop.Orders }]
";
    HookCase::new(HookName::AfterAllowTestTraffic, title)
        .gate(gate)
        .world(move |world| world.test().unwrap().port = port)
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc() {
    let transcript = run_cases(vec![
        case("both serve", start_health_server(SERVING, SERVING).await).succeeds(),
        case("the server does not", start_health_server(NOT_SERVING, SERVING).await)
            .fails("GrpcNotServing")
            .check_outcome("health", "failed")
            .check_outcome("orders", "passed"),
        case("the service is not known", start_health_server(SERVING, b"5").await)
            .fails("GrpcNotServing")
            .check_outcome("orders", "failed"),
        case("there is no health service", start_health_server(b"12", b"12").await).fails("GrpcNotServing"),
        case("a word without its number", start_health_server(b"\0\0\0\0\0", SERVING).await).fails("GrpcNotServing"),
        case("no message of the health service", start_health_server(b"\0\0\0\0\x01x", SERVING).await)
            .fails("UnexpectedBody"),
        case(
            "it serves, and the call ends with an error",
            start_health_server(b"\0\0\0\0\x02\x08\x01|13", SERVING).await,
        )
        .fails("GrpcNotServing")
        .check_outcome("orders", "passed"),
        case("it serves, and the call does not end", start_health_server(b"\0\0\0\0\x02\x08\x01|", SERVING).await)
            .fails("GrpcNotServing"),
        case("nobody listens", 1).fails("ConnectRefused"),
        HookCase::new(HookName::AfterAllowTestTraffic, "the other side speaks no HTTP/2")
            .gate(
                "version: 1\nhooks: { after_allow_test_traffic: { checks: [{ name: health, grpc: '{{test_url}}' }] } }",
            )
            .check_outcome("health", "failed"),
        HookCase::new(HookName::AfterAllowTestTraffic, "a path")
            .gate("version: 1\nhooks: { after_allow_test_traffic: { checks: [{ grpc: '{{test_url}}/health' }] } }")
            .fails("GateInvalid"),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}
