//! `grpc:` against a server that speaks HTTP/2 without TLS and says one thing.

use std::convert::Infallible;

use greenlight_tests::{Case, play};
use http_body_util::{BodyExt as _, Full};
use hyper::{Response, body::Bytes, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rehearsal::HookName;
use tokio::net::TcpListener;

/// The name of a service as a health check asks for it.
const ORDERS: &[u8] = b"\0\0\0\0\x0d\x0a\x0bshop.Orders";

/// A server of the health service. Whoever asks for `shop.Orders` is answered `orders`, and whoever asks for the server as a
/// whole `all`; what is no message is a status of gRPC. Gives its port.
async fn server(all: &'static [u8], orders: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| async move {
                let right = request.uri().path() == "/grpc.health.v1.Health/Check"
                    && request.method() == "POST"
                    && request.headers()["content-type"] == "application/grpc"
                    && request.headers()["te"] == "trailers";
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let answer = match &body[..] {
                    b"\0\0\0\0\0" if right => all,
                    ORDERS if right => orders,
                    _ => b"3",
                };
                let response = Response::builder().header("content-type", "application/grpc");
                Ok::<_, Infallible>(match answer {
                    [0, ..] => response.body(Full::new(Bytes::from_static(answer))).unwrap(),
                    status => response.header("grpc-status", status).body(Full::default()).unwrap(),
                })
            });
            let serving = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(serving.await) });
        }
    });
    port
}

const SERVING: &[u8] = b"\0\0\0\0\x02\x08\x01";
const NOT_SERVING: &[u8] = b"\0\0\0\0\x02\x08\x02";

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
