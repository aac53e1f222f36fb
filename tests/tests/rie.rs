//! The real programs under AWS's Runtime Interface Emulator, which AWS wrote independently of the rehearsal's runtime.
//!
//! `make rie-test` fetches the emulator and runs this; the feature `rie` keeps it out of `make test`.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use greenlight_tests::{SHORT_WINDOWS, binaries};
use rehearsal::{FaultKind, Hook, HookTestBed, InjectedFault, RunningTestBed, Status};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    task::JoinSet,
    time::sleep,
};

/// The path of the emulator that `make rie-test` has fetched.
#[expect(clippy::disallowed_methods, reason = "make passes the emulator's path in a variable")]
fn emulator() -> PathBuf {
    let path = std::env::var_os("GREENLIGHT_RIE");
    PathBuf::from(path.expect("GREENLIGHT_RIE is not set; run `make rie-test`, which fetches the emulator and sets it"))
}

/// A hook's program under the emulator.
struct EmulatedFunction {
    process_guard: ProcessGuard,
    process: Child,
    /// The output of the emulator and of the program. It is a file and not a pipe, because the emulator still writes
    /// while it ends after a failed test.
    log: NamedTempFile,
    port: u16,
}

/// Sends SIGTERM to a process when it is dropped, also after a failed test. SIGKILL would leave its child processes
/// behind.
struct ProcessGuard(u32);

impl Drop for ProcessGuard {
    fn drop(&mut self) {
        // An error is ignored, as the process may have ended by itself.
        let _ = std::process::Command::new("kill").arg(self.0.to_string()).stderr(Stdio::null()).status();
    }
}

impl EmulatedFunction {
    /// Starts the emulator, which starts the program.
    async fn start(hook: Hook, stage: &RunningTestBed, timeout_s: u32, gate: &str) -> Self {
        let [port, api] = [free_port().await, free_port().await];
        let timeout = timeout_s.to_string();
        // If this test is killed, `timeout` ends the emulator, which would otherwise run forever.
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", "120"])
            .arg(emulator())
            .args(["--runtime-interface-emulator-address", &format!("127.0.0.1:{port}")])
            .args(["--runtime-api-address", &format!("127.0.0.1:{api}")])
            .arg(binaries().join(hook.program_name()));
        // The emulator passes on its own region and credentials. Without them the function gets no region and empty
        // credentials.
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("AWS_LAMBDA_FUNCTION_NAME", format!("CodeDeployHook_{}", hook.program_name()))
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", timeout)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_ENDPOINT_URL", stage.endpoint())
            .env("GREENLIGHT_ALLOW_LOOPBACK", "yes")
            .env("GREENLIGHT_GATE", gate);
        let log = NamedTempFile::new().unwrap();
        command.stdin(Stdio::null()).stdout(append(&log)).stderr(append(&log));
        let process = command.spawn().expect("cannot start `timeout`; install coreutils");
        Self {
            process_guard: ProcessGuard(process.id().expect("the process has no id; it was already waited for")),
            process,
            log,
            port,
        }
    }

    /// Invokes the function and returns the body of the reply.
    async fn invoke(&self, payload: &[u8]) -> String {
        let mut stream = self.connect().await;
        // With HTTP/1.0 the body ends when the server closes the connection.
        let head = format!(
            "POST /2015-03-31/functions/function/invocations HTTP/1.0\r\nContent-Length: {}\r\n\r\n",
            payload.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(payload).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap_or_else(|| panic!("the reply is not HTTP: {reply:?}"));
        assert!(head.split(' ').nth(1) == Some("200"), "the emulator answers every invocation with 200: {reply}");
        body.to_owned()
    }

    async fn connect(&self) -> TcpStream {
        let started = Instant::now();
        loop {
            match TcpStream::connect(("127.0.0.1", self.port)).await {
                Ok(stream) => return stream,
                Err(error) if started.elapsed() > Duration::from_secs(30) => {
                    panic!("the emulator does not listen: {error}")
                }
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Stops the emulator, which stops the program, and returns the output of both.
    async fn stop(mut self) -> String {
        drop(self.process_guard);
        self.process.wait().await.unwrap();
        String::from_utf8_lossy(&std::fs::read(self.log.path()).unwrap()).into_owned()
    }
}

/// Opens the file for appending, because two streams write to it.
fn append(file: &NamedTempFile) -> std::fs::File {
    std::fs::OpenOptions::new().append(true).open(file.path()).unwrap()
}

/// Returns a free port for a program that needs one as an argument. No other process should take the port before the
/// program starts. So the port is below 32768, where the system's own choice of ports begins, and is never returned
/// twice.
async fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two runs of these tests at the same time use different ranges.
    let begin = 12_000 + (std::process::id() % 100) as u16 * 200;
    for _ in 0..200 {
        let port = begin + NEXT.fetch_add(1, Ordering::Relaxed) % 200;
        if TcpListener::bind(("127.0.0.1", port)).await.is_ok() {
            return port;
        }
    }
    panic!("none of the 200 ports from {begin} on is free");
}

/// The last `verdict.code` in the log of an invocation.
fn verdict_code(log: &str) -> Option<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| Some(line.get("verdict.code")?.as_str()?.to_owned())).next_back()
}

async fn assert_recovers_after_garbage(hook: Hook) {
    let stage = HookTestBed::at(hook).await.open().await.unwrap();
    let function = EmulatedFunction::start(hook, &stage, 60, SHORT_WINDOWS).await;
    for (garbage, error_type) in [(&b"{\"DeploymentId\":"[..], "EventNotJson"), (b"[1]", "EventMalformed")] {
        let body = function.invoke(garbage).await;
        let reply: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{hook}: {error}: {body}"));
        assert_eq!(reply["errorType"], error_type, "{hook}: {body}");
        assert!(reply["errorMessage"].as_str().is_some_and(|message| !message.is_empty()), "{hook}: {body}");
        assert_eq!(stage.statuses(), [], "{hook}");
    }
    // The same process handles the next event.
    let body = function.invoke(stage.payload()).await;
    let log = function.stop().await;
    let reply: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{hook}: {error}: {body}\n{log}"));
    assert!(reply.get("errorType").is_none(), "{hook}: {body}\n{log}");
    assert_eq!(stage.statuses(), [Status::Succeeded], "{hook}: {body}\n{log}");
    assert_eq!(stage.unknown_operations(), Vec::<String>::new(), "{hook}");
}

async fn assert_timeout_is_reported(hook: Hook) {
    // Discovery needs this operation, whose reply takes a minute.
    let stalled = InjectedFault::always("ecs:DescribeServices", FaultKind::Stall);
    let stage = HookTestBed::at(hook).await.inject_fault(stalled).open().await.unwrap();
    let function = EmulatedFunction::start(hook, &stage, 3, SHORT_WINDOWS).await;
    let body = function.invoke(stage.payload()).await;
    let log = function.stop().await;
    assert!(
        !body.contains("timed out"),
        "{hook}: the hook did not end in time, so the emulator ended it: {body}\n{log}"
    );
    assert_eq!(stage.statuses(), [Status::Failed], "{hook}: {body}\n{log}");
    assert_eq!(verdict_code(&log).as_deref(), Some("RanOutOfTime"), "{hook}: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hook_rejects_garbage_and_then_passes_a_good_world() {
    let mut playing = JoinSet::new();
    for hook in Hook::ALL {
        playing.spawn(assert_recovers_after_garbage(hook));
    }
    // `join_all` panics if one of the tasks panicked.
    playing.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hook_puts_failed_before_a_timeout_that_is_too_short() {
    let mut playing = JoinSet::new();
    for hook in Hook::ALL {
        playing.spawn(assert_timeout_is_reported(hook));
    }
    playing.join_all().await;
}
