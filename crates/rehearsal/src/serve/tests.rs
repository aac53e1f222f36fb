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
        let (sender, events) = unbounded_channel();
        let (scenario, mut serving) = (Scenario::named(name).unwrap(), JoinSet::new());
        serving.spawn(async move {
            let failed = serve(&scenario, at, Some(7), sender).await;
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
    let path = "/2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-000000000002/error";
    send_request(&waiting.runtime_api, "POST", path, "", r#"{"errorType":"Odd","errorMessage":"it is odd"}"#).await;
    let returned = served.returned().await;
    assert_eq!(returned.error.as_deref(), Some("Odd: it is odd"));
    assert!(returned.redelivered_in.is_some());

    put_status(&endpoints, &waiting, "Succeeded").await;
    let path = path.replace("error", "response");
    send_request(&waiting.runtime_api, "POST", &path, "", "null").await;
    assert_eq!(
        served.returned().await,
        FunctionReturned { hook: Hook::BeforeInstall, error: None, redelivered_in: None }
    );
    // Another poll would get no event. The next hook has its own Runtime API.
    assert_ne!(served.waiting().await.runtime_api, waiting.runtime_api);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ids() {
    let (mut one, mut other) =
        (Served::new("healthy", Hook::BeforeInstall), Served::new("healthy", Hook::BeforeInstall));
    let (one, other) = (one.waiting().await, other.waiting().await);
    assert_eq!((one.deployment, one.event), (other.deployment, other.event));
}
