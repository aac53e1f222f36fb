//! Keeps a scenario's world running for a user's own hook, the AWS CLI, or any other client.
//!
//! CodeDeploy is simulated as in a rehearsal, but a user's functions take the place of our programs. Anyone who knows
//! the event can put the status of a hook, and a program that polls the hook's Lambda Runtime API gets the event. A
//! client can also create a deployment, and stop it.

mod events;
mod functions;
mod runtime_api;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, convert::Infallible, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use lifecycle::Hook;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::interval,
};

pub use self::events::{AwsCall, Endpoints, FunctionReturned, HookWaiting, ServeEvent};
use self::{
    functions::{ForeignHooks, ServedFunctions},
    runtime_api::{DeveloperRuntimeApi, RuntimeApiContext},
};
use crate::{
    codedeploy::{FixedPorts, SimulatedCodeDeploy, SimulatedEnvironment, no_port, setup},
    fake_aws::Recorder,
    lambda::{FunctionName, ProcessPool},
    report::{EventKind, RehearsalEvent},
    scenario::{AppSpec, GateTrial, HookTarget, Scenario, ServedHooks},
    world::{ListenerRole, REGION},
};

/// CodeDeploy waits an hour for a hook's status. Here it waits for a developer, so this is a working day and the night
/// after it.
const HOOK_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
/// How often calls are reported. A person does not notice the delay.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How a world is served.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// The first hook to wait at. The hooks before it get *Succeeded* at once. `None` waits at every hook.
    pub at: Option<Hook>,
    /// The user's AppSpec file. Only its hooks are invoked. Those with one of our functions run our program, if
    /// `binaries` is given, and all others wait.
    pub appspec: Option<AppSpec>,
    /// Whether clients create the deployments, with their own AppSpec files. Otherwise the first one begins at once.
    pub await_deployment: bool,
    /// The folder with our six programs.
    pub binaries: Option<PathBuf>,
    /// A gate file for our programs that replaces the scenario's.
    pub gate: Option<GateTrial>,
    /// The functions' timeout; by default, the scenario's.
    pub timeout: Option<Duration>,
    /// How long CodeDeploy waits for a status; by default, a day.
    pub hook_timeout: Option<Duration>,
    /// The address and port of AWS. The production listener has the next port, then come the test listener and the
    /// Runtime APIs of the five hooks. By default, free ports of loopback.
    pub listen: Option<SocketAddr>,
    /// The seed for ids; by default, the clock.
    pub seed: Option<u64>,
}

/// Serves a scenario's world, and waits at its hooks until someone puts their status. Events are sent as they happen.
/// After the deployment the world stays as it is, and a client can create another one.
///
/// This function never returns on its own; dropping the future closes everything.
///
/// # Errors
/// If a port cannot be opened, or one of our programs does not start.
pub async fn serve(
    scenario: &Scenario,
    options: &ServeOptions,
    events: UnboundedSender<ServeEvent>,
) -> anyhow::Result<Infallible> {
    let scenario = &served_scenario(scenario, options);
    let (recorder, ports) = (Recorder::default(), FixedPorts(options.listen));
    let environment = SimulatedEnvironment::open_at(scenario, options.seed, Some(recorder.clone()), &ports).await?;
    let (returned, mut returns) = unbounded_channel();
    let killed = scenario.killed.iter().map(|killed| (killed.function, killed.after)).collect();
    let context = RuntimeApiContext { aws: environment.aws.clone(), timeout: scenario.timeout, killed, returned };
    // They outlive the deployment: a function that goes on polling must not fail.
    let runtime_apis = Arc::new(open_runtime_apis(&context, &ports).await?);
    let (wait, waiting) = unbounded_channel();
    let mut event_sender = ServeEventSender { events, waiting, recorder };
    event_sender.send(ServeEvent::Open(endpoints(&environment, scenario, &runtime_apis, &ports)));

    let has_programs = options.binaries.is_some();
    let served = match &options.appspec {
        Some(file) => file.served_hooks(has_programs),
        None => scenario_hooks(scenario),
    };
    let foreign = ForeignHooks::new(environment.aws.clone());
    foreign.set(served.foreign);
    // The sender is kept alive: without our programs nothing writes lines, and the simulated CodeDeploy would treat a
    // closed channel as one that is ready.
    let (_no_lines, no_lines) = unbounded_channel();
    let needs_programs =
        options.await_deployment || served.targets.values().any(|target| matches!(target, HookTarget::To(_)));
    let (programs, lines) = match options.binaries.as_ref().filter(|_| needs_programs) {
        Some(folder) => {
            let (programs, lines) = ProcessPool::start(folder, &setup(scenario, &environment)?).await?;
            (Some(programs), lines)
        }
        None => (None, no_lines),
    };
    let functions = ServedFunctions {
        at: options.at,
        aws: environment.aws.clone(),
        foreign: foreign.clone(),
        runtime_apis: runtime_apis.clone(),
        programs,
        timeout: scenario.timeout,
        ports,
        wait,
    };
    let (moment, mut moments) = unbounded_channel();
    let simulation = SimulatedCodeDeploy::new(environment.aws.clone(), functions, lines, moment, scenario)
        .with_appspec(options.appspec.clone(), served.targets);
    let mut playing = std::pin::pin!(simulation.run_with_clients(scenario, options.await_deployment, |file| {
        let served = file.served_hooks(has_programs);
        foreign.set(served.foreign);
        served.targets
    }));
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

/// The scenario with the options in place of its own values.
fn served_scenario(scenario: &Scenario, options: &ServeOptions) -> Scenario {
    let scenario = options.gate.as_ref().map_or_else(|| scenario.clone(), |trial| scenario.with_trial(trial));
    Scenario {
        hook_timeout: options.hook_timeout.unwrap_or(HOOK_TIMEOUT),
        timeout: options.timeout.unwrap_or(scenario.timeout),
        ..scenario
    }
}

/// The hooks of a scenario without an AppSpec file of the user: each function is a program of the user, with the name
/// of ours.
fn scenario_hooks(scenario: &Scenario) -> ServedHooks {
    let name = |hook: &Hook| match scenario.appspec.get(hook) {
        None => Some(FunctionName::from(*hook).lambda_name()),
        Some(HookTarget::To(other)) => Some(other.lambda_name()),
        Some(HookTarget::None | HookTarget::Refused(_)) => None,
    };
    let foreign = Hook::ALL.iter().filter_map(|hook| Some((*hook, name(hook)?))).collect();
    ServedHooks { targets: scenario.appspec.clone(), foreign }
}

async fn open_runtime_apis(
    context: &RuntimeApiContext,
    ports: &FixedPorts,
) -> anyhow::Result<BTreeMap<Hook, DeveloperRuntimeApi>> {
    let mut runtime_apis = BTreeMap::new();
    // The first three ports are AWS's and those of the two listeners.
    for (offset, hook) in (3..).zip(Hook::ALL) {
        let address = ports.address(offset);
        let runtime_api = DeveloperRuntimeApi::open(hook, context.clone(), address).await;
        runtime_apis.insert(hook, runtime_api.with_context(|| no_port(address, "a Lambda Runtime API"))?);
    }
    Ok(runtime_apis)
}

fn endpoints(
    environment: &SimulatedEnvironment,
    scenario: &Scenario,
    runtime_apis: &BTreeMap<Hook, DeveloperRuntimeApi>,
    ports: &FixedPorts,
) -> Endpoints {
    let [production, test] = environment.listeners;
    let balancer = &scenario.initial.load_balancer;
    let scheme = |listener| if balancer.certificate_of(listener).is_some() { "https" } else { "http" };
    let [production_scheme, test_scheme] = [ListenerRole::Production, ListenerRole::Test].map(scheme);
    let mut env = scenario.env.clone();
    if let Some(authority) = environment.authority() {
        env.entry("SSL_CERT_FILE".to_owned()).or_insert_with(|| authority.display().to_string());
    }
    let (host, world) = (ports.dns_name(), environment.aws.world());
    let reachable = |api: &DeveloperRuntimeApi| ports.reachable(api.port()).to_string();
    Endpoints {
        aws: environment.endpoint.clone(),
        region: REGION,
        production: format!("{production_scheme}://{host}:{production}"),
        test: scenario.initial.test_listener.then(|| format!("{test_scheme}://{host}:{test}")),
        runtime_apis: runtime_apis.iter().map(|(hook, api)| (hook.event_name(), reachable(api))).collect(),
        application: world.group.application.clone(),
        deployment_group: world.group.name.clone(),
        cluster: world.cluster.clone(),
        service: world.service.as_ref().map(|service| service.name.clone()),
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
