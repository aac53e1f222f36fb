//! One deployment in progress: what its steps share.

use std::{
    collections::BTreeMap,
    sync::MutexGuard,
    time::{Duration, Instant},
};

use lifecycle::Hook;
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender},
        watch,
    },
    time::sleep,
};

use crate::{
    codedeploy::{
        event_sender::EventSender,
        hook_event::hook_event,
        invocations::{BackgroundInvocations, Invocation, InvocationProgress, ProcessRun},
        simulated_codedeploy::SimulatedCodeDeploy,
        tracked_execution::{PendingRedelivery, TrackedExecution},
    },
    fake_aws::RequestedDeployment,
    lambda::{FunctionName, Invoker},
    report::{EventKind, RehearsalEvent},
    scenario::{AppSpec, HookTarget, ScenarioDeployment},
    world::World,
};

/// A deployment in progress.
pub(super) struct DeploymentRun<'a, F> {
    pub codedeploy: &'a SimulatedCodeDeploy<F>,
    pub scenario_deployment: &'a ScenarioDeployment,
    /// The index of its service in the account.
    pub service: usize,
    /// Its number, and the number of deployments.
    pub number: (usize, usize),
    pub event_sender: EventSender,
    pub lines: UnboundedReceiver<(FunctionName, String)>,
    /// Invocations that still run.
    pub invocations: BackgroundInvocations<'a>,
    pub deployment: String,
    /// The deployment that a client created. `None` if the scenario creates it.
    pub requested: Option<RequestedDeployment>,
    /// The function to invoke at each event, where it is not the event's own.
    pub targets: BTreeMap<Hook, HookTarget>,
    /// The AppSpec file of the user, if there is one.
    pub appspec_file: Option<AppSpec>,
    pub executions: BTreeMap<Hook, TrackedExecution>,
    /// The event that Lambda delivered a second time.
    pub redelivery: Option<PendingRedelivery>,
}

impl<'a, F: Invoker> DeploymentRun<'a, F> {
    pub fn new(
        codedeploy: &'a SimulatedCodeDeploy<F>,
        scenario_deployment: &'a ScenarioDeployment,
        service: usize,
        number: (usize, usize),
        events: UnboundedSender<RehearsalEvent>,
    ) -> Self {
        Self {
            lines: codedeploy.log_broadcast.subscribe(),
            codedeploy,
            scenario_deployment,
            service,
            number,
            event_sender: EventSender { events, created: Instant::now() },
            invocations: BackgroundInvocations::default(),
            deployment: String::new(),
            requested: None,
            targets: codedeploy.appspec.clone(),
            appspec_file: codedeploy.appspec_file.clone(),
            executions: BTreeMap::new(),
            redelivery: None,
        }
    }

    /// The same run for a deployment that a client has created.
    pub fn of_client(self, requested: RequestedDeployment, targets: BTreeMap<Hook, HookTarget>) -> Self {
        Self { appspec_file: Some(requested.appspec.clone()), requested: Some(requested), targets, ..self }
    }

    /// Whether a client has requested to stop the deployment.
    pub fn is_stop_requested(&self) -> bool {
        self.codedeploy.aws.client_requests.stopped(&self.deployment).is_some()
    }

    pub fn world(&self) -> MutexGuard<'a, World> {
        self.codedeploy.aws.world_at(self.service)
    }

    pub fn send_event(&self, what: EventKind) {
        self.event_sender.send(what);
    }

    /// Invokes a function with the event of a hook's execution, asynchronously as CodeDeploy does.
    pub async fn invoke(
        &mut self,
        hook: Hook,
        function: FunctionName,
        execution: &str,
    ) -> anyhow::Result<watch::Receiver<InvocationProgress>> {
        let payload = hook_event(&self.deployment, execution);
        let (simulation, limit) = (self.codedeploy, self.codedeploy.timeout);
        let mut functions = simulation.functions.lock().await;
        let ran = vec![ProcessRun::start(function, limit)];
        let end = functions.invoke(function, payload.clone(), limit).await?;
        drop(functions);
        let (progress, seen) =
            watch::channel(InvocationProgress { runs: ran, ended: None, on_failure: None, finished: false });
        let invocation = Invocation { hook, function, deployment: self.deployment.clone(), payload };
        self.invocations.add(invocation.run_to_completion(simulation, end, self.event_sender.clone(), progress));
        Ok(seen)
    }

    /// Waits while the invocations in the background continue.
    pub async fn pause(&mut self, span: Duration) -> anyhow::Result<()> {
        tokio::select! {
            worked = self.invocations.run_until_one_ends() => worked,
            () = sleep(span) => Ok(()),
        }
    }

    /// Sends the events that the scenario made happen in the world.
    pub fn emit_world_events(&self) {
        let news = self.world().drain_events();
        for news in news {
            self.send_event(EventKind::WorldChanged { text: news.text });
        }
    }
}
