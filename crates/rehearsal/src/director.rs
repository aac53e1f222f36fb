//! Plays CodeDeploy: lifecycle events in order, hooks invoked and waited for, roll-back.

mod again;
mod backstage;
mod compare;
mod executed;
mod hook;
mod hub;
mod join;
mod scene;
mod told;
mod track;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{
    Mutex,
    mpsc::{UnboundedSender, unbounded_channel},
};

pub(crate) use self::scene::Scene;
use self::{hub::Hub, join::join_all, track::Track};
use crate::{
    Options,
    appspec::AppSpec,
    aws::Cloud,
    fault::Fault,
    function_name::FunctionName,
    gate::Gate,
    hook_name::HookName,
    report::{DeploymentReport, Moment, Report},
    runtime::{Fleet, Functions, Lines, Setup},
    scenario::{Scenario, Wired},
};

/// How often the director looks at the world. Nobody sees the difference, and a machine does not feel it.
const TICK: Duration = Duration::from_millis(20);

/// Takes a scenario through the real programs. Moments are sent as they happen; nobody has to receive them.
///
/// Dropping the future kills all processes.
///
/// # Errors
/// It could not be rehearsed: a program is missing or does not start, or there is no free port.
pub async fn rehearse(
    scenario: &Scenario,
    options: &Options,
    moments: UnboundedSender<Moment>,
) -> anyhow::Result<Report> {
    let other_gate = |text: &String| Scenario { gate: Some(Gate::Text(text.clone())), ..scenario.clone() };
    let scenario = options.gate.as_ref().map_or_else(|| scenario.clone(), other_gate);
    let scenario = &match &options.appspec {
        Some(file) => Scenario { appspec: file.wired(), ..scenario },
        None => scenario,
    };
    let scene = Scene::open(scenario, options.seed, options.recorder.clone()).await?;
    let mut env = scenario.env.clone();
    // A scenario that says where the gate file is has put it there.
    if !env.keys().any(|name| name.starts_with("GREENLIGHT_GATE_")) {
        env.insert("GREENLIGHT_GATE".into(), scenario.gate_text()?);
    }
    if let Some(authority) = scene.authority().and_then(std::path::Path::to_str) {
        env.entry("SSL_CERT_FILE".into()).or_insert_with(|| authority.to_owned());
    }
    let killed = scenario.killed.iter().map(|killed| (killed.function, killed.after)).collect();
    let setup = Setup { endpoint: scene.endpoint.clone(), env, killed, ..Setup::default() };
    let (fleet, lines) = Fleet::start(&options.binaries, &setup).await?;
    let director = Director::new(scene.cloud.clone(), fleet, lines, moments, scenario);
    Director { seed: scene.seed, file: options.appspec.clone(), ..director }.play(scenario).await
}

/// What the director keeps while it directs.
pub(crate) struct Director<F> {
    cloud: Arc<Cloud>,
    functions: Mutex<F>,
    hub: Hub,
    moments: UnboundedSender<Moment>,
    appspec: BTreeMap<HookName, Wired>,
    /// The AppSpec file, where it is somebody's own.
    file: Option<AppSpec>,
    /// Whether there is a net beneath the hooks.
    net: bool,
    faults: Vec<Fault>,
    /// Functions whose process is ended before its time.
    mortal: BTreeSet<FunctionName>,
    hour: Duration,
    timeout: Duration,
    seed: u64,
}

impl<F: Functions> Director<F> {
    pub fn new(
        cloud: Arc<Cloud>,
        functions: F,
        lines: Lines,
        moments: UnboundedSender<Moment>,
        scenario: &Scenario,
    ) -> Self {
        let (hour, timeout, appspec) = (scenario.hour, scenario.timeout, scenario.appspec.clone());
        let (functions, hub) = (Mutex::new(functions), Hub::new(lines));
        let (net, faults) = (scenario.net, scenario.faults.clone());
        let mortal = scenario.killed.iter().map(|killed| killed.function).collect();
        Self { cloud, functions, hub, moments, appspec, file: None, net, faults, mortal, hour, timeout, seed: 0 }
    }

    pub async fn play(self, scenario: &Scenario) -> anyhow::Result<Report> {
        let playing =
            async { if scenario.together { self.together(scenario).await } else { self.in_turn(scenario).await } };
        let deployments = tokio::select! {
            deployments = playing => deployments?,
            never = self.hub.run() => match never {},
        };
        Ok(Report {
            scenario: scenario.name.clone(),
            about: scenario.about.clone(),
            seed: self.seed,
            deployments,
            calls: self.cloud.calls(),
            unknown_operations: self.cloud.unknown(),
            logs: self.hub.close(),
        })
    }

    async fn in_turn(&self, scenario: &Scenario) -> anyhow::Result<Vec<DeploymentReport>> {
        let mut deployments = Vec::new();
        for number in 1..=scenario.deployments.len() {
            deployments.push(self.track(scenario, number, self.moments.clone()).deploy().await?);
        }
        Ok(deployments)
    }

    /// All at the same time. They are told one after the other all the same: nobody can follow two stories at once.
    async fn together(&self, scenario: &Scenario) -> anyhow::Result<Vec<DeploymentReport>> {
        let (mut tracks, mut later) = (vec![self.track(scenario, 1, self.moments.clone())], Vec::new());
        for number in 2..=scenario.deployments.len() {
            let (moments, kept) = unbounded_channel();
            tracks.push(self.track(scenario, number, moments));
            later.push(kept);
        }
        let ended = join_all(tracks.into_iter().map(Track::deploy)).await;
        for mut kept in later {
            while let Some(moment) = kept.recv().await {
                // Nobody has to listen.
                let _ = self.moments.send(moment);
            }
        }
        ended.into_iter().collect()
    }

    fn track<'a>(&'a self, scenario: &'a Scenario, number: usize, moments: UnboundedSender<Moment>) -> Track<'a, F> {
        let play = &scenario.deployments[number - 1];
        let service = scenario.services().iter().position(|service| *service == play.service).unwrap_or(0);
        Track::new(self, play, service, (number, scenario.deployments.len()), moments)
    }
}
