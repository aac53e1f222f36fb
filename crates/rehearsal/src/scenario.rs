//! Scenarios: stories about one or more deployments, each with what it promises.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context;
use serde::Deserialize;

use crate::{
    fault::Fault,
    report::Expect,
    world::{Course, Given, span},
};

/// A story about deployments, as it stands in a scenario file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, which is also its file's.
    pub name: String,
    /// What it is about, in one sentence.
    pub about: String,
    /// What is different before the first deployment.
    #[serde(default)]
    pub given: Given,
    /// The deployments, one after the other in the same world.
    pub deployments: Vec<Play>,
    /// A gate file's text; left out, the shared one with short windows.
    #[serde(default)]
    pub gate: Option<String>,
    /// More environment variables for the functions.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What goes wrong between the functions and AWS.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// How long CodeDeploy waits for an answer. In AWS it is an hour.
    #[serde(default = "hour", with = "span")]
    pub hour: Duration,
    /// The functions' time-out.
    #[serde(default = "timeout", with = "span")]
    pub timeout: Duration,
}

/// One deployment of a scenario.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Play {
    /// How the world takes it.
    #[serde(default)]
    pub world: Course,
    /// An operator stops it.
    #[serde(default)]
    pub stop: Option<Stop>,
    /// What it promises.
    pub expect: Expect,
}

/// An operator stops the deployment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// While this lifecycle event is in progress; one without a hook is stopped at its end.
    pub during: String,
    /// So long after it began.
    #[serde(default, with = "span")]
    pub after: Duration,
}

fn hour() -> Duration {
    Duration::from_secs(20)
}

fn timeout() -> Duration {
    Duration::from_secs(60)
}

/// The gate file of scenarios that have none of their own: the built-in checks, with windows for impatient people.
pub(crate) const SHORT_WINDOWS: &str = include_str!("../scenarios/gate.yaml");

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../scenarios/", $name, ".yaml")))),*]
    };
}

/// The order in which they tell a newcomer most.
const FILES: &[(&str, &str)] = files![
    "healthy",
    "tasks-stop",
    "targets-unhealthy",
    "route-503",
    "test-listener-never-switches",
    "alarm-after-shift",
    "throttled-first-calls",
    "second-deployment-colours-swapped",
];

impl Scenario {
    /// The scenarios that come with it, in a telling order.
    ///
    /// A test reads each of them, so that none is ever missing here.
    pub fn all() -> Vec<Self> {
        FILES.iter().filter_map(|(name, text)| Self::from_yaml(text, &format!("{name}.yaml")).ok()).collect()
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        let (file, text) = FILES.iter().find(|(file, _)| *file == name)?;
        Self::from_yaml(text, &format!("{file}.yaml")).ok()
    }

    /// Reads one. `origin` names it in errors.
    ///
    /// # Errors
    /// What is wrong with it, with line and column.
    pub fn from_yaml(text: &str, origin: &str) -> anyhow::Result<Self> {
        let scenario: Self =
            serde_saphyr::from_str(text).with_context(|| format!("the scenario {origin} cannot be read"))?;
        anyhow::ensure!(!scenario.deployments.is_empty(), "the scenario {origin} has no deployments");
        for play in &scenario.deployments {
            play.world.check().with_context(|| format!("the scenario {origin} cannot be played"))?;
            if let Some(stop) = &play.stop {
                let known = crate::world::EVENTS.contains(&stop.during.as_str());
                anyhow::ensure!(
                    known,
                    "the scenario {origin} stops during {:?}, which is no lifecycle event",
                    stop.during
                );
            }
        }
        Ok(scenario)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_scenario_of_its_own_name() {
        for (name, text) in FILES {
            let scenario = Scenario::from_yaml(text, name).unwrap();
            assert_eq!(scenario.name, *name);
            assert!(scenario.about.ends_with('.'), "{name}: {}", scenario.about);
        }
        assert_eq!(Scenario::all().len(), FILES.len());
    }

    #[test]
    fn no_file_is_forgotten() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<_> = files.filter(|file| file != "gate.yaml").collect();
        let mut known: Vec<_> = FILES.iter().map(|(name, _)| format!("{name}.yaml")).collect();
        files.sort();
        known.sort();
        assert_eq!(files, known);
    }

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
