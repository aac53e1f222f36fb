//! Every failure of a request has its own reason code and a hint.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use greenlight_tests::{CaseGroup, HookCase, Suite, expect_eq};
use rehearsal::{Hook, HookRunReport};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .async_cases("every_failure_of_a_request_has_its_code", every_failure_of_a_request_has_its_code)
        .async_cases("a_reply_is_read_to_its_end", a_reply_is_read_to_its_end)
        .async_cases("retries_are_reported", retries_are_reported)
        .run()
}

/// Starts a server that reads a request, sends these bytes and closes the connection. Returns its port.
async fn server_answering(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(bytes).await;
            });
        }
    });
    port
}

/// Starts a server that accepts connections and sends nothing. Returns its port.
async fn silent_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
    });
    port
}

/// A port whose backlog is full, so that no client can connect, as behind a security group. The backlog stays full
/// until the returned streams and listener are dropped.
async fn full_listener() -> (u16, Vec<TcpStream>, TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        waiting.push(stream);
    }
    (address.port(), waiting, listener)
}

async fn every_failure_of_a_request_has_its_code() -> CaseGroup {
    let (full, waiting, listener) = full_listener().await;
    let plain =
        server_answering(b"HTTP/1.1 200 OK\r\nx-of: shop\r\ncontent-length: 16\r\n\r\n{\"state\":\"open\"}").await;
    let slow = silent_server().await;
    let (hangs_up, half) =
        (server_answering(b"").await, server_answering(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{").await);
    let mumbles = server_answering(b"220 mail.example.com ESMTP\r\n").await;
    let at = |port: u16| format!("http://127.0.0.1:{port}/");
    let ways = [
        ("name", "http://shop.invalid/".to_owned(), "status == 200", "NameNotResolved"),
        ("filtered", at(full), "status == 200", "ConnectTimedOut"),
        ("closed", at(1), "status == 200", "ConnectRefused"),
        ("no certificate", format!("https://127.0.0.1:{plain}/"), "status == 200", "TlsFailed"),
        ("no response", at(slow), "status == 200", "ReadTimedOut"),
        ("closed without response", at(hangs_up), "status == 200", "ConnectionReset"),
        ("half a response", at(half), "json.state exists", "ConnectionReset"),
        ("not HTTP", at(mumbles), "status == 200", "RequestFailed"),
        ("status", at(plain), "status == 204", "UnexpectedStatus"),
        ("header", at(plain), "header.x-of == basket", "UnexpectedHeader"),
        ("no such header", at(plain), "header.x-for exists", "UnexpectedHeader"),
        ("body", at(plain), "body contains closed", "UnexpectedBody"),
        ("value in the body", at(plain), "json.state == closed", "UnexpectedBody"),
        ("no such value", at(plain), "json.items[0].id exists", "UnexpectedBody"),
        ("too slow", at(plain), "latency < 1ns", "TooSlow"),
    ];
    let mut gate = "version: 1\nhooks:\n  after_install:\n    built_in: none\n    checks:\n".to_owned();
    for (name, url, expect, _) in &ways {
        gate += &format!(
            "      - {{ name: {name}, http: '{url}', timeout: 1s, connect_timeout: 500ms, expect: ['{expect}'] }}\n"
        );
    }
    CaseGroup::from(vec![
        HookCase::new(Hook::AfterInstall, "one check for each failure").gate(gate).fails("NameNotResolved").assert(
            move |played| {
                for (name, _, _, code) in &ways {
                    let check = played.checks.iter().find(|check| check.name == *name).ok_or("a check is missing")?;
                    expect_eq(name, &(check.outcome.as_str(), check.code.as_str()), &("failed", *code))?;
                }
                Ok(())
            },
        ),
    ])
    .keep((waiting, listener))
}

/// Starts a server that sends the head and the first part of a body, and then nothing. Returns its port.
async fn server_stopping_mid_body() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\nhello").await;
            kept.push(stream);
        }
    });
    port
}

/// Starts a server with an endless body. Returns its port.
async fn server_with_endless_body() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                while stream.write_all(&[b' '; 65536]).await.is_ok() {}
            });
        }
    });
    port
}

/// A status is not a whole response, so the hook reads the body to its end, whatever the conditions need.
async fn a_reply_is_read_to_its_end() -> Vec<HookCase> {
    let short = server_answering(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\nhello\n").await;
    let whole = server_answering(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello\n").await;
    let chunks = server_answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    let (stops, endless) = (server_stopping_mid_body().await, server_with_endless_body().await);
    let moved = format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{short}/\r\ncontent-length: 0\r\n\r\n");
    let moved = server_answering(moved.leak().as_bytes()).await;
    let gate = |kind: &str| {
        format!(
            "version: 1\nhooks: {{ after_install: {{ built_in: none, checks: [{{ {kind}, timeout: 500ms, expect: [status == 200] }}] }} }}"
        )
    };
    let case = |title: &str, what: &str, port: u16, keys: &str| {
        let case = HookCase::new(Hook::AfterInstall, title);
        case.gate(gate(&format!("http: '{what} http://127.0.0.1:{port}/'{keys}")))
    };
    let health = |title: &str, port: u16| {
        let gate = "version: 1\nhooks: { after_allow_test_traffic: { built_in: { forwards_to: { settle: 0s }, health_check: { within: 0s, timeout: 500ms } } } }";
        HookCase::new(Hook::AfterAllowTestTraffic, title)
            .gate(gate)
            .world(move |world| world.test().unwrap().port = port)
    };
    vec![
        case("a complete response", "GET", whole, "").succeeds(),
        case("a body shorter than its content-length", "GET", short, "").fails("ConnectionReset"),
        case("a body without its last chunk", "GET", chunks, "").fails("ConnectionReset"),
        case("a body that stops in the middle", "GET", stops, "").fails("ReadTimedOut"),
        case("an endless body", "GET", endless, "").succeeds(),
        case("a HEAD request, whose response has no body", "HEAD", short, "").succeeds(),
        case("a body shorter than its content-length after a redirect", "GET", moved, ", redirects: follow")
            .fails("ConnectionReset"),
        case(
            "a body shorter than its content-length, with retries",
            "GET",
            short,
            ", retry: { transport: 2, backoff: 10ms..20ms }",
        )
        .fails("ConnectionReset"),
        health("a health check with a complete response", whole).succeeds(),
        health("a health check with a body shorter than its content-length", short).fails("ConnectionReset"),
        health("a health check with a body that stops in the middle", stops).fails("ReadTimedOut"),
    ]
}

/// Starts a server that responds on every second connection and closes the others. Returns its port.
async fn server_answering_every_second() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut good = false;
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            if good {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            }
            good = !good;
        }
    });
    port
}

/// The hook reports a retry that succeeded, because customers do not retry.
async fn retries_are_reported() -> Vec<HookCase> {
    let port = server_answering_every_second().await;
    let case = |title: &str, retry: &str| {
        let gate = format!(
            "version: 1\nhooks: {{ after_install: {{ built_in: none, checks: [{{ name: mine, http: 'http://127.0.0.1:{port}/',
             {retry}consecutive: 5, every: 50ms, expect: [status == 200] }}] }} }}"
        );
        HookCase::new(Hook::AfterInstall, title).gate(gate)
    };
    let line = |played: &HookRunReport| played.checks.iter().map(|check| check.message.clone()).collect::<String>();
    vec![
        case("every second connection is closed, and retried", "retry: { transport: 3, backoff: 10ms..20ms }, ")
            .succeeds()
            .check_outcome("mine", "unverified")
            .warns("ConnectionReset")
            .assert(move |played| {
                let counted = line(played).contains("5 of 10 requests failed and were sent again");
                expect_eq("whether the message counts the failed requests", &counted, &true)
            }),
        case("every second connection is closed, and not retried", "").fails("ConnectionReset"),
    ]
}
