//! How the world reacts to a deployment, as far as a scenario can set it. Every default is healthy and fast.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    duration_text,
    world::{EVENTS, ScheduledEvent, TrafficShift},
};

/// How the world reacts to one deployment.
#[derive(Clone, Debug, PartialEq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeploymentBehaviour {
    /// The version that is deployed. Default: the one after the last.
    pub version: Option<String>,
    /// The version inside the image, where it differs from the tag: a tag that was not moved.
    pub version_in_image: Option<String>,
    /// The number of tasks.
    pub tasks: u32,
    /// Whether CodeDeploy creates a task set for it.
    pub task_set: bool,
    /// How long the tasks take to reach RUNNING.
    #[serde(with = "duration_text")]
    #[schemars(with = "String")]
    pub tasks_up: Duration,
    /// How long the load balancer then takes to find them healthy.
    #[serde(with = "duration_text")]
    #[schemars(with = "String")]
    pub targets_up: Duration,
    /// ECS has no capacity for the tasks and starts none. This is its reason.
    pub no_room: Option<String>,
    /// The tasks stop instead of running on.
    pub tasks_stop: Option<TasksStop>,
    /// Tasks end again and again and are replaced at once, so that every count finds all of them running.
    pub tasks_crash: Option<TasksCrash>,
    /// The container's own health check fails.
    pub containers_unhealthy: bool,
    /// The container's health changes at this interval and starts with HEALTHY.
    #[serde(deserialize_with = "some_duration")]
    #[schemars(with = "Option<String>")]
    pub containers_flap: Option<Duration>,
    /// The container that ships the logs ends with this exit code, and its task runs on.
    pub sidecar_exits: Option<i32>,
    /// The targets become unhealthy instead of healthy.
    pub targets_unhealthy: Option<TargetsUnhealthy>,
    /// Whether the tasks are registered with the target group at all.
    pub targets: bool,
    /// How many targets of the deployment before the last one are still draining in the replacement's target group.
    pub targets_left_over: u32,
    /// How the new version responds on some paths. It responds 200 on all others.
    pub routes: BTreeMap<String, RouteResponse>,
    /// When the test listener switches, counted from AllowTestTraffic.
    #[schemars(with = "SwitchTimingText")]
    pub test_listener: SwitchTiming,
    /// When the production listener switches, counted from AllowTraffic.
    #[schemars(with = "SwitchTimingText")]
    pub production_listener: SwitchTiming,
    /// How production traffic is shifted. Default: all at once.
    pub shift: Option<TrafficShift>,
    /// Listener rules, by priority, that do not switch as the others do.
    pub rules: BTreeMap<u32, RuleBehaviour>,
    /// Alarms that fire during the deployment.
    pub alarms: Vec<AlarmTransition>,
    /// What else happens during the deployment.
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
    /// Divides all times, except for those of responses: a check compares them with limits that stay as they are.
    pub(crate) fn pass_faster(&mut self, speed: u32) {
        let times = [&mut self.tasks_up, &mut self.targets_up].into_iter();
        let times = times.chain(&mut self.containers_flap).chain(self.tasks_crash.iter_mut().map(|it| &mut it.every));
        let times = times.chain(self.shift.iter_mut().map(|it| &mut it.every));
        let times = times.chain(self.alarms.iter_mut().map(|it| &mut it.delay));
        let times = times.chain(self.events.iter_mut().map(|it| &mut it.delay));
        times.for_each(|time| *time /= speed.max(1));
        for switch in [&mut self.test_listener, &mut self.production_listener] {
            if let SwitchTiming::After(time) = switch {
                *time /= speed.max(1);
            }
        }
    }

    /// Checks that a rehearsal can play this.
    ///
    /// # Errors
    /// A value that a rehearsal cannot play.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for alarm in &self.alarms {
            let known = EVENTS.contains(&alarm.fires_after.as_str());
            anyhow::ensure!(
                known,
                "alarm {}: `fires_after` is {:?}, which is not a lifecycle event",
                alarm.name,
                alarm.fires_after
            );
        }
        for then in &self.events {
            then.check()?;
        }
        for (path, behaviour) in &self.routes {
            anyhow::ensure!(path.starts_with('/'), "the route {path:?} does not start with /");
            anyhow::ensure!(behaviour.one_in > 0, "route {path}: `one_in` is 0, and must be at least 1");
        }
        if let Some(shift) = &self.shift {
            shift.check()?;
        }
        let odd = self.tasks_crash.is_some() && self.tasks_stop.is_some();
        anyhow::ensure!(!odd, "`tasks_crash` and `tasks_stop` exclude each other: remove one of them");
        let spans = [self.containers_flap, self.tasks_crash.as_ref().map(|crash| crash.every)];
        anyhow::ensure!(!spans.contains(&Some(Duration::ZERO)), "`containers_flap` or `tasks_crash.every` is zero");
        anyhow::ensure!(self.tasks <= 1000, "`tasks` is {}, and must be at most 1000", self.tasks);
        Ok(())
    }
}

/// Tasks that stop.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TasksStop {
    /// ECS's code: `TaskFailedToStart`, `EssentialContainerExited`, ….
    pub code: String,
    /// The reason in ECS's words.
    pub reason: String,
    /// The container's exit code, if it ran.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// ECS's reason for the container's end.
    #[serde(default)]
    pub container_reason: Option<String>,
}

/// Tasks that end again and again.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TasksCrash {
    /// How each task ends.
    pub end: TasksStop,
    /// The time from one end to the next.
    #[serde(with = "duration_text")]
    #[schemars(with = "String")]
    pub every: Duration,
}

/// Targets that turn unhealthy.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetsUnhealthy {
    /// ELB's code: `Target.Timeout`, `Target.ResponseCodeMismatch`, ….
    pub reason: String,
    /// The description in ELB's words.
    pub description: String,
}

/// How a version responds on a path.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RouteResponse {
    /// The status.
    pub status: u16,
    /// The body. Default: a small JSON object.
    pub body: Option<String>,
    /// More headers. In them and in the body, `{version}` stands for the version that responds.
    pub headers: BTreeMap<String, String>,
    /// The `Location` header, for a redirect.
    pub location: Option<String>,
    /// How long the response takes.
    #[serde(with = "duration_text")]
    #[schemars(with = "String")]
    pub delay: Duration,
    /// The service closes the connection without a response.
    pub hang_up: bool,
    /// Only this many requests, counted from the first, get this response; all later ones get 200. A service that warms
    /// up.
    pub first: Option<u32>,
    /// Only one in this many requests gets this response; the others get 200. One bad task among good ones.
    pub one_in: u32,
}

impl Default for RouteResponse {
    fn default() -> Self {
        let delay = Duration::ZERO;
        let headers = BTreeMap::new();
        Self { status: 200, body: None, headers, location: None, delay, hang_up: false, first: None, one_in: 1 }
    }
}

impl RouteResponse {
    /// What breaks here, on a route that otherwise responds in another way. If it has the normal status and no body of
    /// its own, it only changes how that response arrives.
    pub(crate) fn over(self, healthy: &Self) -> Self {
        let normal = Self::default();
        if self.status != normal.status || self.body.is_some() || self.location.is_some() {
            return self;
        }
        let (delay, hang_up, first, one_in) = (self.delay, self.hang_up, self.first, self.one_in);
        Self { delay, hang_up, first, one_in, ..healthy.clone() }
    }

    /// Whether the `nth` request (counted from 0) gets this response.
    pub(crate) fn applies_to(&self, nth: u32) -> bool {
        self.first.is_none_or(|first| nth < first) && nth.is_multiple_of(self.one_in.max(1))
    }
}

/// When a listener switches, counted from the lifecycle event that switches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchTiming {
    /// After this time.
    After(Duration),
    Never,
}

/// How a file writes it.
#[derive(JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
struct SwitchTimingText {
    /// `never`, or a time after the lifecycle event that switches the listener.
    switches: String,
}

impl<'de> Deserialize<'de> for SwitchTiming {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match SwitchTimingText::deserialize(deserializer)?.switches.as_str() {
            "never" => Ok(Self::Never),
            text => duration_text::parse(text).map(Self::After),
        }
    }
}

/// What a rule does that does not switch as the others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleBehaviour {
    /// It keeps its target groups.
    Stays,
    /// It gives half of its requests to the replacement, and keeps it that way.
    Half,
}

/// An alarm that fires during the deployment.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmTransition {
    /// Its name.
    pub name: String,
    /// The alarm fires when this lifecycle event is over, after `delay`.
    pub fires_after: String,
    /// The time after that lifecycle event.
    #[serde(default, with = "duration_text")]
    #[schemars(with = "String")]
    pub delay: Duration,
    /// The reason in CloudWatch's words.
    pub reason: String,
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration_text::deserialize(deserializer).map(Some)
}
