//! Deploys the functions' stack with SAM to an independent emulator of AWS, and invokes the functions as CodeDeploy
//! does. The emulator simulates CloudFormation and Lambda. The functions send their own AWS calls to the rehearsal.
//!
//! `make emulator-test` starts the emulator, deploys the stack and runs this; the feature `emulator` keeps it out of
//! `make test`.

use std::time::{Duration, Instant};

use greenlight_tests::SHORT_WINDOWS;
use regex_lite::Regex;
use rehearsal::{FaultKind, Hook, HookTestBed, InjectedFault, RunningTestBed, Status};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Mutex, MutexGuard},
    task::JoinSet,
    time::sleep,
};

/// The tests share the deployed functions, and each test points them at its own world, so only one test runs at a time.
static FUNCTIONS: Mutex<()> = Mutex::const_new(());
/// How long to wait for an expected event. It mostly takes a second, but a busy machine starts debug builds slowly.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A variable in which `infra/emulator.sh` describes the emulator. Panics if it is not set.
#[expect(clippy::disallowed_methods, reason = "make describes the emulator in variables")]
fn env_var(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run `make emulator-test`"))
}

/// Sends a request to the emulator, which reads the service from the signature and does not verify it.
async fn send_request(
    service: &str,
    method: &str,
    path: &str,
    kind: &str,
    headers: &str,
    body: &[u8],
) -> (u16, String) {
    let host = env_var("GREENLIGHT_EMULATOR");
    let mut stream = TcpStream::connect(&host).await.expect("cannot connect to the emulator");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=emulator/20261124/eu-west-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=00\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or_else(|| panic!("the reply is not HTTP: {reply:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("the reply has no status: {head}")), body.to_owned())
}

async fn lambda(method: &str, path: &str, body: &Value) -> Value {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let (status, reply) = send_request("lambda", method, path, "application/json", "", &bytes).await;
    assert_eq!(status, 200, "{method} {path}: {reply}");
    serde_json::from_str(&reply).unwrap_or_else(|error| panic!("{method} {path}: {error}: {reply}"))
}

/// The outputs of the deployed stack, in the order of the template.
async fn outputs() -> Vec<(String, String)> {
    let query = format!("Action=DescribeStacks&Version=2010-05-15&StackName={}", env_var("GREENLIGHT_EMULATOR_STACK"));
    let kind = "application/x-www-form-urlencoded";
    let (status, reply) = send_request("cloudformation", "POST", "/", kind, "", query.as_bytes()).await;
    assert_eq!(status, 200, "{reply}");
    let (key, value) = (Regex::new("<OutputKey>(.*?)<"), Regex::new("<OutputValue>(.*?)<"));
    let (key, value) = (key.unwrap(), value.unwrap());
    let member = Regex::new("(?s)<member>((?:.*?)<OutputKey>.*?)</member>").unwrap();
    let text = |regex: &Regex, member: &str| regex.captures(member).map(|found| found[1].to_owned());
    let members = member.captures_iter(&reply).map(|found| found[1].to_owned());
    members.filter_map(|member| Some((text(&key, &member)?, text(&value, &member)?))).collect()
}

/// A function of the stack.
struct DeployedFunction {
    name: String,
    arn: String,
}

impl DeployedFunction {
    async fn by_logical_id(logical_id: &str) -> Self {
        let outputs = outputs().await;
        let value = |key: String| {
            let found = outputs.iter().find(|(name, _)| *name == key);
            found.unwrap_or_else(|| panic!("the stack has no output {key}, only {outputs:?}")).1.clone()
        };
        Self { name: value(format!("{logical_id}Name")), arn: value(format!("{logical_id}Arn")) }
    }

    async fn for_hook(hook: Hook) -> Self {
        Self::by_logical_id(hook.event_name()).await
    }

    /// Adds the endpoint of the simulated AWS and short windows to the function's environment, which the template does
    /// not set.
    async fn connect_to(&self, stage: &RunningTestBed, timeout_s: Option<u32>) {
        let path = format!("/2015-03-31/functions/{}/configuration", self.name);
        let mut environment = lambda("GET", &path, &Value::Null).await["Environment"]["Variables"].take();
        assert!(
            environment.is_object(),
            "{}: the function has no variables, although the template sets some",
            self.name
        );
        environment["AWS_ENDPOINT_URL"] = stage.endpoint().into();
        environment["GREENLIGHT_GATE"] = SHORT_WINDOWS.into();
        let mut change = json!({ "Environment": { "Variables": environment } });
        if let Some(seconds) = timeout_s {
            change["Timeout"] = seconds.into();
        }
        lambda("PUT", &path, &change).await;
    }

    /// Invokes the function as CodeDeploy does: asynchronously, by its name.
    async fn invoke(&self, stage: &RunningTestBed) {
        let path = format!("/2015-03-31/functions/{}/invocations", self.name);
        let event = "X-Amz-Invocation-Type: Event\r\n";
        let (status, reply) = send_request("lambda", "POST", &path, "application/json", event, stage.payload()).await;
        assert_eq!(status, 202, "{}: {reply}", self.name);
    }

    /// The process that runs the function.
    fn process(&self) -> Option<u32> {
        let is_its = |process: &u32| {
            let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            let name = format!("AWS_LAMBDA_FUNCTION_NAME={}", self.name);
            environment.split(|byte| *byte == 0).any(|variable| variable == name.as_bytes())
        };
        let processes = std::fs::read_dir("/proc").unwrap();
        let mut processes = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        processes.find(is_its)
    }
}

async fn put_statuses(stage: &RunningTestBed) -> Vec<Status> {
    poll_until(|| (!stage.statuses().is_empty()).then(|| stage.statuses())).await.unwrap_or_default()
}

/// Repeats the attempt until it returns a value. Returns `None` after [`TIMEOUT`].
async fn poll_until<T>(attempt: impl Fn() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    while started.elapsed() < TIMEOUT {
        if let Some(found) = attempt() {
            return Some(found);
        }
        sleep(Duration::from_millis(50)).await;
    }
    None
}

/// Runs a hook at its lifecycle event of a healthy deployment.
async fn assert_healthy_run(hook: Hook) {
    let stage = HookTestBed::at(hook).await.open().await.unwrap();
    let function = DeployedFunction::for_hook(hook).await;
    function.connect_to(&stage, None).await;
    function.invoke(&stage).await;
    assert_eq!(put_statuses(&stage).await, [Status::Succeeded], "{hook}");
    assert_eq!(stage.unknown_operations(), Vec::<String>::new(), "{hook}");
}

/// Sends a signal to a hook's process while it waits for AWS, and expects the on-failure handler to put *Failed*.
async fn assert_killed_run(hook: Hook, signal: &str, timeout_s: Option<u32>) {
    // Discovery needs this operation, whose reply takes a minute, so the hook has put no status when the signal
    // arrives.
    let stage = HookTestBed::at(hook)
        .await
        .inject_fault(InjectedFault::always("ecs:DescribeServices", FaultKind::Stall))
        .open()
        .await
        .unwrap();
    let (function, net) = (DeployedFunction::for_hook(hook).await, DeployedFunction::by_logical_id("OnFailure").await);
    function.connect_to(&stage, timeout_s).await;
    net.connect_to(&stage, None).await;
    function.invoke(&stage).await;
    let waits = poll_until(|| stage.calls().contains_key("ecs:DescribeServices").then_some(())).await;
    assert_eq!(waits, Some(()), "{hook} never called ecs:DescribeServices: {:?}", stage.calls());
    let process = function.process().unwrap_or_else(|| panic!("no process runs {}", function.name));
    let sent = std::process::Command::new("kill").args([signal, &process.to_string()]).status();
    assert!(sent.is_ok_and(|sent| sent.success()), "cannot send {signal} to process {process}");
    assert_eq!(put_statuses(&stage).await, [Status::Failed], "{hook}, after {signal}");
}

async fn exclusive() -> MutexGuard<'static, ()> {
    FUNCTIONS.lock().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hook_has_the_event_settings_that_the_on_failure_handler_needs() {
    let _alone = exclusive().await;
    let on_failure = DeployedFunction::by_logical_id("OnFailure").await;
    for hook in Hook::ALL {
        let function = DeployedFunction::for_hook(hook).await;
        assert!(function.name.starts_with("CodeDeployHook_"), "{}", function.name);
        let path = format!("/2019-09-25/functions/{}/event-invoke-config?Qualifier=%24LATEST", function.name);
        let events = lambda("GET", &path, &Value::Null).await;
        assert_eq!(events["MaximumRetryAttempts"], 0, "{}: {events}", function.name);
        assert_eq!(events["MaximumEventAgeInSeconds"], 300, "{}: {events}", function.name);
        let destination = &events["DestinationConfig"]["OnFailure"]["Destination"];
        assert_eq!(*destination, on_failure.arn, "{}: {events}", function.name);
        assert_eq!(events["FunctionArn"], format!("{}:$LATEST", function.arn), "{}: {events}", function.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hook_puts_succeeded_in_a_good_world() {
    let _alone = exclusive().await;
    let mut playing = JoinSet::new();
    for hook in Hook::ALL {
        playing.spawn(assert_healthy_run(hook));
    }
    // `join_all` panics if one of the tasks panicked.
    playing.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_failure_handler_puts_failed_for_a_killed_hook() {
    let _alone = exclusive().await;
    assert_killed_run(Hook::AfterInstall, "-KILL", None).await;
}

/// A stopped process neither puts a status nor ends, until Lambda ends it.
#[tokio::test(flavor = "multi_thread")]
async fn on_failure_handler_puts_failed_for_a_hook_that_hangs_beyond_its_timeout() {
    let _alone = exclusive().await;
    assert_killed_run(Hook::BeforeAllowTraffic, "-STOP", Some(5)).await;
}
