//! `grpc:` against a server that speaks HTTP/2 without TLS and says one thing.

#[path = "support/health.rs"]
mod health;

use greenlight_tests::{Case, play};
use rehearsal::HookName;

use self::health::{NOT_SERVING, SERVING, server};

fn case(title: &str, port: u16) -> Case {
    let gate = "version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks: [{ reach: green, settle: 0s }, { name: health, grpc: '{{test_url}}' },
             { name: orders, grpc: '{{test_url}}', service: shop.Orders }]
";
    Case::new(HookName::AfterAllowTestTraffic, title).gate(gate).world(move |world| world.test().unwrap().port = port)
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc() {
    let told = play(vec![
        case("both serve", server(SERVING, SERVING).await).succeeds(),
        case("the server does not", server(NOT_SERVING, SERVING).await)
            .fails("GrpcNotServing")
            .check("health", "failed")
            .check("orders", "passed"),
        case("the service is not known", server(SERVING, b"5").await).fails("GrpcNotServing").check("orders", "failed"),
        case("there is no health service", server(b"12", b"12").await).fails("GrpcNotServing"),
        case("a word without its number", server(b"\0\0\0\0\0", SERVING).await).fails("GrpcNotServing"),
        case("no message of the health service", server(b"\0\0\0\0\x01x", SERVING).await).fails("UnexpectedBody"),
        case("it serves, and the call ends with an error", server(b"\0\0\0\0\x02\x08\x01|13", SERVING).await)
            .fails("GrpcNotServing")
            .check("orders", "passed"),
        case("it serves, and the call does not end", server(b"\0\0\0\0\x02\x08\x01|", SERVING).await)
            .fails("GrpcNotServing"),
        case("nobody listens", 1).fails("ConnectRefused"),
        Case::new(HookName::AfterAllowTestTraffic, "the other side speaks no HTTP/2")
            .gate(
                "version: 1\nhooks: { after_allow_test_traffic: { checks: [{ name: health, grpc: '{{test_url}}' }] } }",
            )
            .check("health", "failed"),
        Case::new(HookName::AfterAllowTestTraffic, "a path")
            .gate("version: 1\nhooks: { after_allow_test_traffic: { checks: [{ grpc: '{{test_url}}/health' }] } }")
            .fails("GateInvalid"),
    ])
    .await;
    insta::assert_snapshot!(told);
}
