//! Scenarios: stories about one or more deployments, each with what it promises.

mod category;
mod deployment;
mod library;

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context;
use serde::Deserialize;

pub use self::{
    category::Category,
    deployment::{HookTarget, KilledFunction, OperatorStop, Platform, Redelivery, ScenarioDeployment},
};
use crate::{
    fault::InjectedFault,
    gate_file::ScenarioGate,
    hook_name::HookName,
    world::{EVENTS, InitialState, span},
};

/// A story about deployments, as it stands in a scenario file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, which is also its file's.
    pub name: String,
    /// What it is about, in one sentence.
    pub about: String,
    /// Which stories it belongs to.
    #[serde(default)]
    pub category: Category,
    /// What is different before the first deployment.
    #[serde(default)]
    pub initial: InitialState,
    /// The deployments, one after the other in the same world.
    pub deployments: Vec<ScenarioDeployment>,
    /// The deployments are made at the same time, each of a service of its own.
    #[serde(default)]
    pub concurrent: bool,
    /// Whose function the AppSpec names for an event, where that is not the event's own.
    #[serde(default)]
    pub appspec: BTreeMap<HookName, HookTarget>,
    /// What differs from the shared gate file with short windows, by hook; or the whole text of another one. In it
    /// `{more_alarms}` stands for the names of the alarms that `given: { more_alarms: … }` makes.
    #[serde(default)]
    pub gate: Option<ScenarioGate>,
    /// More environment variables for the functions.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What goes wrong between the functions and AWS.
    #[serde(default)]
    pub faults: Vec<InjectedFault>,
    /// Functions that Lambda kills while they are at work.
    #[serde(default)]
    pub killed: Vec<KilledFunction>,
    /// Whether the hooks' asynchronous invocations have an on-failure destination: the net, `on-failure`.
    #[serde(default = "default_true")]
    pub on_failure: bool,
    /// How long CodeDeploy waits for an answer. In AWS it is an hour.
    #[serde(default = "default_hook_timeout", with = "span")]
    pub hook_timeout: Duration,
    /// The functions' time-out.
    #[serde(default = "default_timeout", with = "span")]
    pub timeout: Duration,
}

fn default_true() -> bool {
    true
}

fn default_hook_timeout() -> Duration {
    Duration::from_secs(20)
}

fn default_timeout() -> Duration {
    Duration::from_secs(60)
}

impl Scenario {
    /// Reads one. `origin` names it in errors.
    ///
    /// # Errors
    /// What is wrong with it, with line and column.
    pub fn from_yaml(text: &str, origin: &str) -> anyhow::Result<Self> {
        let scenario: Self =
            serde_saphyr::from_str(text).with_context(|| format!("the scenario {origin} cannot be read"))?;
        anyhow::ensure!(!scenario.deployments.is_empty(), "the scenario {origin} has no deployments");
        for play in &scenario.deployments {
            play.behaviour.check().with_context(|| format!("the scenario {origin} cannot be played"))?;
            if let Some(again) = &play.redelivery {
                let after = &again.after;
                let known = EVENTS.contains(&after.as_str());
                anyhow::ensure!(
                    known,
                    "the scenario {origin} delivers again after {after:?}, which is no lifecycle event"
                );
            }
            if let Some(stop) = &play.stop {
                let known = EVENTS.contains(&stop.during.as_str());
                anyhow::ensure!(
                    known,
                    "the scenario {origin} stops during {:?}, which is no lifecycle event",
                    stop.during
                );
            }
        }
        let mut services = scenario.services();
        services.sort_unstable();
        let own = services.windows(2).all(|two| two[0] != two[1]);
        let count = scenario.deployments.len();
        anyhow::ensure!(
            !scenario.concurrent || (own && services.len() == count),
            "the deployments of the scenario {origin} are made together, so each needs a `service` of its own"
        );
        Ok(scenario)
    }

    /// The names of the services that are deployed, each one once.
    pub(crate) fn services(&self) -> Vec<&str> {
        let mut services = Vec::new();
        for play in &self.deployments {
            if !services.contains(&play.service.as_str()) {
                services.push(play.service.as_str());
            }
        }
        services
    }

    /// What is different before the first deployment, with the gate file where it says `{gate}`.
    pub(crate) fn initial_with_gate(&self) -> anyhow::Result<InitialState> {
        let mut initial = self.initial.clone();
        for value in initial.parameters.values_mut().chain(initial.objects.values_mut()) {
            if value == "{gate}" {
                *value = self.gate_text()?;
            }
        }
        Ok(initial)
    }

    /// Its gate file's text.
    pub(crate) fn gate_text(&self) -> anyhow::Result<String> {
        ScenarioGate::text(self.gate.as_ref(), &self.initial.other_alarms().collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_an_error_with_its_place() {
        let text = "name: x\nabout: x.\ndeployments:\n  - expect: { outcome: succeeded }\n    wordl: {}\n";
        let error = format!("{:#}", Scenario::from_yaml(text, "mine.yaml").unwrap_err());
        assert!(error.contains("mine.yaml") && error.contains("wordl") && error.contains("line 5"), "{error}");
    }

    #[test]
    fn a_scenario_without_deployments_or_with_a_strange_event_is_refused() {
        let none = "name: x\nabout: x.\ndeployments: []\n";
        assert!(Scenario::from_yaml(none, "x").is_err());
        let strange =
            "name: x\nabout: x.\ndeployments:\n  - expect: { outcome: stopped }\n    stop: { during: Lunch }\n";
        assert!(Scenario::from_yaml(strange, "x").unwrap_err().to_string().contains("Lunch"));
    }
}
