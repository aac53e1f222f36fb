//! A scenario's world that stays up, for somebody's own hook, the AWS CLI, or any other client.
//!
//! The director plays CodeDeploy as in a rehearsal. In place of the five programs there is whoever comes: the status of
//! a hook can be put by anybody who knows the event, and a program that polls the hook's Lambda Runtime API gets it.

mod runtime_api;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

use anyhow::Context;
use serde::Serialize;
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    time::interval,
};

use self::runtime_api::DeveloperRuntimeApi;
use crate::{
    aws::{Exchange, FakeAws, Recorder, SentReply},
    codedeploy::{SimulatedCodeDeploy, SimulatedEnvironment},
    function_name::FunctionName,
    hook_name::HookName,
    lambda::{InvocationResult, Invoker},
    report::{EventKind, RehearsalEvent},
    scenario::Scenario,
    world::REGION,
};

/// A developer is asked, not a function: the hour is as long as a working day and the night after it.
const HOOK_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
/// How often calls are told. Nobody sees the difference.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What there is to tell of a world that is served.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum ServeEvent {
    /// It is up. Always the first.
    Open(Endpoints),
    /// The deployment goes on.
    Rehearsal(RehearsalEvent),
    /// A hook's answer is waited for.
    HookWaiting(HookWaiting),
    /// An AWS operation was called.
    AwsCall(AwsCall),
    /// A function that polls for a hook's events has returned.
    FunctionReturned(FunctionReturned),
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoints {
    /// All of AWS: what `AWS_ENDPOINT_URL` has to be.
    pub aws: String,
    /// The AWS region in which the world is.
    pub region: &'static str,
    /// The service, as its customers see it.
    pub production: String,
    /// The service behind the test listener, if there is one.
    pub test: Option<String>,
    /// What the scenario adds to the functions' environment.
    pub env: BTreeMap<String, String>,
    /// What ids are made from.
    pub seed: u64,
}

/// A hook that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookWaiting {
    /// Which hook.
    pub hook: HookName,
    /// The deployment's id.
    pub deployment: String,
    /// The event that CodeDeploy sends, as JSON.
    #[serde(rename = "payload")]
    pub event: String,
    /// What `AWS_LAMBDA_RUNTIME_API` has to be for a program that is to get it.
    pub runtime_api: String,
}

/// An AWS operation that was called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AwsCall {
    /// `service:Operation`.
    pub operation: String,
    /// Who called, as it calls itself: `aws-cli/2.31.0`.
    pub caller: String,
    /// The code of the error that it got, or in words why it got nothing; none when all went well.
    pub error: Option<String>,
}

/// A function that polls for a hook's events has returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionReturned {
    /// Which hook it stands for.
    pub hook: HookName,
    /// The error that it returned, as `type: message`.
    pub error: Option<String>,
    /// Nobody has answered yet: it gets the event again so much later.
    #[serde(rename = "again_in_ms", serialize_with = "millis")]
    pub redelivered_in: Option<Duration>,
}

fn millis<S: serde::Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)).serialize(serializer)
}

/// Takes a scenario's deployment to a hook, and then waits for whoever answers for it and for those that follow. What
/// happens is told as it does. When the deployment is over the world stays as it is.
///
/// The hooks before `at` are answered with Succeeded at once. This never ends by itself; dropping the future closes
/// everything.
///
/// # Errors
/// There is no free port on loopback.
pub async fn serve(
    scenario: &Scenario,
    at: HookName,
    seed: Option<u64>,
    events: UnboundedSender<ServeEvent>,
) -> anyhow::Result<Infallible> {
    let recorder = Recorder::default();
    let scene = SimulatedEnvironment::open(scenario, seed, Some(recorder.clone())).await?;
    let scenario = Scenario { hook_timeout: HOOK_TIMEOUT, ..scenario.clone() };
    let (returned, mut returns) = unbounded_channel();
    let mut runtime_apis = BTreeMap::new();
    for hook in HookName::ALL {
        let desk = DeveloperRuntimeApi::open(hook, scenario.timeout, scene.aws.clone(), returned.clone());
        runtime_apis.insert(hook, desk.await.context("no free port on loopback for a Lambda Runtime API")?);
    }
    let (wait, waiting) = unbounded_channel();
    let mut event_sender = ServeEventSender { events, waiting, recorder };
    event_sender.send(ServeEvent::Open(endpoints(&scene, &scenario)));

    let functions = ExternalFunctions { at, aws: scene.aws.clone(), runtime_apis, wait };
    // Held, since nobody writes a line here and the director would take a closed channel for one that has something.
    let (_no_lines, lines) = unbounded_channel();
    let (moment, mut moments) = unbounded_channel();
    let director = SimulatedCodeDeploy::new(scene.aws.clone(), functions, lines, moment, &scenario);
    let mut playing = std::pin::pin!(async {
        let played = director.run(&scenario).await;
        // A failure is told; after a good end nothing more happens here.
        match played {
            Ok(_) => std::future::pending::<anyhow::Result<Infallible>>().await,
            Err(error) => Err(error),
        }
    });
    let mut ticks = interval(POLL_INTERVAL);
    loop {
        tokio::select! {
            biased;
            Some(moment) = moments.recv() => event_sender.send_rehearsal_event(moment),
            Some(returned) = returns.recv() => event_sender.send_returned(returned),
            failed = &mut playing => return failed,
            _ = ticks.tick() => event_sender.send_calls(),
        }
    }
}

fn endpoints(scene: &SimulatedEnvironment, scenario: &Scenario) -> Endpoints {
    let [production, test] = scene.listeners;
    let scheme = if scenario.initial.load_balancer.certificate.is_some() { "https" } else { "http" };
    let mut env = scenario.env.clone();
    if let Some(authority) = scene.authority() {
        env.entry("SSL_CERT_FILE".to_owned()).or_insert_with(|| authority.display().to_string());
    }
    Endpoints {
        aws: scene.endpoint.clone(),
        region: REGION,
        production: format!("{scheme}://localhost:{production}"),
        test: scenario.initial.test_listener.then(|| format!("{scheme}://localhost:{test}")),
        env,
        seed: scene.seed,
    }
}

/// Tells things in the order in which a person wants to read them.
struct ServeEventSender {
    events: UnboundedSender<ServeEvent>,
    waiting: UnboundedReceiver<HookWaiting>,
    recorder: Recorder,
}

impl ServeEventSender {
    fn send(&self, told: ServeEvent) {
        // Nobody has to listen.
        let _ = self.events.send(told);
    }

    fn send_calls(&self) {
        for exchange in self.recorder.take() {
            self.send(ServeEvent::AwsCall(aws_call(&exchange)));
        }
    }

    fn send_rehearsal_event(&mut self, moment: RehearsalEvent) {
        self.send_calls();
        let invoked = matches!(moment.kind, EventKind::HookInvoked { .. });
        self.send(ServeEvent::Rehearsal(moment));
        // A hook that was passed over waits for nobody.
        if invoked && let Ok(waiting) = self.waiting.try_recv() {
            self.send(ServeEvent::HookWaiting(waiting));
        }
    }

    fn send_returned(&self, returned: FunctionReturned) {
        self.send_calls();
        self.send(ServeEvent::FunctionReturned(returned));
    }
}

fn aws_call(exchange: &Exchange) -> AwsCall {
    let agent = exchange.request.headers.get("user-agent").map(String::as_str).unwrap_or_default();
    AwsCall {
        operation: exchange.operation.clone(),
        caller: agent.split_whitespace().next().unwrap_or("unknown").to_owned(),
        error: match &exchange.reply {
            None => Some("nothing came back".to_owned()),
            Some(reply) if reply.damaged => Some("the reply was damaged".to_owned()),
            Some(reply) if reply.status >= 400 => Some(error_code(reply)),
            Some(_) => None,
        },
    }
}

/// The code of an error in any of the protocols, else the status.
fn error_code(reply: &SentReply) -> String {
    let json =
        || Some(serde_json::from_slice::<serde_json::Value>(&reply.body).ok()?.get("__type")?.as_str()?.to_owned());
    let cbor = || {
        let value: ciborium::Value = ciborium::from_reader(&reply.body[..]).ok()?;
        let (_, code) = value.into_map().ok()?.into_iter().find(|(key, _)| key.as_text() == Some("__type"))?;
        code.into_text().ok()
    };
    let xml = || {
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        Some(text.split_once("<Code>")?.1.split_once("</Code>")?.0.to_owned())
    };
    let code = json().or_else(cbor).or_else(xml).unwrap_or_else(|| format!("status {}", reply.status));
    // A shape's name may come with its namespace.
    code.rsplit('#').next().unwrap_or_default().to_owned()
}

/// The functions are whoever comes.
struct ExternalFunctions {
    at: HookName,
    aws: Arc<FakeAws>,
    runtime_apis: BTreeMap<HookName, DeveloperRuntimeApi>,
    wait: UnboundedSender<HookWaiting>,
}

impl Invoker for ExternalFunctions {
    async fn invoke(
        &mut self,
        function: FunctionName,
        payload: Vec<u8>,
        _: Duration,
    ) -> anyhow::Result<oneshot::Receiver<InvocationResult>> {
        // Here nobody's invocation fails, so there is no work for the net.
        let FunctionName::Hook(hook) = function else { anyhow::bail!("{function} is not played here") };
        let event = String::from_utf8(payload).context("an event is JSON")?;
        let ids: BTreeMap<String, String> = serde_json::from_str(&event).context("an event has two texts")?;
        let id = |key: &str| ids.get(key).cloned().unwrap_or_default();
        let (deployment, execution) = (id("DeploymentId"), id("LifecycleEventHookExecutionId"));
        if hook < self.at {
            let put = self.aws.put_status_for(Some(function), &deployment, &execution, "Succeeded");
            put.map_err(|fault| anyhow::anyhow!("{hook} cannot be passed over: {fault:?}"))?;
        } else if let Some(desk) = self.runtime_apis.get(&hook) {
            desk.set_event(event.clone(), execution);
            let runtime_api = desk.runtime_api();
            // Nobody has to listen.
            let _ = self.wait.send(HookWaiting { hook, deployment, event, runtime_api });
        }
        // As if it had returned: only the status that is put counts.
        let (ended, receiver) = oneshot::channel();
        let _ = ended.send(InvocationResult::Success(serde_json::Value::Null));
        Ok(receiver)
    }
}
