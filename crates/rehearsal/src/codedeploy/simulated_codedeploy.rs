//! What all deployments of a scenario share.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use lifecycle::Hook;
use tokio::sync::{Mutex, mpsc::UnboundedSender};

use crate::{
    codedeploy::log_broadcast::LogBroadcast,
    fake_aws::{FakeAws, StatusPut},
    lambda::{FunctionName, LogLines},
    report::{AnsweredBy, RehearsalEvent},
    scenario::{AppSpec, HookTarget, InjectedFault, Scenario},
};

/// How often the simulation reads the world. The delay is too short to notice, and the load on the machine is
/// negligible.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The state of the simulation.
pub(crate) struct SimulatedCodeDeploy<F> {
    pub(super) aws: Arc<FakeAws>,
    pub(super) functions: Mutex<F>,
    pub(super) log_broadcast: LogBroadcast,
    pub(super) events: UnboundedSender<RehearsalEvent>,
    pub(super) appspec: BTreeMap<Hook, HookTarget>,
    /// The AppSpec file of the user, if there is one.
    pub(super) appspec_file: Option<AppSpec>,
    /// Whether the on-failure handler is the on-failure destination of the hook functions.
    pub(super) on_failure: bool,
    pub(super) faults: Vec<InjectedFault>,
    /// Functions whose process is killed before its timeout.
    pub(super) killed_functions: BTreeSet<FunctionName>,
    pub(super) hook_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) seed: u64,
}

impl<F> SimulatedCodeDeploy<F> {
    pub fn new(
        cloud: Arc<FakeAws>,
        functions: F,
        lines: LogLines,
        events: UnboundedSender<RehearsalEvent>,
        scenario: &Scenario,
    ) -> Self {
        let (hook_timeout, timeout, appspec) = (scenario.hook_timeout, scenario.timeout, scenario.appspec.clone());
        let (functions, log_broadcast) = (Mutex::new(functions), LogBroadcast::new(lines));
        let (on_failure, faults) = (scenario.on_failure, scenario.faults.clone());
        let killed_functions = scenario.killed.iter().map(|killed| killed.function).collect();
        Self {
            aws: cloud,
            functions,
            log_broadcast,
            events,
            appspec,
            appspec_file: None,
            on_failure,
            faults,
            killed_functions,
            hook_timeout,
            timeout,
            seed: 0,
        }
    }

    /// The same with an AppSpec file of the user, and the functions to invoke where they are not the events' own.
    pub fn with_appspec(self, file: Option<AppSpec>, targets: BTreeMap<Hook, HookTarget>) -> Self {
        Self { appspec: targets, appspec_file: file, ..self }
    }

    /// Who put the status that CodeDeploy accepted for a hook of a deployment. Every function except the on-failure
    /// handler counts as the hook.
    pub(super) fn who_answered(&self, deployment: &str, hook: Hook) -> AnsweredBy {
        let puts = self.puts(deployment, hook, Instant::now());
        match puts.iter().find(|put| put.took_effect).map(|put| put.by) {
            Some(Some(FunctionName::OnFailure)) => AnsweredBy::OnFailureHandler,
            Some(_) => AnsweredBy::Hook,
            None => AnsweredBy::Nobody,
        }
    }

    /// Every status that was put for a hook of a deployment, with the time since `since`.
    pub(super) fn puts(&self, deployment: &str, hook: Hook, since: Instant) -> Vec<StatusPut> {
        let mut puts = self.aws.puts(since);
        puts.retain(|put| {
            put.deployment.as_deref() == Some(deployment) && put.event.as_deref() == Some(hook.event_name())
        });
        puts
    }
}
