//! Tests with several kinds of clients in place of a developer's.

use lifecycle::Status;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use super::*;
use crate::report::DeploymentOutcome;

/// A served world. Dropping it stops the server.
struct Served {
    events: UnboundedReceiver<ServeEvent>,
    _serving: JoinSet<()>,
}

impl Served {
    fn new(name: &str, at: Hook) -> Self {
        Self::with_options(name, ServeOptions { at: Some(at), ..ServeOptions::default() })
    }

    fn with_options(name: &str, options: ServeOptions) -> Self {
        let (sender, events) = unbounded_channel();
        let (scenario, mut serving) = (Scenario::named(name).unwrap(), JoinSet::new());
        serving.spawn(async move {
            let failed = serve(&scenario, &ServeOptions { seed: Some(7), ..options }, sender).await;
            panic!("{failed:?}");
        });
        Self { events, _serving: serving }
    }

    /// Returns the next event that `pick` accepts. The time limit allows for a busy machine and is not a guarantee.
    async fn next<T>(&mut self, mut pick: impl FnMut(&ServeEvent) -> Option<T>) -> T {
        let find = async {
            loop {
                let event = self.events.recv().await.expect("the world must still be running");
                if let Some(found) = pick(&event) {
                    return found;
                }
            }
        };
        timeout(Duration::from_secs(30), find).await.expect("the event must arrive within 30s")
    }

    async fn open(&mut self) -> Endpoints {
        match self.events.recv().await {
            Some(ServeEvent::Open(endpoints)) => endpoints,
            other => panic!("the first event must be Open, not {other:?}"),
        }
    }

    async fn waiting(&mut self) -> HookWaiting {
        self.next(|event| if let ServeEvent::HookWaiting(waiting) = event { Some(waiting.clone()) } else { None }).await
    }

    async fn called(&mut self) -> AwsCall {
        self.next(|event| if let ServeEvent::AwsCall(called) = event { Some(called.clone()) } else { None }).await
    }

    async fn returned(&mut self) -> FunctionReturned {
        self.next(
            |event| if let ServeEvent::FunctionReturned(returned) = event { Some(returned.clone()) } else { None },
        )
        .await
    }

    async fn ended(&mut self) -> DeploymentOutcome {
        let ended = |event: &ServeEvent| match event {
            ServeEvent::Rehearsal(RehearsalEvent { kind: EventKind::DeploymentEnded { outcome, .. }, .. }) => {
                Some(*outcome)
            }
            _ => None,
        };
        self.next(ended).await
    }
}

async fn send_request(address: &str, method: &str, path: &str, headers: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

async fn codedeploy(endpoints: &Endpoints, operation: &str, input: Value) -> Value {
    let address = endpoints.aws.strip_prefix("http://").unwrap();
    let headers = format!(
        "x-amz-target: CodeDeploy_20141006.{operation}\r\ncontent-type: application/x-amz-json-1.1\r\nuser-agent: aws-cli/2.0 md/x\r\n"
    );
    let (_, body) = send_request(address, "POST", "/", &headers, &input.to_string()).await;
    if body.is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap() }
}

async fn put_status(endpoints: &Endpoints, waiting: &HookWaiting, status: &str) -> Value {
    let event: Value = serde_json::from_str(&waiting.event).unwrap();
    let input = json!({
        "deploymentId": event["DeploymentId"],
        "lifecycleEventHookExecutionId": event["LifecycleEventHookExecutionId"],
        "status": status,
    });
    codedeploy(endpoints, "PutLifecycleEventHookExecutionStatus", input).await
}

const NEXT: &str = "/2018-06-01/runtime/invocation/next";

#[tokio::test]
async fn a_deployment_stands_at_the_hook_and_its_calls_are_told() {
    let mut served = Served::new("healthy", Hook::AfterInstall);
    let endpoints = served.open().await;
    let waiting = served.waiting().await;
    assert_eq!(waiting.hook, Hook::AfterInstall);
    let input = json!({ "deploymentId": waiting.deployment });
    let seen = codedeploy(&endpoints, "GetDeployment", input).await;
    assert_eq!(seen["deploymentInfo"]["status"], "InProgress", "{seen}");
    let called = served.called().await;
    assert_eq!((called.operation.as_str(), called.caller.as_str()), ("codedeploy:GetDeployment", "aws-cli/2.0"));
    assert_eq!(called.error, None);

    codedeploy(&endpoints, "GetDeployment", json!({ "deploymentId": "d-NOTTHERE1" })).await;
    assert_eq!(served.called().await.error.as_deref(), Some("DeploymentDoesNotExistException"));
    let (head, _) = send_request(endpoints.production.strip_prefix("http://").unwrap(), "GET", "/", "", "").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[tokio::test]
async fn a_put_of_succeeded_leads_to_the_next_hook_and_the_world_outlives_its_deployment() {
    let mut served = Served::new("healthy", Hook::BeforeAllowTraffic);
    let endpoints = served.open().await;
    for hook in [Hook::BeforeAllowTraffic, Hook::AfterAllowTraffic] {
        let waiting = served.waiting().await;
        assert_eq!(waiting.hook, hook);
        put_status(&endpoints, &waiting, "Succeeded").await;
    }
    assert_eq!(served.ended().await, DeploymentOutcome::Succeeded);
    let seen = codedeploy(&endpoints, "ListDeploymentTargets", json!({ "deploymentId": "d-NOTTHERE1" })).await;
    assert!(seen["__type"].is_string(), "{seen}");
}

#[tokio::test]
async fn a_put_of_failed_rolls_back() {
    let mut served = Served::new("healthy", Hook::AfterInstall);
    let endpoints = served.open().await;
    let waiting = served.waiting().await;
    put_status(&endpoints, &waiting, "Failed").await;
    let answered = served.next(|event| match event {
        ServeEvent::Rehearsal(RehearsalEvent { kind: EventKind::HookFinished(run), .. })
            if run.hook == Hook::AfterInstall =>
        {
            run.status
        }
        _ => None,
    });
    assert_eq!(answered.await, Status::Failed);
    assert_eq!(served.ended().await, DeploymentOutcome::RolledBack);
    let again = put_status(&endpoints, &waiting, "Succeeded").await;
    assert_eq!(again["__type"], "LifecycleEventAlreadyCompletedException");
}

fn path_of_invocation(number: u32, what: &str) -> String {
    format!("/2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-{number:012}/{what}")
}

async fn next_event(waiting: &HookWaiting) -> String {
    send_request(&waiting.runtime_api, "GET", NEXT, "", "").await.1
}

#[tokio::test]
async fn a_program_that_polls_gets_the_event_until_somebody_has_answered() {
    let mut served = Served::new("healthy", Hook::BeforeInstall);
    let endpoints = served.open().await;
    let waiting = served.waiting().await;
    // The first process dies while it handles the event; the second one gets the same event.
    for _ in 0..2 {
        let (head, body) = send_request(&waiting.runtime_api, "GET", NEXT, "", "").await;
        assert_eq!(body, waiting.event);
        assert!(head.contains("function:CodeDeployHook_before-install"), "{head}");
    }
    let error = r#"{"errorType":"Odd","errorMessage":"it is odd"}"#;
    send_request(&waiting.runtime_api, "POST", &path_of_invocation(2, "error"), "", error).await;
    let returned = served.returned().await;
    assert_eq!(returned.error.as_deref(), Some("Odd: it is odd"));
    assert!(returned.redelivered_in.is_some());
    let (head, _) = send_request(&waiting.runtime_api, "POST", &path_of_invocation(2, "error"), "", error).await;
    assert!(head.starts_with("HTTP/1.1 400"), "an invocation ends once: {head}");

    // Lambda retries an error.
    assert_eq!(next_event(&waiting).await, waiting.event);
    put_status(&endpoints, &waiting, "Succeeded").await;
    send_request(&waiting.runtime_api, "POST", &path_of_invocation(3, "response"), "", "null").await;
    assert_eq!(
        served.returned().await,
        FunctionReturned { hook: Hook::BeforeInstall, error: None, has_status: true, redelivered_in: None }
    );
    // Another poll would get no event. The next hook has its own Runtime API.
    assert_ne!(served.waiting().await.runtime_api, waiting.runtime_api);
}

#[tokio::test]
async fn a_good_return_without_a_status_is_not_invoked_again() {
    let mut served = Served::new("healthy", Hook::BeforeInstall);
    served.open().await;
    let waiting = served.waiting().await;
    next_event(&waiting).await;
    send_request(&waiting.runtime_api, "POST", &path_of_invocation(1, "response"), "", "null").await;
    let returned = served.returned().await;
    assert_eq!((returned.has_status, returned.redelivered_in), (false, None));
    // Longer than the pause after an error.
    let again = timeout(Duration::from_secs(4), next_event(&waiting)).await;
    assert!(again.is_err(), "{again:?}");
    // This process was started later.
    assert_eq!(next_event(&waiting).await, waiting.event);
}

#[tokio::test]
async fn the_timeout_is_reported_and_kept() {
    let limit = Duration::from_secs(1);
    let mut served = Served::with_options("healthy", ServeOptions { timeout: Some(limit), ..ServeOptions::default() });
    let endpoints = served.open().await;
    let waiting = served.waiting().await;
    assert_eq!(waiting.timeout, limit);
    next_event(&waiting).await;
    let returned = served.returned().await;
    assert_eq!(returned.error.as_deref(), Some("Sandbox.Timedout: Task timed out after 1.00 seconds"));
    assert!(returned.redelivered_in.is_some());
    let (head, _) = send_request(&waiting.runtime_api, "POST", &path_of_invocation(1, "response"), "", "null").await;
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    // In AWS the function would be gone. The one that gets the event next counts again.
    let late = send_signed(&endpoints, &waiting.access_key, "Boto3/1.40", PUT, status_input(&waiting)).await;
    assert_eq!(late["__type"], "ExpiredTokenException");
    next_event(&waiting).await;
    let done = send_signed(&endpoints, &waiting.access_key, "Boto3/1.40", PUT, status_input(&waiting)).await;
    assert!(done["lifecycleEventHookExecutionId"].is_string(), "{done}");
}

#[tokio::test]
async fn a_function_that_the_scenario_kills_puts_no_status() {
    let mut served = Served::new("function-killed", Hook::AfterInstall);
    let endpoints = served.open().await;
    let waiting = served.waiting().await;
    next_event(&waiting).await;
    let returned = served.returned().await;
    assert!(returned.error.as_deref().unwrap().contains("signal: killed (by the scenario)"), "{returned:?}");
    let late = send_signed(&endpoints, "any", "Boto3/1.40", PUT, status_input(&waiting)).await;
    assert_eq!(late["__type"], "ExpiredTokenException");
}

fn status_input(waiting: &HookWaiting) -> Value {
    let event: Value = serde_json::from_str(&waiting.event).unwrap();
    json!({
        "deploymentId": event["DeploymentId"],
        "lifecycleEventHookExecutionId": event["LifecycleEventHookExecutionId"],
        "status": "Succeeded",
    })
}

#[tokio::test]
async fn the_runtime_api_outlives_the_deployment() {
    let mut served = Served::new("healthy", Hook::AfterAllowTraffic);
    let endpoints = served.open().await;
    let waiting = served.waiting().await;
    put_status(&endpoints, &waiting, "Succeeded").await;
    assert_eq!(served.ended().await, DeploymentOutcome::Succeeded);
    let polled = timeout(Duration::from_millis(300), next_event(&waiting)).await;
    assert!(polled.is_err(), "a poll must wait, and not fail: {polled:?}");
}

async fn send_signed(endpoints: &Endpoints, key: &str, agent: &str, operation: &str, input: Value) -> Value {
    let headers = format!(
        "x-amz-target: {operation}\r\ncontent-type: application/x-amz-json-1.1\r\nuser-agent: {agent}\r\n\
         authorization: AWS4-HMAC-SHA256 Credential={key}/20260101/eu-west-1/codedeploy/aws4_request\r\n"
    );
    let address = endpoints.aws.strip_prefix("http://").unwrap();
    let (_, body) = send_request(address, "POST", "/", &headers, &input.to_string()).await;
    serde_json::from_str(&body).unwrap()
}

const PUT: &str = "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus";

#[tokio::test]
async fn a_fault_of_one_function_also_meets_a_foreign_one() {
    // In this scenario AfterInstall's function has no permission to put its status.
    let mut served = Served::new("answer-denied", Hook::AfterInstall);
    let endpoints = served.open().await;
    let waiting = served.waiting().await;
    let status = status_input(&waiting);
    // With the key that the developer got for it, and with any other.
    for key in [waiting.access_key.as_str(), "rehearsal"] {
        let denied = send_signed(&endpoints, key, "Boto3/1.40", PUT, status.clone()).await;
        assert_eq!(denied["__type"], "AccessDeniedException", "{key}");
    }
    // A person has permissions of their own.
    let done = send_signed(&endpoints, "rehearsal", "aws-cli/2.31.0 md/x", PUT, status).await;
    assert!(done["lifecycleEventHookExecutionId"].is_string(), "{done}");
}

#[tokio::test]
async fn only_the_functions_of_the_appspec_file_are_invoked_under_their_names() {
    let hooks = [(Hook::AfterInstall, "shop-smoke"), (Hook::AfterAllowTraffic, "CodeDeployHook_shop-bake")];
    let hooks = hooks.map(|(hook, name)| (hook, name.to_owned())).into();
    let appspec = Some(AppSpec { hooks, ..AppSpec::default() });
    let mut served = Served::with_options("healthy", ServeOptions { appspec, ..ServeOptions::default() });
    let endpoints = served.open().await;
    for (hook, name) in [(Hook::AfterInstall, "shop-smoke"), (Hook::AfterAllowTraffic, "CodeDeployHook_shop-bake")] {
        let waiting = served.waiting().await;
        assert_eq!((waiting.hook, waiting.function.as_str()), (hook, name));
        let (head, _) = send_request(&waiting.runtime_api, "GET", NEXT, "", "").await;
        assert!(head.contains(&format!("function:{name}")), "{head}");
        put_status(&endpoints, &waiting, "Succeeded").await;
    }
    assert_eq!(served.ended().await, DeploymentOutcome::Succeeded);
}

/// A folder with six programs that end at once. A child process writes them, so that no other test's process can have
/// one open for writing.
#[cfg(unix)]
fn programs_that_end() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for function in FunctionName::all_functions() {
        let mut write = std::process::Command::new("sh");
        write.args(["-c", "printf '#!/bin/sh\nexit 3\n' > \"$1\" && chmod +x \"$1\"", "sh"]);
        assert!(write.arg(folder.path().join(function.program_name())).status().unwrap().success());
    }
    folder
}

#[tokio::test]
#[cfg(unix)]
async fn a_function_of_ours_in_the_appspec_file_runs_its_program_and_the_others_wait() {
    let folder = programs_that_end();
    let hooks = [(Hook::BeforeInstall, "shop-smoke"), (Hook::AfterInstall, "CodeDeployHook_shop-after-install")];
    let hooks = hooks.map(|(hook, name)| (hook, name.to_owned())).into();
    let mut served = Served::with_options(
        "healthy",
        ServeOptions {
            appspec: Some(AppSpec { hooks, ..AppSpec::default() }),
            binaries: Some(folder.path().to_owned()),
            hook_timeout: Some(Duration::from_secs(10)),
            ..ServeOptions::default()
        },
    );
    let endpoints = served.open().await;
    let waiting = served.waiting().await;
    assert_eq!((waiting.hook, waiting.function.as_str()), (Hook::BeforeInstall, "shop-smoke"));
    put_status(&endpoints, &waiting, "Succeeded").await;
    let text = served.next(|event| match event {
        ServeEvent::HookWaiting(waiting) => panic!("{} must run its program", waiting.hook),
        ServeEvent::Rehearsal(RehearsalEvent { kind: EventKind::OnFailure { hook, text }, .. }) => {
            Some(format!("{hook}: {text}"))
        }
        _ => None,
    });
    let text = text.await;
    assert!(text.starts_with("AfterInstall: AfterInstall's function ") && text.contains("on-failure"), "{text}");
}

#[tokio::test]
async fn an_operation_that_is_not_simulated_says_so() {
    let mut served = Served::new("healthy", Hook::AfterInstall);
    let endpoints = served.open().await;
    let address = endpoints.aws.strip_prefix("http://").unwrap();
    let signed = |service: &str| {
        format!("authorization: AWS4-HMAC-SHA256 Credential=x/20260101/eu-west-1/{service}/aws4_request\r\n")
    };
    let created = codedeploy(&endpoints, "CreateApplication", json!({})).await;
    assert_eq!(created["message"], "greenlight rehearse does not simulate codedeploy:CreateApplication");
    let (_, body) =
        send_request(address, "GET", "/2015-03-31/functions/smoke?Qualifier=1", &signed("lambda"), "").await;
    assert!(body.contains("does not simulate lambda:GetFunction"), "{body}");
    let (_, body) = send_request(address, "PUT", "/bucket/key", &signed("s3"), "x").await;
    assert!(body.contains("does not simulate s3:PutObject"), "{body}");
    let (_, body) = send_request(address, "POST", "/TraceSegments", &signed("xray"), "{}").await;
    assert!(body.contains("does not simulate xray:POST /TraceSegments"), "{body}");
    for operation in ["codedeploy:CreateApplication", "lambda:GetFunction", "s3:PutObject", "xray:POST /TraceSegments"]
    {
        let called = served.called().await;
        assert_eq!((called.operation.as_str(), called.error.as_deref()), (operation, Some("not simulated")));
    }
}

/// A free port that is followed by enough free ports. Nothing reserves them, so this is a guess, and the test tries
/// another one if it is wrong.
async fn served_at_fixed_ports() -> (Served, Endpoints, u16) {
    for _ in 0..20 {
        let first = fastrand::u16(20_000..30_000);
        let listen = Some(std::net::SocketAddr::from(([127, 0, 0, 1], first)));
        let (sender, events) = unbounded_channel();
        let (scenario, mut serving) = (Scenario::named("healthy").unwrap(), JoinSet::new());
        serving.spawn(async move {
            // If a port is taken, the channel is closed.
            let _ = serve(&scenario, &ServeOptions { listen, ..ServeOptions::default() }, sender).await;
        });
        let mut served = Served { events, _serving: serving };
        if let Some(ServeEvent::Open(endpoints)) = served.events.recv().await {
            return (served, endpoints, first);
        }
    }
    panic!("no free ports");
}

#[tokio::test]
async fn the_ports_are_those_that_the_caller_fixes() {
    let (mut served, endpoints, first) = served_at_fixed_ports().await;
    assert_eq!(endpoints.aws, format!("http://127.0.0.1:{first}"));
    assert_eq!(endpoints.production, format!("http://localhost:{}", first + 1));
    assert_eq!(endpoints.test, Some(format!("http://localhost:{}", first + 2)));
    assert_eq!(endpoints.runtime_apis["AfterAllowTraffic"], format!("127.0.0.1:{}", first + 7));
    let waiting = served.waiting().await;
    assert_eq!(waiting.runtime_api, format!("127.0.0.1:{}", first + 3));
    assert_eq!(next_event(&waiting).await, waiting.event);
    let (head, _) = send_request(&format!("127.0.0.1:{}", first + 1), "GET", "/", "", "").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[test]
fn the_event_is_json_and_not_a_text_with_json() {
    let waiting = HookWaiting {
        hook: Hook::AfterInstall,
        function: "smoke".into(),
        deployment: "d-1".into(),
        execution: "e".into(),
        event: r#"{"DeploymentId":"d-1"}"#.into(),
        runtime_api: "127.0.0.1:1".into(),
        access_key: "ASIAAFTERINSTALL".into(),
        timeout: Duration::from_secs(60),
    };
    let line = serde_json::to_value(&waiting).unwrap();
    assert_eq!((&line["payload"]["DeploymentId"], &line["timeout_ms"]), (&json!("d-1"), &json!(60_000)));
}

async fn ecs(endpoints: &Endpoints, operation: &str, input: Value) -> Value {
    let operation = format!("AmazonEC2ContainerServiceV20141113.{operation}");
    send_signed(endpoints, "rehearsal", "aws-sdk-js/3", &operation, input).await
}

/// Registers a task definition and creates a deployment with it, as AWS's deploy action and `aws ecs deploy` do.
async fn deploy(endpoints: &Endpoints, hooks: Value) -> Value {
    let input = json!({
        "family": "mine",
        "containerDefinitions": [{ "name": "web", "image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/mine:2.0.0" }],
    });
    let registered = ecs(endpoints, "RegisterTaskDefinition", input).await;
    let content = json!({
        "version": 0.0,
        "Resources": [{ "TargetService": { "Type": "AWS::ECS::Service", "Properties": {
            "TaskDefinition": registered["taskDefinition"]["taskDefinitionArn"],
            "LoadBalancerInfo": { "ContainerName": "web", "ContainerPort": 8080 },
        } } }],
        "Hooks": hooks,
    });
    let revision = json!({ "revisionType": "AppSpecContent", "appSpecContent": { "content": content.to_string(), "sha256": "x" } });
    let input = json!({ "applicationName": "shop", "deploymentGroupName": "web", "revision": revision });
    codedeploy(endpoints, "CreateDeployment", input).await
}

async fn deployment_status(endpoints: &Endpoints, id: &Value) -> String {
    let seen = codedeploy(endpoints, "GetDeployment", json!({ "deploymentId": id })).await;
    seen["deploymentInfo"]["status"].as_str().unwrap().to_owned()
}

fn awaiting() -> ServeOptions {
    ServeOptions { await_deployment: true, ..ServeOptions::default() }
}

#[tokio::test]
async fn a_client_creates_a_deployment_whose_hooks_wait_and_its_version_serves_customers() {
    let mut served = Served::with_options("healthy", awaiting());
    let endpoints = served.open().await;
    let created = deploy(&endpoints, json!([{ "AfterAllowTestTraffic": "shop-smoke" }])).await;
    let waiting = served.waiting().await;
    assert_eq!(created["deploymentId"], json!(waiting.deployment));
    assert_eq!((waiting.hook, waiting.function.as_str()), (Hook::AfterAllowTestTraffic, "shop-smoke"));
    let second = deploy(&endpoints, json!([])).await;
    assert_eq!(second["__type"], "DeploymentLimitExceededException");
    put_status(&endpoints, &waiting, "Succeeded").await;
    assert_eq!(served.ended().await, DeploymentOutcome::Succeeded);
    assert_eq!(deployment_status(&endpoints, &created["deploymentId"]).await, "Succeeded");
    let production = endpoints.production.strip_prefix("http://").unwrap();
    assert!(send_request(production, "GET", "/", "", "").await.1.contains("2.0.0"));
}

#[tokio::test]
async fn a_deployment_without_hooks_runs_through_and_the_next_one_can_follow() {
    let mut served = Served::with_options("healthy", awaiting());
    let endpoints = served.open().await;
    for _ in 0..2 {
        let created = deploy(&endpoints, json!([])).await;
        assert!(created["deploymentId"].is_string(), "{created}");
        assert_eq!(served.ended().await, DeploymentOutcome::Succeeded);
        assert_eq!(deployment_status(&endpoints, &created["deploymentId"]).await, "Succeeded");
    }
}

#[tokio::test]
async fn a_client_stops_a_deployment_with_or_without_a_rollback() {
    for roll_back in [false, true] {
        let mut served = Served::new("healthy", Hook::AfterInstall);
        let endpoints = served.open().await;
        let waiting = served.waiting().await;
        let input = json!({ "deploymentId": waiting.deployment, "autoRollbackEnabled": roll_back });
        let stopped = codedeploy(&endpoints, "StopDeployment", input.clone()).await;
        assert_eq!(stopped["status"], "Pending", "{stopped}");
        assert_eq!(served.ended().await, DeploymentOutcome::Stopped);
        assert_eq!(deployment_status(&endpoints, &json!(waiting.deployment)).await, "Stopped");
        let listed = codedeploy(&endpoints, "ListDeployments", json!({ "applicationName": "shop" })).await;
        assert_eq!(listed["deployments"].as_array().unwrap().len(), if roll_back { 2 } else { 1 });
        let again = codedeploy(&endpoints, "StopDeployment", input).await;
        assert_eq!(again["__type"], "DeploymentAlreadyCompletedException");
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ids() {
    let (mut one, mut other) =
        (Served::new("healthy", Hook::BeforeInstall), Served::new("healthy", Hook::BeforeInstall));
    let (one, other) = (one.waiting().await, other.waiting().await);
    assert_eq!((one.deployment, one.event), (other.deployment, other.event));
}
