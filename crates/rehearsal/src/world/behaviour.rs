//! How the world takes a deployment: what a scenario can say about it. Everything left out is healthy and quick.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer};

use super::{EVENTS, ScheduledEvent, TrafficShift, span};

/// How the world takes one deployment.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeploymentBehaviour {
    /// The version that is deployed; left out, the one after the last.
    pub version: Option<String>,
    /// The version that is inside its image, where that is another one: a tag that was not moved.
    pub version_in_image: Option<String>,
    /// How many tasks.
    pub tasks: u32,
    /// Whether CodeDeploy makes a task set for it.
    pub task_set: bool,
    /// How long the tasks need until they run.
    #[serde(with = "span")]
    pub tasks_up: Duration,
    /// How long the load balancer then needs to find them healthy.
    #[serde(with = "span")]
    pub targets_up: Duration,
    /// There is no room for the tasks, so that ECS starts none: its reason.
    pub no_room: Option<String>,
    /// The tasks stop in place of running on.
    pub tasks_stop: Option<TasksStop>,
    /// Tasks end again and again and are replaced at once, so that whoever counts finds all of them alive.
    pub tasks_crash: Option<TasksCrash>,
    /// The container's own health check fails.
    pub containers_unhealthy: bool,
    /// The container's health changes this often, beginning with HEALTHY.
    #[serde(deserialize_with = "some_duration")]
    pub containers_flap: Option<Duration>,
    /// The container that ships the logs ends with this code; its task goes on.
    pub sidecar_exits: Option<i32>,
    /// The targets turn unhealthy in place of healthy.
    pub targets_unhealthy: Option<TargetsUnhealthy>,
    /// Whether the tasks are registered with the target group at all.
    pub targets: bool,
    /// So many targets of the deployment before last are still draining in the replacement's target group.
    pub targets_left_over: u32,
    /// How the new version answers on some paths. All others answer 200.
    pub routes: BTreeMap<String, RouteResponse>,
    /// When the test listener switches, after it was told to.
    pub test_listener: SwitchTiming,
    /// When the production listener switches, after it was told to.
    pub production_listener: SwitchTiming,
    /// How production traffic is shifted; left out, all at once.
    pub shift: Option<TrafficShift>,
    /// Rules of the listeners, by their priority, that do not switch as the others do.
    pub rules: BTreeMap<u32, RuleBehaviour>,
    /// Alarms that fire on the way.
    pub alarms: Vec<AlarmTransition>,
    /// What else happens on the way.
    pub events: Vec<ScheduledEvent>,
}

impl Default for DeploymentBehaviour {
    fn default() -> Self {
        Self {
            version: None,
            version_in_image: None,
            tasks: 2,
            task_set: true,
            tasks_up: Duration::from_millis(300),
            targets_up: Duration::from_millis(300),
            no_room: None,
            tasks_stop: None,
            tasks_crash: None,
            containers_unhealthy: false,
            containers_flap: None,
            sidecar_exits: None,
            targets_unhealthy: None,
            targets: true,
            targets_left_over: 0,
            routes: BTreeMap::new(),
            test_listener: SwitchTiming::After(Duration::from_millis(400)),
            production_listener: SwitchTiming::After(Duration::from_millis(100)),
            shift: None,
            rules: BTreeMap::new(),
            alarms: Vec::new(),
            events: Vec::new(),
        }
    }
}

impl DeploymentBehaviour {
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
        for then in &self.events {
            then.check()?;
        }
        for (path, behaviour) in &self.routes {
            anyhow::ensure!(path.starts_with('/'), "the route {path:?} does not begin with /");
            anyhow::ensure!(behaviour.one_in > 0, "the route {path} cannot answer so to one in 0 requests");
        }
        if let Some(shift) = &self.shift {
            shift.check()?;
        }
        let odd = self.tasks_crash.is_some() && self.tasks_stop.is_some();
        anyhow::ensure!(!odd, "`tasks_crash` and `tasks_stop` cannot both be played");
        let spans = [self.containers_flap, self.tasks_crash.as_ref().map(|crash| crash.every)];
        anyhow::ensure!(!spans.contains(&Some(Duration::ZERO)), "what happens again and again needs a span between");
        anyhow::ensure!(self.tasks <= 1000, "a replacement of {} tasks cannot be played", self.tasks);
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
    /// What ECS says of the container's end.
    #[serde(default)]
    pub container_reason: Option<String>,
}

/// Tasks that end again and again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TasksCrash {
    /// How each of them ends.
    pub end: TasksStop,
    /// How often one does.
    #[serde(with = "span")]
    pub every: Duration,
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
pub struct RouteResponse {
    /// The status.
    pub status: u16,
    /// The body; left out, a small JSON object.
    pub body: Option<String>,
    /// The `Location` header, for a redirect.
    pub location: Option<String>,
    /// How long it takes.
    #[serde(with = "span")]
    pub delay: Duration,
    /// The connection is closed without an answer.
    pub hang_up: bool,
    /// Only the first so many requests are answered so, and all later ones with 200: a service that warms up.
    pub first: Option<u32>,
    /// Only one in so many requests is answered so, and the others with 200: one bad task among good ones.
    pub one_in: u32,
}

impl Default for RouteResponse {
    fn default() -> Self {
        let delay = Duration::ZERO;
        Self { status: 200, body: None, location: None, delay, hang_up: false, first: None, one_in: 1 }
    }
}

impl RouteResponse {
    /// Whether the `nth` request (from 0) is answered so.
    pub(crate) fn applies_to(&self, nth: u32) -> bool {
        self.first.is_none_or(|first| nth < first) && nth.is_multiple_of(self.one_in.max(1))
    }
}

/// When a listener switches, after it was told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchTiming {
    /// After so long.
    After(Duration),
    /// Never.
    Never,
}

impl<'de> Deserialize<'de> for SwitchTiming {
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

/// What becomes of a rule that does not switch as the others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleBehaviour {
    /// It stays as it is.
    Stays,
    /// It gives half of its requests to the replacement and no more.
    Half,
}

/// An alarm that fires on the way.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmTransition {
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

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    span::deserialize(deserializer).map(Some)
}
