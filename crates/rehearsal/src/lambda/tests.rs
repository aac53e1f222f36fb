//! Tests with a shell script in place of the programs, and with a small client in place of a function's runtime.

use std::time::Duration;
use std::{path::PathBuf, time::SystemTime};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};

use super::{runtime_api::RuntimeApi, *};
use lifecycle::Hook;

async fn send_request(port: u16, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply
}

fn in_a_minute() -> SystemTime {
    SystemTime::now() + Duration::from_secs(60)
}

const NEXT: &str = "/2018-06-01/runtime/invocation/next";

#[tokio::test]
async fn a_poll_waits_for_an_event_and_its_result_comes_back() {
    let mut api = RuntimeApi::start("CodeDeployHook_x".into()).await.unwrap();
    let port = api.port;
    let waiting = tokio::spawn(async move { send_request(port, "GET", NEXT, "").await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    let result = api.enqueue(b"{\"a\":1}".to_vec(), in_a_minute());
    let reply = waiting.await.unwrap();
    assert!(reply.ends_with("{\"a\":1}"), "{reply}");
    let header =
        |name: &str| reply.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
    let id = header("lambda-runtime-aws-request-id:");
    assert!(header("lambda-runtime-invoked-function-arn:").ends_with(":function:CodeDeployHook_x"));
    assert!(header("lambda-runtime-deadline-ms:").parse::<u64>().unwrap() > 1_700_000_000_000);
    let path = format!("/2018-06-01/runtime/invocation/{id}/response");
    assert!(send_request(port, "POST", &path, "null").await.contains("202"));
    assert_eq!(result.await.unwrap(), InvocationResult::Success(Value::Null));
    assert!(
        send_request(port, "POST", &path, "null").await.contains("InvalidRequestID"),
        "a second result for one event"
    );
}

#[tokio::test]
async fn an_error_comes_back_with_its_type() {
    let mut api = RuntimeApi::start("x".into()).await.unwrap();
    let result = api.enqueue(vec![b' '; 6 * 1024 * 1024], in_a_minute());
    let reply = send_request(api.port, "GET", NEXT, "").await;
    assert!(reply.len() > 6 * 1024 * 1024);
    let id = reply.lines().find_map(|line| line.strip_prefix("lambda-runtime-aws-request-id: ")).unwrap();
    let body = r#"{"errorType":"Odd","errorMessage":"it is odd"}"#;
    send_request(api.port, "POST", &format!("/2018-06-01/runtime/invocation/{id}/error"), body).await;
    assert_eq!(
        result.await.unwrap(),
        InvocationResult::Error { error_type: "Odd".into(), error_message: "it is odd".into() }
    );
}

/// A folder with a script for each function. It is deleted on drop.
struct Scripts(PathBuf);

impl Drop for Scripts {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A child process writes the scripts. If this process had a file open for writing while another test forks, the file
/// could not be executed for a moment ("text file busy").
fn scripts(name: &str, body: &str) -> Scripts {
    let folder = std::env::temp_dir().join(format!("rehearsal-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for function in FunctionName::all_functions() {
        let (path, text) = (folder.join(function.program_name()), format!("#!/bin/sh\n{body}\n"));
        let mut write = std::process::Command::new("sh");
        write.args(["-c", "printf %s \"$2\" > \"$1\" && chmod +x \"$1\"", "sh"]).arg(path).arg(text);
        assert!(write.status().unwrap().success());
    }
    Scripts(folder)
}

fn setup() -> Setup {
    Setup {
        endpoint: "http://127.0.0.1:9".into(),
        env: [("GREENLIGHT_GATE".to_owned(), "version: 1".to_owned())].into(),
        killed: [(Hook::AfterAllowTraffic.into(), Duration::from_millis(100))].into(),
        ..Setup::default()
    }
}

#[tokio::test]
async fn a_process_has_lambdas_environment_and_nothing_else() {
    let scripts = scripts("env", "env; echo to-stderr >&2; exit 3");
    let (mut fleet, mut lines) = ProcessPool::start(&scripts.0, &setup()).await.unwrap();
    let ended =
        fleet.invoke(Hook::AfterInstall.into(), b"{}".to_vec(), Duration::from_secs(30)).await.unwrap().await.unwrap();
    assert_eq!(ended, InvocationResult::Exited(ProcessExit::Code(3)));
    let mut seen = Vec::new();
    while let Ok((hook, line)) = lines.try_recv() {
        if hook == Hook::AfterInstall.into() {
            seen.push(line);
        }
    }
    for expected in [
        "AWS_LAMBDA_FUNCTION_NAME=CodeDeployHook_after-install",
        "GREENLIGHT_GATE=version: 1",
        "AWS_ENDPOINT_URL=http://127.0.0.1:9",
        "to-stderr",
    ] {
        assert!(seen.iter().any(|line| line == expected), "{expected}: {seen:?}");
    }
    assert!(!seen.iter().any(|line| line.starts_with("CARGO") || line.starts_with("HOME")), "{seen:?}");
}

#[tokio::test]
async fn a_process_that_takes_too_long_is_killed_and_a_new_one_is_started() {
    let scripts = scripts("slow", "exec sleep 600");
    let (mut fleet, _lines) = ProcessPool::start(&scripts.0, &setup()).await.unwrap();
    for _ in 0..2 {
        let limit = Duration::from_millis(100);
        let ended = fleet.invoke(Hook::BeforeInstall.into(), Vec::new(), limit).await.unwrap();
        assert_eq!(timeout(Duration::from_secs(20), ended).await.unwrap().unwrap(), InvocationResult::TimedOut(limit));
    }
}

#[tokio::test]
async fn dropping_the_fleet_leaves_no_process() {
    let scripts = scripts("drop", "echo $$; exec sleep 600");
    let (fleet, mut lines) = ProcessPool::start(&scripts.0, &setup()).await.unwrap();
    let mut pids = Vec::new();
    while pids.len() < Hook::ALL.len() {
        pids.push(lines.recv().await.unwrap().1);
    }
    drop(fleet);
    for pid in pids {
        let stat = PathBuf::from(format!("/proc/{pid}/stat"));
        // A killed process whose exit status has not been read is a zombie (Z), which no longer runs.
        let alive = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        for _ in 0..500 {
            if !alive() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(!alive(), "process {pid} is still running");
    }
}

#[tokio::test]
async fn a_missing_program_is_named_with_the_way_to_get_it() {
    let error = ProcessPool::start(std::path::Path::new("nowhere"), &setup()).await.unwrap_err().to_string();
    assert!(error.contains("before-install") && error.contains("--binaries"), "{error}");
}

#[tokio::test]
async fn a_function_that_is_at_work_gets_a_second_process() {
    let scripts = scripts("busy", "echo $$; exec sleep 600");
    let (mut fleet, mut lines) = ProcessPool::start(&scripts.0, &setup()).await.unwrap();
    let limit = Duration::from_millis(300);
    let first = fleet.invoke(Hook::AfterInstall.into(), Vec::new(), limit).await.unwrap();
    let second = fleet.invoke(Hook::AfterInstall.into(), Vec::new(), limit).await.unwrap();
    // The five that start first, and one more.
    let mut pids = std::collections::BTreeSet::new();
    while pids.len() < 6 {
        pids.insert(timeout(Duration::from_secs(20), lines.recv()).await.unwrap().unwrap().1);
    }
    for ended in [first, second] {
        assert_eq!(timeout(Duration::from_secs(20), ended).await.unwrap().unwrap(), InvocationResult::TimedOut(limit));
    }
    assert!(fleet.functions.iter().all(FunctionProcess::is_idle));
}

#[tokio::test]
async fn a_function_that_takes_too_much_memory_is_killed_before_its_time_is_up() {
    let scripts = scripts("memory", "exec sleep 600");
    let (mut fleet, _lines) = ProcessPool::start(&scripts.0, &setup()).await.unwrap();
    let ended = fleet.invoke(Hook::AfterAllowTraffic.into(), Vec::new(), Duration::from_secs(600)).await.unwrap();
    let ended = timeout(Duration::from_secs(20), ended).await.unwrap().unwrap();
    assert_eq!(ended, InvocationResult::Exited(ProcessExit::Killed));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_over_its_memory_is_killed_and_has_used_time() {
    let scripts = scripts("greedy", "x=$(head -c 60000000 /dev/zero | tr '\\0' x); exec sleep 600");
    let (lines, _written) = mpsc::unbounded_channel();
    let (program, hook) = (scripts.0.join("after-install"), Hook::AfterInstall);
    let setup = Setup { memory: Some(40 << 20), ..Setup::default() };
    let mut function = FunctionProcess::start(hook.into(), program, setup, lines).await.unwrap();
    let ended = function.invoke(Vec::new(), Duration::from_secs(600)).await.unwrap();
    let ended = timeout(Duration::from_secs(60), ended).await.unwrap().unwrap();
    assert_eq!(ended, InvocationResult::Exited(ProcessExit::Killed));
    assert!(function.cpu().is_some(), "a process that was killed has used time as well");
}
