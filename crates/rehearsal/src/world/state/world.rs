//! The state of the simulated account, and the way to each of its resources.

use std::{collections::BTreeMap, time::SystemTime};

use crate::world::{
    Account, Alarm, Change, Deployment, DeploymentGroup, Execution, Health, Ids, InitialState, Listener, LoadBalancer,
    RouteResponse, RuleBehaviour, Service, ServiceEvent, Target, TargetGroup, Task, TaskDefinition, TaskSet,
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
    pub load_balancers: Vec<LoadBalancer>,
    pub listeners: Vec<Listener>,
    pub target_groups: Vec<TargetGroup>,
    pub alarms: Vec<Alarm>,
    /// The rest of the account.
    pub account: Account,
    /// How many items ListTasks returns on a page. AWS returns up to 100.
    pub page_size: usize,
    /// The alarms of the functions' own stack. Only a request with their prefix gets them.
    pub stack_alarms: Vec<Alarm>,
    /// What a scenario set before the first deployment.
    pub(crate) initial: InitialState,
    /// Rules, by priority, that do not switch as the others do.
    pub(crate) rule_behaviours: BTreeMap<u32, RuleBehaviour>,
    pub(crate) scheduled: Vec<ScheduledChange>,
    pub(crate) pending_events: Vec<WorldEvent>,
    pub(crate) ids: Ids,
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
pub(crate) struct ScheduledChange {
    pub when: SystemTime,
    pub change: Change,
    pub event_text: Option<String>,
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

    /// Drops all planned changes, for example when the deployment that planned them is over.
    pub(crate) fn cancel_scheduled(&mut self) {
        self.scheduled.clear();
    }

    pub(crate) fn add_service_event(&mut self, message: String, at: SystemTime) {
        let id = self.ids.hex(36);
        if let Some(service) = &mut self.service {
            service.events.insert(0, ServiceEvent { id, at, message });
        }
    }

    /// A task set, by id.
    pub(crate) fn task_set(&mut self, id: &str) -> Option<&mut TaskSet> {
        self.service.as_mut()?.task_sets.iter_mut().find(|set| set.id == id)
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
