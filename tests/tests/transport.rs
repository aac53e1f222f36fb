//! Every way in which a request can fail has a code of its own, and a hint that says where to look.

use std::{net::SocketAddr, time::Duration};

use greenlight_tests::{Case, play, same};
use rehearsal::HookName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
};

/// A server that reads a request and answers with these bytes; with none it hangs up. Gives its port.
async fn answers(bytes: &'static [u8]) -> u16 {
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

/// A server that accepts, and then says no word.
async fn says_nothing() -> u16 {
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

/// A port whose waiting list is full, so that nobody gets a connection, as behind a security group. It stays so for as
/// long as what is given with it.
async fn accepts_nobody() -> (u16, Vec<TcpStream>, TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(1).unwrap();
    let place = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(place)).await {
        waiting.push(stream);
    }
    (place.port(), waiting, listener)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_of_a_request_has_its_code() {
    let (full, _waiting, _listener) = accepts_nobody().await;
    let plain = answers(b"HTTP/1.1 200 OK\r\nx-of: shop\r\ncontent-length: 16\r\n\r\n{\"state\":\"open\"}").await;
    let slow = says_nothing().await;
    let (hangs_up, half) = (answers(b"").await, answers(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{").await);
    let mumbles = answers(b"220 mail.example.com ESMTP\r\n").await;
    let at = |port: u16| format!("http://127.0.0.1:{port}/");
    let ways = [
        ("name", "http://shop.invalid/".to_owned(), "status == 200", "NameNotResolved"),
        ("filtered", at(full), "status == 200", "ConnectTimedOut"),
        ("closed", at(1), "status == 200", "ConnectRefused"),
        ("no certificate", format!("https://127.0.0.1:{plain}/"), "status == 200", "TlsFailed"),
        ("silence", at(slow), "status == 200", "ReadTimedOut"),
        ("hangs up", at(hangs_up), "status == 200", "ConnectionReset"),
        ("half an answer", at(half), "json.state exists", "ConnectionReset"),
        ("no HTTP", at(mumbles), "status == 200", "RequestFailed"),
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
    let told =
        play(vec![Case::new(HookName::AfterInstall, "one check for each").gate(gate).fails("NameNotResolved").and(
            move |played| {
                for (name, _, _, code) in &ways {
                    let check = played.checks.iter().find(|check| check.name == *name).ok_or("a check is missing")?;
                    same(name, &(check.outcome.as_str(), check.code.as_str()), &("failed", *code))?;
                }
                Ok(())
            },
        )])
        .await;
    insta::assert_snapshot!(told);
}
