//! How the world takes a deployment: what a scenario can say about it. Everything left out is healthy and quick.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer};

use super::EVENTS;

/// What is different before the first deployment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Given {
    /// The alarms of the deployment group.
    pub alarms: Vec<String>,
    /// Those of them that fire already, since an hour ago.
    pub firing: Vec<String>,
    /// Whether a failed deployment rolls back by itself.
    pub auto_rollback: bool,
    /// Whether the deployment group has a test listener. Without one CodeDeploy leaves the test events out.
    pub test_listener: bool,
}

impl Default for Given {
    fn default() -> Self {
        let alarms = ["shop-web-5xx", "shop-web-latency"].map(str::to_owned).to_vec();
        Self { alarms, firing: Vec::new(), auto_rollback: true, test_listener: true }
    }
}

/// How the world takes one deployment.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Course {
    /// The version that is deployed; left out, the one after the last.
    pub version: Option<String>,
    /// How many tasks.
    pub tasks: u32,
    /// How long the tasks need until they run.
    #[serde(with = "span")]
    pub tasks_up: Duration,
    /// How long the load balancer then needs to find them healthy.
    #[serde(with = "span")]
    pub targets_up: Duration,
    /// The tasks stop in place of running on.
    pub tasks_stop: Option<TasksStop>,
    /// The container's own health check fails.
    pub containers_unhealthy: bool,
    /// The targets turn unhealthy in place of healthy.
    pub targets_unhealthy: Option<TargetsUnhealthy>,
    /// How the new version answers on some paths. All others answer 200.
    pub routes: BTreeMap<String, Behaviour>,
    /// When the test listener switches, after it was told to.
    pub test_listener: Switch,
    /// When the production listener switches, after it was told to.
    pub production_listener: Switch,
    /// Alarms that fire on the way.
    pub alarms: Vec<AlarmFires>,
}

impl Default for Course {
    fn default() -> Self {
        Self {
            version: None,
            tasks: 2,
            tasks_up: Duration::from_millis(300),
            targets_up: Duration::from_millis(300),
            tasks_stop: None,
            containers_unhealthy: false,
            targets_unhealthy: None,
            routes: BTreeMap::new(),
            test_listener: Switch::After(Duration::from_millis(400)),
            production_listener: Switch::After(Duration::from_millis(100)),
            alarms: Vec::new(),
        }
    }
}

impl Course {
    /// Whether it can be played.
    ///
    /// # Errors
    /// What cannot.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for alarm in &self.alarms {
            let known = EVENTS.contains(&alarm.fires_after.as_str());
            anyhow::ensure!(
                known,
                "the alarm {} fires after {:?}, which is no lifecycle event",
                alarm.name,
                alarm.fires_after
            );
        }
        anyhow::ensure!((1..=1000).contains(&self.tasks), "a replacement of {} tasks cannot be played", self.tasks);
        Ok(())
    }
}

/// Tasks that stop.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TasksStop {
    /// ECS's code: `TaskFailedToStart`, `EssentialContainerExited`, ….
    pub code: String,
    /// ECS's words.
    pub reason: String,
    /// The container's exit code, if it ran.
    #[serde(default)]
    pub exit_code: Option<i32>,
}

/// Targets that turn unhealthy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetsUnhealthy {
    /// ELB's code: `Target.Timeout`, `Target.ResponseCodeMismatch`, ….
    pub reason: String,
    /// ELB's words.
    pub description: String,
}

/// How a version answers on a path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// The status.
    pub status: u16,
    /// The body; left out, a small JSON object.
    pub body: Option<String>,
    /// How long it takes.
    #[serde(with = "span")]
    pub delay: Duration,
    /// The connection is closed without an answer.
    pub hang_up: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { status: 200, body: None, delay: Duration::ZERO, hang_up: false }
    }
}

/// When a listener switches, after it was told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// After so long.
    After(Duration),
    /// Never.
    Never,
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wire {
            switches: String,
        }
        match Wire::deserialize(deserializer)?.switches.as_str() {
            "never" => Ok(Self::Never),
            text => span::parse(text).map(Self::After),
        }
    }
}

/// An alarm that fires on the way.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmFires {
    /// Its name.
    pub name: String,
    /// When this lifecycle event is over …
    pub fires_after: String,
    /// … and so much later.
    #[serde(default, with = "span")]
    pub delay: Duration,
    /// CloudWatch's words.
    pub reason: String,
}

/// Spans of time as people write them: `300ms`, `2s`, `1m 30s`.
pub(crate) mod span {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, de::Error};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        parse(&String::deserialize(deserializer)?)
    }

    pub(super) fn parse<E: Error>(text: &str) -> Result<Duration, E> {
        humantime::parse_duration(text)
            .map_err(|error| E::custom(format_args!("{text:?} is not a span of time such as 300ms: {error}")))
    }
}
