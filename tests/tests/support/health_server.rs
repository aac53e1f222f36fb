//! A server with gRPC's standard health service: HTTP/2 without TLS, and fixed responses.

use std::convert::Infallible;

use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Response, body::Bytes, header::HeaderValue, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

/// A gRPC message with a HealthCheckRequest for the service `shop.Orders`.
const ORDERS_REQUEST: &[u8] = b"\0\0\0\0\x0d\x0a\x0bshop.Orders";

/// Starts a server of the health service, and returns its port.
///
/// A request for `shop.Orders` gets `orders`, and a request for the whole server gets `all`. A response that is not a
/// gRPC message is the number of a gRPC status. After a message, `|` and a number put that status into the trailers;
/// `|` alone leaves the trailers out.
pub async fn start_health_server(all: &'static [u8], orders: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| async move {
                let known = request.uri().path() == "/grpc.health.v1.Health/Check";
                let right = request.method() == "POST"
                    && request.headers()["content-type"] == "application/grpc"
                    && request.headers()["te"] == "trailers";
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let answer = match &body[..] {
                    // UNIMPLEMENTED.
                    _ if !known => b"12",
                    b"\0\0\0\0\0" if right => all,
                    ORDERS_REQUEST if right => orders,
                    _ => b"3",
                };
                let response = Response::builder().header("content-type", "application/grpc");
                let (message, status) = match answer.iter().position(|byte| *byte == b'|') {
                    Some(end) => (&answer[..end], &answer[end + 1..]),
                    None => (answer, &b"0"[..]),
                };
                let trailers = |status| HeaderMap::from_iter([("grpc-status".parse().unwrap(), status)]);
                let trailers = HeaderValue::from_bytes(status).ok().filter(|it| !it.is_empty()).map(trailers);
                let body = |bytes| Full::new(Bytes::from_static(bytes)).with_trailers(async { trailers.map(Ok) });
                Ok::<_, Infallible>(match message {
                    [0, ..] => response.body(body(message).boxed()).unwrap(),
                    status => response.header("grpc-status", status).body(Full::default().boxed()).unwrap(),
                })
            });
            let serving = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(serving.await) });
        }
    });
    port
}

/// A gRPC message with the status SERVING.
pub const SERVING: &[u8] = b"\0\0\0\0\x02\x08\x01";
/// A gRPC message with the status NOT_SERVING.
pub const NOT_SERVING: &[u8] = b"\0\0\0\0\x02\x08\x02";
