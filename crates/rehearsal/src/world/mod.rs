//! The world: the typed state of a simulated AWS account, which changes as time passes. It has no I/O and no clock:
//! time is an argument.
//!
//! [`World::schedule`] plans a change and [`World::advance_to`] makes the changes that are due. Every reader calls
//! `advance_to` first.

mod account;
mod behaviour;
mod change;
mod deploy;
mod deployment;
mod describe;
mod ecs;
mod functions;
mod healthy_world;
mod hook_status;
mod ids;
mod initial_state;
mod install;
mod load_balancing;
mod network;
mod ownership;
mod routing;
mod scheduled_events;
pub(crate) mod span;
mod traffic_shift;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

pub(crate) use self::{account::digest_of, functions::CODEDEPLOY_ROLE};
pub use self::{
    account::{Account, Secret},
    behaviour::{
        AlarmTransition, DeploymentBehaviour, RouteResponse, RuleBehaviour, SwitchTiming, TargetsUnhealthy, TasksCrash,
        TasksStop,
    },
    change::Change,
    deployment::*,
    ecs::*,
    functions::{
        AllowStatement, EventSettings, Function, FunctionVpc, StatementMatch, function_arn, matches_iam_wildcard,
        role_arn,
    },
    healthy_world::{DEFAULT_SERVICE, WorldOptions},
    hook_status::StatusRejected,
    ids::{ACCOUNT, Ids, REGION},
    initial_state::*,
    load_balancing::*,
    network::*,
    routing::{ListenerRequest, Routed},
    scheduled_events::{AlarmStateChange, ScheduledEvent, TargetHealthChange},
    traffic_shift::TrafficShift,
};

/// Everything that the functions can read.
#[derive(Clone, Debug)]
pub struct World {
    /// CodeDeploy's deployment group.
    pub group: DeploymentGroup,
    /// Its deployments, the oldest first.
    pub deployments: Vec<Deployment>,
    /// The hook executions. CodeDeploy accepts one status for each.
    pub executions: Vec<Execution>,
    /// The name of the ECS cluster.
    pub cluster: String,
    /// The service; `None` if it was deleted.
    pub service: Option<Service>,
    /// Its tasks, including those that have stopped.
    pub tasks: Vec<Task>,
    /// Its task definitions.
    pub definitions: Vec<TaskDefinition>,
    /// The version in each task definition.
    pub versions: Vec<Version>,
    /// Load balancers.
    pub load_balancers: Vec<LoadBalancer>,
    /// Listeners.
    pub listeners: Vec<Listener>,
    /// Target groups.
    pub target_groups: Vec<TargetGroup>,
    /// Alarms.
    pub alarms: Vec<Alarm>,
    /// The rest of the account.
    pub account: Account,
    /// How many items ListTasks returns on a page. AWS returns up to 100.
    pub page_size: usize,
    initial: InitialState,
    /// Rules, by priority, that do not switch as the others do.
    rule_behaviours: BTreeMap<u32, RuleBehaviour>,
    scheduled: Vec<ScheduledChange>,
    pending_events: Vec<WorldEvent>,
    ids: Ids,
}

/// What is inside the containers of a task definition.
#[derive(Clone, Debug)]
pub struct Version {
    /// ARN of the task definition.
    pub task_definition: String,
    /// `1.42.0`.
    pub name: String,
    /// How it responds on some paths. It responds 200 on all others.
    pub routes: BTreeMap<String, RouteResponse>,
}

#[derive(Clone, Debug)]
struct ScheduledChange {
    when: SystemTime,
    change: Change,
    event_text: Option<String>,
}

/// Something that a scenario made happen, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldEvent {
    /// When it happened.
    pub at: SystemTime,
    /// What happened.
    pub text: String,
}

impl World {
    /// Plans a change.
    pub fn schedule(&mut self, when: SystemTime, change: Change) {
        self.scheduled.push(ScheduledChange { when, change, event_text: None });
    }

    /// Plans a change that appears in the timeline.
    pub fn schedule_with_event(&mut self, when: SystemTime, change: Change, text: impl Into<String>) {
        self.scheduled.push(ScheduledChange { when, change, event_text: Some(text.into()) });
    }

    /// Makes the changes that are due by `now`, in the order of their times. Changes of the same time are made in the
    /// order in which they were planned.
    pub fn advance_to(&mut self, now: SystemTime) {
        // A change may plan further changes that are due as well.
        while self.scheduled.iter().any(|planned| planned.when <= now) {
            let (mut due, later) =
                std::mem::take(&mut self.scheduled).into_iter().partition::<Vec<_>, _>(|planned| planned.when <= now);
            self.scheduled = later;
            due.sort_by_key(|planned| planned.when);
            for ScheduledChange { when, change, event_text: told } in due {
                self.apply(change, when);
                self.pending_events.extend(told.map(|text| WorldEvent { at: when, text }));
            }
        }
    }

    /// When the next planned change is due.
    pub fn next_change(&self) -> Option<SystemTime> {
        self.scheduled.iter().map(|planned| planned.when).min()
    }

    /// Drops all planned changes, for example when the deployment that planned them is over.
    pub(crate) fn cancel_scheduled(&mut self) {
        self.scheduled.clear();
    }

    /// The events since the last call.
    pub(crate) fn drain_events(&mut self) -> Vec<WorldEvent> {
        std::mem::take(&mut self.pending_events)
    }

    /// The newest deployment.
    ///
    /// # Panics
    /// In a world without deployments.
    #[expect(clippy::expect_used, reason = "a test bed and a rehearsal start with a deployment")]
    pub fn deployment(&mut self) -> &mut Deployment {
        self.deployments.last_mut().expect("a deployment was created")
    }

    /// The task set of the newest deployment, once it exists.
    pub fn green(&mut self) -> Option<&mut TaskSet> {
        let id = self.deployments.last()?.id.clone();
        self.service.as_mut()?.task_sets.iter_mut().find(|set| set.external_id == id)
    }

    /// The original: the task set that was there before the deployment.
    pub fn blue(&mut self) -> Option<&mut TaskSet> {
        let id = self.deployments.last().map(|deployment| deployment.id.clone());
        self.service.as_mut()?.task_sets.iter_mut().find(|set| Some(&set.external_id) != id.as_ref())
    }

    /// The tasks of the newest deployment's task set.
    pub fn green_tasks(&mut self) -> impl Iterator<Item = &mut Task> {
        let id = self.green().map(|set| set.id.clone()).unwrap_or_default();
        self.tasks.iter_mut().filter(move |task| task.started_by == id)
    }

    /// The target group of the newest deployment's task set, once it exists.
    pub fn green_group(&mut self) -> Option<&mut TargetGroup> {
        let arn = self.green()?.target_group()?.to_owned();
        self.target_group(&arn)
    }

    /// A target group, by ARN or name.
    pub fn target_group(&mut self, which: &str) -> Option<&mut TargetGroup> {
        self.target_groups.iter_mut().find(|group| group.arn == which || group.name == which)
    }

    /// A listener, by ARN.
    pub fn listener(&mut self, arn: &str) -> Option<&mut Listener> {
        self.listeners.iter_mut().find(|listener| listener.arn == arn)
    }

    /// The production listener of the deployment group.
    pub fn production(&mut self) -> Option<&mut Listener> {
        let arn = self.group.pair.as_ref()?.production.clone()?;
        self.listener(&arn)
    }

    /// The test listener of the deployment group.
    pub fn test(&mut self) -> Option<&mut Listener> {
        let arn = self.group.pair.as_ref()?.test.clone()?;
        self.listener(&arn)
    }

    /// The targets of a group with their health as the load balancer reports it. Targets of a group that no listener
    /// forwards to are unused, since the load balancer does not check their health.
    pub fn target_health(&self, group: &TargetGroup) -> Vec<Target> {
        let mut known = self
            .listeners
            .iter()
            .flat_map(|it| it.default.iter().chain(it.rules.iter().flat_map(|rule| &rule.forward)));
        let used = known.any(|(arn, _)| *arn == group.arn);
        let unused = || {
            Health::other(
                "unused",
                "Target.NotInUse",
                "Target group is not configured to receive traffic from the load balancer",
            )
        };
        group
            .targets
            .iter()
            .map(|target| if used { target.clone() } else { Target { health: unused(), ..target.clone() } })
            .collect()
    }
}

/// Seconds since 1970 with milliseconds, which is how AWS writes times.
pub(crate) fn epoch(time: SystemTime) -> f64 {
    let millis = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
    millis as f64 / 1000.0
}
