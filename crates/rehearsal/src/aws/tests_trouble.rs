//! Every trouble, on either side of an operation: what a client sees of it, and what it did. The client here knows
//! nothing but TCP.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::*;
use crate::{
    exchange::{Serving, serve_anywhere},
    fault::{Effect, Trouble},
    world::{Given, Ground},
};

/// A slow reply is slow if it is not there after this. A machine at its limit gets so many times as long for the others.
const SOON: Duration = Duration::from_millis(100);
const ROUNDS: usize = 300;
const PUT: &str = "codedeploy:PutLifecycleEventHookExecutionStatus";

/// A deployment at its first hook, and the AWS around it on a port.
struct Aws {
    cloud: Arc<Cloud>,
    execution: String,
    port: u16,
    _serving: Serving,
}

async fn aws(fault: Fault) -> Aws {
    let now = SystemTime::now();
    let mut world = World::new(now, Ground { production: 80, test: 8443, seed: 5 }, &Given::default());
    world.begin(now, "user");
    world.enter("BeforeInstall", now);
    let execution = world.execution("BeforeInstall");
    let cloud = Arc::new(Cloud::new(world, vec![fault]));
    let aws = cloud.clone();
    let (port, serving) = serve_anywhere(move |request| {
        let aws = aws.clone();
        async move { aws.answer(request).await }
    })
    .await
    .unwrap();
    Aws { cloud, execution, port, _serving: serving }
}

/// What a client saw within a moment.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// A reply, whole by its length: status and body.
    Whole(u16, Vec<u8>),
    /// Less than its length says, and the end of the connection.
    BrokenOff,
    /// More than any answer of AWS's has.
    TooMuch,
    /// The end of the connection, without a byte.
    HungUp,
    /// A reset.
    Reset,
    /// Nothing, and the connection is open.
    Nothing,
    /// A part of the head, and the connection is open.
    PartOfHead,
    /// A whole head and less than the whole body, and the connection is open.
    PartOfBody,
}

impl Aws {
    async fn send(&self, headers: &str, body: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let head = format!("POST / HTTP/1.1\r\nhost: aws\r\n{headers}content-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        stream
    }

    async fn put(&self) -> TcpStream {
        let deployment = self.cloud.world().deployment().id.clone();
        let input = json!({
            "deploymentId": deployment, "lifecycleEventHookExecutionId": self.execution, "status": "Succeeded"
        });
        let headers = "x-amz-target: CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus\r\n";
        self.send(headers, input.to_string().as_bytes()).await
    }

    fn is_answered(&self) -> bool {
        self.cloud.world().answer(&self.execution).is_some()
    }
}

fn head_and_body(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((String::from_utf8(bytes[..at].to_vec()).unwrap(), bytes[at + 4..].to_vec()))
}

/// Reads until the reply is whole or the connection ends; of a slow one until it is as `far` as it will come.
async fn see(mut stream: TcpStream, far: Option<Seen>) -> Seen {
    let mut bytes = Vec::new();
    for _ in 0..ROUNDS {
        if let Ok(seen) = timeout(SOON, read(&mut stream, &mut bytes)).await {
            return seen;
        }
        let so_far = match head_and_body(&bytes) {
            None if bytes.is_empty() => Seen::Nothing,
            None => Seen::PartOfHead,
            Some(_) => Seen::PartOfBody,
        };
        if Some(&so_far) == far.as_ref() {
            return so_far;
        }
    }
    panic!("neither whole nor at its end after {bytes:?}")
}

async fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Seen {
    loop {
        match stream.read_buf(bytes).await {
            Ok(0) => return if bytes.is_empty() { Seen::HungUp } else { Seen::BrokenOff },
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Seen::Reset,
            other => drop(other.unwrap()),
        }
        if bytes.len() > 1 << 20 {
            return Seen::TooMuch;
        }
        let Some((head, body)) = head_and_body(bytes) else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("-1");
        if length.parse() == Ok(body.len()) {
            return Seen::Whole(head[9..12].parse().unwrap(), body);
        }
    }
}

/// How far a reply comes that never comes whole.
fn far(trouble: Trouble) -> Option<Seen> {
    match trouble {
        Trouble::BlackHole | Trouble::Stall => Some(Seen::Nothing),
        Trouble::SlowHeaders => Some(Seen::PartOfHead),
        Trouble::SlowBody => Some(Seen::PartOfBody),
        _ => None,
    }
}

fn refused(seen: &Seen, status: u16, code: &str) {
    let Seen::Whole(was, body) = seen else { panic!("no whole reply: {seen:?}") };
    let body: Value = serde_json::from_slice(body).unwrap();
    assert_eq!((*was, body["__type"].as_str()), (status, Some(code)));
}

/// The same on both sides: nobody can tell from what comes back whether the operation was done.
fn check(trouble: Trouble, seen: &Seen) {
    match trouble {
        Trouble::Throttle => refused(seen, 400, "ThrottlingException"),
        Trouble::Deny => refused(seen, 400, "AccessDeniedException"),
        Trouble::Fail => refused(seen, 500, "InternalFailure"),
        Trouble::Unavailable => refused(seen, 503, "ServiceUnavailable"),
        Trouble::Malform => {
            let Seen::Whole(200, body) = seen else { panic!("{seen:?}") };
            assert!(!body.is_empty() && serde_json::from_slice::<Value>(body).is_err(), "{seen:?}");
        }
        Trouble::WrongType => {
            let Seen::Whole(200, body) = seen else { panic!("{seen:?}") };
            assert!(body.starts_with(b"<!DOCTYPE html>"), "{seen:?}");
        }
        Trouble::ForeignJson => {
            let Seen::Whole(200, body) = seen else { panic!("{seen:?}") };
            let body: Value = serde_json::from_slice(body).unwrap();
            assert!(body.is_object() && body["lifecycleEventHookExecutionId"].is_null(), "{body}");
        }
        Trouble::Truncate => assert_eq!(*seen, Seen::BrokenOff),
        Trouble::HangUp | Trouble::Refuse => assert_eq!(*seen, Seen::HungUp, "{trouble:?}"),
        Trouble::Reset => assert_eq!(*seen, Seen::Reset),
        Trouble::BlackHole | Trouble::Stall | Trouble::SlowHeaders | Trouble::SlowBody => {
            assert!(trouble.is_slow());
            assert_eq!(Some(seen), far(trouble).as_ref(), "{trouble:?}");
        }
        Trouble::Huge => assert_eq!(*seen, Seen::TooMuch),
    }
}

#[tokio::test]
async fn every_trouble_is_seen_as_it_should_be_and_takes_effect_only_if_it_is_to() {
    for trouble in Trouble::ALL {
        for effect in [Effect::Before, Effect::After] {
            let aws = aws(Fault::first(1, PUT, trouble).with(effect)).await;
            let seen = see(aws.put().await, far(trouble)).await;
            check(trouble, &seen);
            let done = effect == Effect::After;
            assert_eq!(aws.is_answered(), done, "{trouble:?} {effect:?}");
            let puts = aws.cloud.puts(Instant::now());
            let was: Vec<_> = puts.iter().map(|it| (it.trouble, it.took_effect, it.replied)).collect();
            assert_eq!(was, [(Some(trouble), done, false)], "{trouble:?} {effect:?}");
            assert!(aws.cloud.good_replies().is_empty(), "{trouble:?} {effect:?}");
            if trouble == Trouble::Refuse {
                continue;
            }
            // Only the first goes wrong: the second is taken, or refused since the first was.
            let Seen::Whole(status, _) = see(aws.put().await, None).await else { panic!("{trouble:?} {effect:?}") };
            assert_eq!(status, if done { 400 } else { 200 }, "{trouble:?} {effect:?}");
            assert!(aws.is_answered());
            assert_eq!(aws.cloud.good_replies().get(PUT).copied(), (!done).then_some(1));
            assert_eq!(aws.cloud.puts(Instant::now())[1].event.as_deref(), Some("BeforeInstall"));
        }
    }
}

#[tokio::test]
async fn a_port_that_refuses_listens_again_after_a_moment() {
    let aws = aws(Fault::first(1, PUT, Trouble::Refuse)).await;
    // A connection of before is not harmed.
    let before = aws.send("x-amz-target: CodeDeploy_20141006.ListDeploymentTargets\r\n", b"").await;
    assert_eq!(see(aws.put().await, None).await, Seen::HungUp);
    let error = TcpStream::connect(("127.0.0.1", aws.port)).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(matches!(see(before, None).await, Seen::Whole(400, _)));
    let mut tries = 0;
    while TcpStream::connect(("127.0.0.1", aws.port)).await.is_err() {
        tries += 1;
        assert!(tries < 500, "it never listens again");
        sleep(Duration::from_millis(10)).await;
    }
    assert!(matches!(see(aws.put().await, None).await, Seen::Whole(200, _)));
}

#[tokio::test]
async fn a_stalled_call_whose_client_has_gone_is_never_done() {
    let aws = aws(Fault::first(1, PUT, Trouble::Stall)).await;
    drop(aws.put().await);
    sleep(SOON).await;
    assert!(!aws.is_answered());
}

/// The three protocols, as a request that names an operation of each.
const PROTOCOLS: [(&str, &str, &[u8]); 3] = [
    ("ecs:ListTasks", "x-amz-target: AmazonEC2ContainerServiceV20141113.ListTasks\r\n", b"{}"),
    ("elasticloadbalancing:DescribeRules", "", b"Action=DescribeRules&Version=2015-12-01"),
    ("cloudwatch:DescribeAlarms", "cbor", b"\xa0"),
];

async fn struck(operation: &str, headers: &str, body: &[u8], trouble: Trouble, effect: Effect) -> (Aws, TcpStream) {
    let aws = aws(Fault::always(operation, trouble).with(effect)).await;
    let stream = if headers == "cbor" {
        let mut stream = TcpStream::connect(("127.0.0.1", aws.port)).await.unwrap();
        let head = format!(
            "POST /service/GraniteServiceVersion20100801/operation/DescribeAlarms HTTP/1.1\r\nhost: aws\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        stream
    } else {
        aws.send(headers, body).await
    };
    (aws, stream)
}

/// Whether a document can be read to its end.
fn is_readable(operation: &str, body: &[u8]) -> bool {
    match operation {
        "ecs:ListTasks" => serde_json::from_slice::<Value>(body).is_ok(),
        "cloudwatch:DescribeAlarms" => ciborium::from_reader::<ciborium::Value, _>(body).is_ok(),
        _ => String::from_utf8_lossy(body).trim_end().ends_with("Response>"),
    }
}

#[tokio::test]
async fn a_malformed_reply_cannot_be_read_in_any_protocol() {
    for (operation, headers, body) in PROTOCOLS {
        for effect in [Effect::Before, Effect::After] {
            let (_aws, stream) = struck(operation, headers, body, Trouble::Malform, effect).await;
            let Seen::Whole(_, body) = see(stream, None).await else { panic!("{operation}") };
            assert!(!body.is_empty() && !is_readable(operation, &body), "{operation}: {body:?}");
        }
    }
}

#[tokio::test]
async fn a_huge_reply_begins_well_and_has_64_mib_in_any_protocol() {
    for (operation, headers, body) in PROTOCOLS {
        let (_aws, mut stream) = struck(operation, headers, body, Trouble::Huge, Effect::Before).await;
        let (mut first, mut all, mut buffer) = (Vec::new(), 0, vec![0; 1 << 20]);
        loop {
            let read = stream.read(&mut buffer).await.unwrap();
            if read == 0 {
                break;
            }
            all += read;
            if first.len() < 1024 {
                first.extend(&buffer[..read.min(1024)]);
            }
        }
        let (head, body) = head_and_body(&first).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("transfer-encoding: chunked"), "{head}");
        assert!(all > 64 << 20, "{operation}: {all}");
        // Ended here, a reader of the format would miss nothing but the end.
        let line = body.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let begun = body[line..].split(|byte| *byte == b'\r').next().unwrap();
        let ending: &[u8] = match operation {
            "ecs:ListTasks" => br#"aaa"}"#,
            "cloudwatch:DescribeAlarms" => b"aaa\xff\xff",
            _ => b"aaa</Padding></DescribeRulesResult></DescribeRulesResponse>",
        };
        assert!(is_readable(operation, &[begun, ending].concat()), "{operation}: {begun:?}");
    }
}
