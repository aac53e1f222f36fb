//! Simulates CodeDeploy: runs the lifecycle events in order, invokes the hooks, waits for their status, rolls back.

mod deployment_run;
mod environment;
mod event_sender;
mod execution_record;
mod expectations;
mod hook_event;
mod hook_run;
mod hook_summary;
pub(crate) mod invariants;
mod invocations;
mod lifecycle_events;
mod log_broadcast;
mod redelivery;
mod simulated_codedeploy;
mod tracked_execution;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, convert::Infallible};

use futures_util::future::join_all;
use lifecycle::Hook;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use self::deployment_run::DeploymentRun;
pub(crate) use self::{
    environment::{FixedPorts, SimulatedEnvironment, no_port},
    hook_event::hook_event,
    simulated_codedeploy::SimulatedCodeDeploy,
};
use crate::{
    Options,
    lambda::{Invoker, ProcessPool, Setup},
    report::{DeploymentReport, RehearsalEvent, Report},
    scenario::{AppSpec, HookTarget, Scenario},
};

/// Runs a scenario with the real programs. Sends events as they happen; the receiver may be closed.
///
/// Dropping the future kills all processes.
///
/// # Errors
/// The rehearsal cannot run: a program is missing or does not start, or there is no free port.
pub async fn rehearse(
    scenario: &Scenario,
    options: &Options,
    events: UnboundedSender<RehearsalEvent>,
) -> anyhow::Result<Report> {
    let scenario = options.gate.as_ref().map_or_else(|| scenario.clone(), |trial| scenario.with_trial(trial));
    let scenario = &match &options.appspec {
        Some(file) => Scenario { appspec: file.hook_targets(), ..scenario },
        None => scenario,
    };
    let environment = SimulatedEnvironment::open(scenario, options.seed, options.recorder.clone()).await?;
    let setup = setup(scenario, &environment)?;
    let (processes, lines) = ProcessPool::start(&options.binaries, &setup).await?;
    let simulation = SimulatedCodeDeploy::new(environment.aws.clone(), processes, lines, events, scenario);
    SimulatedCodeDeploy { seed: environment.seed, appspec_file: options.appspec.clone(), ..simulation }
        .run(scenario)
        .await
}

/// The settings of our programs in a scenario.
pub(crate) fn setup(scenario: &Scenario, environment: &SimulatedEnvironment) -> anyhow::Result<Setup> {
    let mut env = scenario.env.clone();
    // A scenario that sets the location of its gate file has also put the file there.
    if !env.keys().any(|name| name.starts_with("GREENLIGHT_GATE_")) {
        env.insert("GREENLIGHT_GATE".into(), scenario.gate_text()?);
    }
    if let Some(authority) = environment.authority().and_then(std::path::Path::to_str) {
        env.entry("SSL_CERT_FILE".into()).or_insert_with(|| authority.to_owned());
    }
    let killed = scenario.killed.iter().map(|killed| (killed.function, killed.after)).collect();
    Ok(Setup { endpoint: environment.endpoint.clone(), env, killed, ..Setup::default() })
}

impl<F: Invoker> SimulatedCodeDeploy<F> {
    pub async fn run(self, scenario: &Scenario) -> anyhow::Result<Report> {
        let playing = async {
            if scenario.concurrent {
                self.run_concurrently(scenario).await
            } else {
                self.run_sequentially(scenario).await
            }
        };
        let deployments = tokio::select! {
            deployments = playing => deployments?,
            never = self.log_broadcast.run() => match never {},
        };
        Ok(Report {
            scenario: scenario.name.clone(),
            about: scenario.about.clone(),
            is_trial: scenario.deployments.iter().any(|one| one.is_trial),
            seed: self.seed,
            deployments,
            calls: self.aws.calls(),
            unknown_operations: self.aws.unknown_operations(),
            logs: self.log_broadcast.close(),
        })
    }

    /// Runs the scenario's deployments, unless clients create them, and then every deployment that a client creates.
    /// `wire` is called before each of those, and returns the functions that it invokes. Returns only an error.
    pub async fn run_with_clients(
        &self,
        scenario: &Scenario,
        await_deployment: bool,
        mut wire: impl FnMut(&AppSpec) -> BTreeMap<Hook, HookTarget>,
    ) -> anyhow::Result<Infallible> {
        let playing = async {
            let mut number = 0;
            if !await_deployment {
                number = scenario.deployments.len();
                self.run_sequentially(scenario).await?;
            }
            loop {
                let requested = self.aws.client_requests.next_deployment().await;
                number += 1;
                // After the scenario's last deployment, the world goes on reacting as to that one.
                let of_scenario = number.min(scenario.deployments.len());
                let targets = wire(&requested.appspec);
                let run = self.deployment_run(scenario, of_scenario, self.events.clone());
                let run = DeploymentRun { number: (number, scenario.deployments.len().max(number)), ..run };
                run.of_client(requested, targets).deploy().await?;
            }
        };
        tokio::select! {
            ended = playing => ended,
            never = self.log_broadcast.run() => match never {},
        }
    }

    async fn run_sequentially(&self, scenario: &Scenario) -> anyhow::Result<Vec<DeploymentReport>> {
        let mut deployments = Vec::new();
        for number in 1..=scenario.deployments.len() {
            deployments.push(self.deployment_run(scenario, number, self.events.clone()).deploy().await?);
        }
        Ok(deployments)
    }

    /// Runs all deployments at the same time, but sends their events one deployment after the other, so that a reader
    /// can follow them.
    async fn run_concurrently(&self, scenario: &Scenario) -> anyhow::Result<Vec<DeploymentReport>> {
        let (mut tracks, mut later) = (vec![self.deployment_run(scenario, 1, self.events.clone())], Vec::new());
        for number in 2..=scenario.deployments.len() {
            let (moments, receiver) = unbounded_channel();
            tracks.push(self.deployment_run(scenario, number, moments));
            later.push(receiver);
        }
        let ended = join_all(tracks.into_iter().map(DeploymentRun::deploy)).await;
        for mut kept in later {
            while let Some(moment) = kept.recv().await {
                // The receiver may be closed.
                let _ = self.events.send(moment);
            }
        }
        ended.into_iter().collect()
    }

    fn deployment_run<'a>(
        &'a self,
        scenario: &'a Scenario,
        number: usize,
        events: UnboundedSender<RehearsalEvent>,
    ) -> DeploymentRun<'a, F> {
        let scenario_deployment = &scenario.deployments[number - 1];
        let service =
            scenario.services().iter().position(|service| *service == scenario_deployment.service).unwrap_or(0);
        DeploymentRun::new(self, scenario_deployment, service, (number, scenario.deployments.len()), events)
    }
}
