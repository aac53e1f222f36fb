//! Keeps a scenario's world running for a user's own hook, the AWS CLI, or any other client.
//!
//! CodeDeploy is simulated as in a rehearsal, but the five programs are not started. Anyone who knows the event can put
//! the status of a hook, and a program that polls the hook's Lambda Runtime API gets the event.

mod events;
mod runtime_api;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

use anyhow::Context;
use lifecycle::{Hook, Status};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    time::interval,
};

pub use self::events::{AwsCall, Endpoints, FunctionReturned, HookWaiting, ServeEvent};
use self::runtime_api::DeveloperRuntimeApi;
use crate::{
    codedeploy::{SimulatedCodeDeploy, SimulatedEnvironment},
    fake_aws::{FakeAws, Recorder},
    lambda::{FunctionName, InvocationResult, Invoker},
    report::{EventKind, RehearsalEvent},
    scenario::Scenario,
    world::REGION,
};

/// CodeDeploy waits an hour for a hook's status. Here it waits for a developer, so this is a working day and the night
/// after it.
const HOOK_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
/// How often calls are reported. A person does not notice the delay.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Runs a scenario's deployment up to a hook, and then waits until someone puts the status of this hook and of those
/// that follow. Events are sent as they happen. After the deployment the world stays as it is.
///
/// The hooks before `at` get *Succeeded* at once. This function never returns on its own; dropping the future closes
/// everything.
///
/// # Errors
/// If loopback has no free port.
pub async fn serve(
    scenario: &Scenario,
    at: Hook,
    seed: Option<u64>,
    events: UnboundedSender<ServeEvent>,
) -> anyhow::Result<Infallible> {
    let recorder = Recorder::default();
    let environment = SimulatedEnvironment::open(scenario, seed, Some(recorder.clone())).await?;
    let scenario = Scenario { hook_timeout: HOOK_TIMEOUT, ..scenario.clone() };
    let (returned, mut returns) = unbounded_channel();
    let mut runtime_apis = BTreeMap::new();
    for hook in Hook::ALL {
        let runtime_api = DeveloperRuntimeApi::open(hook, scenario.timeout, environment.aws.clone(), returned.clone());
        runtime_apis.insert(hook, runtime_api.await.context("no free port on loopback for a Lambda Runtime API")?);
    }
    let (wait, waiting) = unbounded_channel();
    let mut event_sender = ServeEventSender { events, waiting, recorder };
    event_sender.send(ServeEvent::Open(endpoints(&environment, &scenario)));

    let functions = ExternalFunctions { at, aws: environment.aws.clone(), runtime_apis, wait };
    // The sender is kept alive: nothing writes lines here, and the simulated CodeDeploy would treat a closed channel as
    // one that is ready.
    let (_no_lines, lines) = unbounded_channel();
    let (moment, mut moments) = unbounded_channel();
    let simulation = SimulatedCodeDeploy::new(environment.aws.clone(), functions, lines, moment, &scenario);
    let mut playing = std::pin::pin!(async {
        let played = simulation.run(&scenario).await;
        // An error is returned. After a successful end, this future waits forever.
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

fn endpoints(environment: &SimulatedEnvironment, scenario: &Scenario) -> Endpoints {
    let [production, test] = environment.listeners;
    let scheme = if scenario.initial.load_balancer.certificate.is_some() { "https" } else { "http" };
    let mut env = scenario.env.clone();
    if let Some(authority) = environment.authority() {
        env.entry("SSL_CERT_FILE".to_owned()).or_insert_with(|| authority.display().to_string());
    }
    Endpoints {
        aws: environment.endpoint.clone(),
        region: REGION,
        production: format!("{scheme}://localhost:{production}"),
        test: scenario.initial.test_listener.then(|| format!("{scheme}://localhost:{test}")),
        env,
        seed: environment.seed,
    }
}

/// Sends events in the order in which a person wants to read them.
struct ServeEventSender {
    events: UnboundedSender<ServeEvent>,
    waiting: UnboundedReceiver<HookWaiting>,
    recorder: Recorder,
}

impl ServeEventSender {
    fn send(&self, event: ServeEvent) {
        // An error means that nothing receives the events, which is allowed.
        let _ = self.events.send(event);
    }

    fn send_calls(&self) {
        for exchange in self.recorder.take() {
            self.send(ServeEvent::AwsCall(AwsCall::new(&exchange)));
        }
    }

    fn send_rehearsal_event(&mut self, moment: RehearsalEvent) {
        self.send_calls();
        let invoked = matches!(moment.kind, EventKind::HookInvoked { .. });
        self.send(ServeEvent::Rehearsal(moment));
        // A hook before `at` does not wait.
        if invoked && let Ok(waiting) = self.waiting.try_recv() {
            self.send(ServeEvent::HookWaiting(waiting));
        }
    }

    fn send_returned(&self, returned: FunctionReturned) {
        self.send_calls();
        self.send(ServeEvent::FunctionReturned(returned));
    }
}

/// Functions that users run themselves. Any client can put the status of a hook.
struct ExternalFunctions {
    at: Hook,
    aws: Arc<FakeAws>,
    runtime_apis: BTreeMap<Hook, DeveloperRuntimeApi>,
    wait: UnboundedSender<HookWaiting>,
}

impl Invoker for ExternalFunctions {
    async fn invoke(
        &mut self,
        function: FunctionName,
        payload: Vec<u8>,
        _: Duration,
    ) -> anyhow::Result<oneshot::Receiver<InvocationResult>> {
        // No invocation fails here, so the on-failure handler is never needed.
        let FunctionName::Hook(hook) = function else {
            anyhow::bail!("{function} cannot be invoked in a served world")
        };
        let event = String::from_utf8(payload).context("the event must be JSON")?;
        let ids: BTreeMap<String, String> = serde_json::from_str(&event).context("the event must have two strings")?;
        let id = |key: &str| ids.get(key).cloned().unwrap_or_default();
        let (deployment, execution) = (id("DeploymentId"), id("LifecycleEventHookExecutionId"));
        if hook < self.at {
            let put = self.aws.put_status_for(Some(function), &deployment, &execution, Status::Succeeded);
            put.map_err(|fault| anyhow::anyhow!("cannot put Succeeded for {hook}: {fault:?}"))?;
        } else if let Some(runtime_api) = self.runtime_apis.get(&hook) {
            runtime_api.set_event(event.clone(), execution.clone());
            let runtime_api = runtime_api.runtime_api();
            // An error means that nothing receives the events, which is allowed.
            let _ = self.wait.send(HookWaiting { hook, deployment, execution, event, runtime_api });
        }
        // Report success, as if the function had returned: only the status that is put matters.
        let (ended, receiver) = oneshot::channel();
        let _ = ended.send(InvocationResult::Success(serde_json::Value::Null));
        Ok(receiver)
    }
}
