//! Scenarios: files that describe one or more simulated deployments and what to expect of them.

mod appspec;
mod category;
mod deployment;
mod gate_file;
mod gate_trial;
mod injected_fault;
mod library;
mod service_description;

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context;
use lifecycle::Hook;
use schemars::JsonSchema;
use serde::Deserialize;

pub use self::{
    appspec::{AppSpec, InvokeError},
    category::Category,
    deployment::{HookTarget, KilledFunction, OperatorStop, Redelivery, ScenarioDeployment},
    gate_file::ScenarioGate,
    gate_trial::{GateTrial, TrialQuestion},
    injected_fault::{FaultKind, FaultTiming, InjectedFault},
    service_description::ServiceDescription,
};
pub(crate) use self::{
    appspec::{FAILED, RevisionContent, ServedHooks},
    injected_fault::STALL,
};
use crate::{
    duration_text,
    hook_text::{self, HookKey},
    world::{EVENTS, InitialState},
};

/// A scenario, as its file describes it.
#[derive(Clone, Debug, PartialEq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, which is also the name of its file.
    pub name: String,
    /// Its subject, in one sentence.
    pub about: String,
    /// The category under which it is listed.
    #[serde(default)]
    pub category: Category,
    /// What differs from the healthy world before the first deployment.
    #[serde(default)]
    pub initial: InitialState,
    /// The deployments, one after the other in the same world.
    pub deployments: Vec<ScenarioDeployment>,
    /// Whether the deployments run at the same time. Each then needs a different service.
    #[serde(default)]
    pub concurrent: bool,
    /// The functions that the AppSpec file names, where they differ from the default.
    #[serde(default, deserialize_with = "hook_text::deserialize_map")]
    #[schemars(with = "BTreeMap<HookKey, HookTarget>")]
    pub appspec: BTreeMap<Hook, HookTarget>,
    /// What differs from the shared gate file with short windows, by hook; or the whole text of another gate file. In
    /// that text, `{more_alarms}` stands for the names of the alarms that `initial: { more_alarms: … }` creates.
    #[serde(default)]
    pub gate: Option<ScenarioGate>,
    /// More environment variables for the functions.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Faults between the functions and AWS.
    #[serde(default)]
    pub faults: Vec<InjectedFault>,
    /// Functions that Lambda kills while they run.
    #[serde(default)]
    pub killed: Vec<KilledFunction>,
    /// Whether `on-failure` is the on-failure destination of the hooks' asynchronous invocations.
    #[serde(default = "default_true")]
    pub on_failure: bool,
    /// How long CodeDeploy waits for a status. In AWS it is an hour.
    #[serde(default = "default_hook_timeout", with = "duration_text")]
    #[schemars(with = "String")]
    pub hook_timeout: Duration,
    /// The functions' timeout.
    #[serde(default = "default_timeout", with = "duration_text")]
    #[schemars(with = "String")]
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
    /// The JSON Schema of the file.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// Reads a scenario. `origin` names it in errors.
    ///
    /// # Errors
    /// What is wrong with the text, with line and column.
    pub fn from_yaml(text: &str, origin: &str) -> anyhow::Result<Self> {
        let scenario: Self =
            serde_saphyr::from_str(text).with_context(|| format!("the scenario {origin} cannot be read"))?;
        anyhow::ensure!(!scenario.deployments.is_empty(), "the scenario {origin} has no deployments");
        for play in &scenario.deployments {
            play.behaviour.check().with_context(|| format!("the scenario {origin} is not valid"))?;
            let redelivery = play.redelivery.iter().map(|it| ("redelivery after", &it.after));
            let stop = play.stop.iter().map(|it| ("stop during", &it.during));
            for (what, event) in redelivery.chain(stop) {
                let known = EVENTS.contains(&event.as_str());
                anyhow::ensure!(known, "the scenario {origin} has a {what} {event:?}, which is not a lifecycle event");
            }
        }
        anyhow::ensure!(
            !scenario.concurrent || scenario.services().len() == scenario.deployments.len(),
            "the scenario {origin} is `concurrent`, so each of its deployments needs a different `service`"
        );
        Ok(scenario)
    }

    /// The names of the services that are deployed, without duplicates.
    pub(crate) fn services(&self) -> Vec<&str> {
        let mut services = Vec::new();
        for play in &self.deployments {
            if !services.contains(&play.service.as_str()) {
                services.push(play.service.as_str());
            }
        }
        services
    }

    /// The initial state, with the gate file in place of each `{gate}`.
    pub(crate) fn initial_with_gate(&self) -> anyhow::Result<InitialState> {
        let mut initial = self.initial.clone();
        for value in initial.parameters.values_mut().chain(initial.objects.values_mut()) {
            if value == "{gate}" {
                *value = self.gate_text()?;
            }
        }
        Ok(initial)
    }

    /// The text of its gate file.
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
