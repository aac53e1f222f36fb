//! Tests of every fault, injected before and after the operation: what a client sees, and whether the operation took
//! effect. The client here only uses TCP.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::*;
use crate::{
    http::ServerHandle,
    scenario::{FaultKind, FaultTiming},
    world::{InitialState, WorldOptions},
};

/// A reply that has not arrived after this time is slow. For the other replies, an overloaded machine gets `MAX_READS`
/// times as long.
const READ_TIMEOUT: Duration = Duration::from_millis(100);
const MAX_READS: usize = 300;

/// A deployment at its first hook, and the fake AWS around it on a port.
struct ServedAws {
    aws: Arc<FakeAws>,
    execution: String,
    port: u16,
    _server: ServerHandle,
}

async fn serve_aws(fault: InjectedFault) -> ServedAws {
    let now = SystemTime::now();
    let mut world = World::new(now, WorldOptions { production: 80, test: 8443, seed: 5 }, &InitialState::default());
    world.create_deployment(now, "user");
    world.start_event("BeforeInstall", now);
    let execution = world.create_execution("BeforeInstall");
    let cloud = Arc::new(FakeAws::new(world, vec![fault]));
    let (port, serving) = cloud.serve().await.unwrap();
    ServedAws { aws: cloud, execution, port, _server: serving }
}

/// What a client observed.
#[derive(Debug, PartialEq, Eq)]
enum ClientObservation {
    /// A reply as long as its header says: status and body.
    Complete(u16, Vec<u8>),
    /// A reply shorter than its header says, and then the end of the connection.
    Truncated,
    /// A reply longer than any of AWS's.
    TooLong,
    /// The end of the connection, without a byte.
    Closed,
    /// A reset of the connection.
    Reset,
    /// Nothing so far, and the connection is open.
    Nothing,
    /// Part of the head, and the connection is open.
    PartialHead,
    /// The complete head and part of the body, and the connection is open.
    PartialBody,
}

impl ServedAws {
    async fn send(&self, headers: &str, body: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let head = format!("POST / HTTP/1.1\r\nhost: aws\r\n{headers}content-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        stream
    }

    async fn put_status(&self) -> TcpStream {
        let deployment = self.aws.world().deployment().id.clone();
        let input = json!({
            "deploymentId": deployment, "lifecycleEventHookExecutionId": self.execution, "status": "Succeeded"
        });
        let headers = "x-amz-target: CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus\r\n";
        self.send(headers, input.to_string().as_bytes()).await
    }

    fn has_status(&self) -> bool {
        self.aws.world().execution_status(&self.execution).is_some()
    }
}

fn head_and_body(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((String::from_utf8(bytes[..at].to_vec()).unwrap(), bytes[at + 4..].to_vec()))
}

/// Reads until the reply is complete or the connection ends. With `far`, reads until the reply is as far as a slow one
/// gets.
async fn observe(mut stream: TcpStream, far: Option<ClientObservation>) -> ClientObservation {
    let mut bytes = Vec::new();
    for _ in 0..MAX_READS {
        if let Ok(seen) = timeout(READ_TIMEOUT, read(&mut stream, &mut bytes)).await {
            return seen;
        }
        let so_far = match head_and_body(&bytes) {
            None if bytes.is_empty() => ClientObservation::Nothing,
            None => ClientObservation::PartialHead,
            Some(_) => ClientObservation::PartialBody,
        };
        if Some(&so_far) == far.as_ref() {
            return so_far;
        }
    }
    panic!("the reply is not complete and the connection is still open after {bytes:?}")
}

async fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> ClientObservation {
    loop {
        match stream.read_buf(bytes).await {
            Ok(0) => return if bytes.is_empty() { ClientObservation::Closed } else { ClientObservation::Truncated },
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return ClientObservation::Reset,
            other => drop(other.unwrap()),
        }
        if bytes.len() > 1 << 20 {
            return ClientObservation::TooLong;
        }
        let Some((head, body)) = head_and_body(bytes) else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("-1");
        if length.parse() == Ok(body.len()) {
            return ClientObservation::Complete(head[9..12].parse().unwrap(), body);
        }
    }
}

/// How far a reply gets that is never completed.
fn furthest_observation(trouble: FaultKind) -> Option<ClientObservation> {
    match trouble {
        FaultKind::BlackHole | FaultKind::Stall => Some(ClientObservation::Nothing),
        FaultKind::SlowHeaders => Some(ClientObservation::PartialHead),
        FaultKind::SlowBody => Some(ClientObservation::PartialBody),
        _ => None,
    }
}

fn assert_error(seen: &ClientObservation, status: u16, code: &str) {
    let ClientObservation::Complete(was, body) = seen else { panic!("the reply is not complete: {seen:?}") };
    let body: Value = serde_json::from_slice(body).unwrap();
    assert_eq!((*was, body["__type"].as_str()), (status, Some(code)));
}

/// The expected observation is the same before and after the effect: a client cannot see from the reply whether the
/// operation took effect.
fn assert_observation(trouble: FaultKind, seen: &ClientObservation) {
    match trouble {
        FaultKind::Throttle => assert_error(seen, 400, "ThrottlingException"),
        FaultKind::Deny => assert_error(seen, 400, "AccessDeniedException"),
        FaultKind::Fail => assert_error(seen, 500, "InternalFailure"),
        FaultKind::Unavailable => assert_error(seen, 503, "ServiceUnavailable"),
        FaultKind::Malform => {
            let ClientObservation::Complete(200, body) = seen else { panic!("{seen:?}") };
            assert!(!body.is_empty() && serde_json::from_slice::<Value>(body).is_err(), "{seen:?}");
        }
        FaultKind::WrongType => {
            let ClientObservation::Complete(200, body) = seen else { panic!("{seen:?}") };
            assert!(body.starts_with(b"<!DOCTYPE html>"), "{seen:?}");
        }
        FaultKind::ForeignJson => {
            let ClientObservation::Complete(200, body) = seen else { panic!("{seen:?}") };
            let body: Value = serde_json::from_slice(body).unwrap();
            assert!(body.is_object() && body["lifecycleEventHookExecutionId"].is_null(), "{body}");
        }
        FaultKind::Truncate => assert_eq!(*seen, ClientObservation::Truncated),
        FaultKind::HangUp | FaultKind::Refuse => assert_eq!(*seen, ClientObservation::Closed, "{trouble:?}"),
        FaultKind::Reset => assert_eq!(*seen, ClientObservation::Reset),
        FaultKind::BlackHole | FaultKind::Stall | FaultKind::SlowHeaders | FaultKind::SlowBody => {
            assert!(trouble.is_slow());
            assert_eq!(Some(seen), furthest_observation(trouble).as_ref(), "{trouble:?}");
        }
        FaultKind::Huge => assert_eq!(*seen, ClientObservation::TooLong),
    }
}

#[tokio::test]
async fn every_trouble_is_seen_as_it_should_be_and_takes_effect_only_if_it_is_to() {
    for trouble in FaultKind::ALL {
        for effect in [FaultTiming::Before, FaultTiming::After] {
            let aws = serve_aws(InjectedFault::first(1, PUT_STATUS, trouble).with_timing(effect)).await;
            let seen = observe(aws.put_status().await, furthest_observation(trouble)).await;
            assert_observation(trouble, &seen);
            let done = effect == FaultTiming::After;
            assert_eq!(aws.has_status(), done, "{trouble:?} {effect:?}");
            let puts = aws.aws.puts(Instant::now());
            let was: Vec<_> = puts.iter().map(|it| (it.fault_kind, it.took_effect, it.replied)).collect();
            assert_eq!(was, [(Some(trouble), done, false)], "{trouble:?} {effect:?}");
            assert!(aws.aws.good_replies().is_empty(), "{trouble:?} {effect:?}");
            if trouble == FaultKind::Refuse {
                continue;
            }
            // Only the first call fails. CodeDeploy accepts the second, or refuses it because the first took effect.
            let ClientObservation::Complete(status, _) = observe(aws.put_status().await, None).await else {
                panic!("{trouble:?} {effect:?}")
            };
            assert_eq!(status, if done { 400 } else { 200 }, "{trouble:?} {effect:?}");
            assert!(aws.has_status());
            assert_eq!(aws.aws.good_replies().get(PUT_STATUS).copied(), (!done).then_some(1));
            assert_eq!(aws.aws.puts(Instant::now())[1].event.as_deref(), Some("BeforeInstall"));
        }
    }
}

#[tokio::test]
async fn a_port_that_refuses_listens_again_after_a_moment() {
    let aws = serve_aws(InjectedFault::first(1, PUT_STATUS, FaultKind::Refuse)).await;
    // A connection that was opened before is not affected.
    let before = aws.send("x-amz-target: CodeDeploy_20141006.ListDeploymentTargets\r\n", b"").await;
    assert_eq!(observe(aws.put_status().await, None).await, ClientObservation::Closed);
    let error = TcpStream::connect(("127.0.0.1", aws.port)).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(matches!(observe(before, None).await, ClientObservation::Complete(400, _)));
    let mut tries = 0;
    while TcpStream::connect(("127.0.0.1", aws.port)).await.is_err() {
        tries += 1;
        assert!(tries < 500, "the port never listens again");
        sleep(Duration::from_millis(10)).await;
    }
    assert!(matches!(observe(aws.put_status().await, None).await, ClientObservation::Complete(200, _)));
}

#[tokio::test]
async fn a_stalled_call_whose_client_has_gone_is_never_done() {
    let aws = serve_aws(InjectedFault::first(1, PUT_STATUS, FaultKind::Stall)).await;
    drop(aws.put_status().await);
    sleep(READ_TIMEOUT).await;
    assert!(!aws.has_status());
}

/// Three protocols, each with a request for one operation.
const PROTOCOLS: [(&str, &str, &[u8]); 3] = [
    ("ecs:ListTasks", "x-amz-target: AmazonEC2ContainerServiceV20141113.ListTasks\r\n", b"{}"),
    ("elasticloadbalancing:DescribeRules", "", b"Action=DescribeRules&Version=2015-12-01"),
    ("cloudwatch:DescribeAlarms", "cbor", b"\xa0"),
];

async fn send_with_fault(
    operation: &str,
    headers: &str,
    body: &[u8],
    trouble: FaultKind,
    effect: FaultTiming,
) -> (ServedAws, TcpStream) {
    let aws = serve_aws(InjectedFault::always(operation, trouble).with_timing(effect)).await;
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

/// Whether a document can be parsed to its end.
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
        for effect in [FaultTiming::Before, FaultTiming::After] {
            let (_aws, stream) = send_with_fault(operation, headers, body, FaultKind::Malform, effect).await;
            let ClientObservation::Complete(_, body) = observe(stream, None).await else { panic!("{operation}") };
            assert!(!body.is_empty() && !is_readable(operation, &body), "{operation}: {body:?}");
        }
    }
}

#[tokio::test]
async fn a_huge_reply_begins_well_and_has_64_mib_in_any_protocol() {
    for (operation, headers, body) in PROTOCOLS {
        let (_aws, mut stream) = send_with_fault(operation, headers, body, FaultKind::Huge, FaultTiming::Before).await;
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
        // With the right ending added, a parser of the format must accept what was received.
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
