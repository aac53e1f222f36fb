//! What ECS says: the service, its task sets, their tasks and containers.

use std::time::SystemTime;

use super::{Deployment, TargetHealth};

/// An ECS service and its task sets (DescribeServices).
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// `CODE_DEPLOY`, `ECS` or `EXTERNAL`.
    pub controller: String,
    /// Its task sets.
    pub task_sets: Vec<TaskSet>,
    /// Its events that may be the reason of something, the newest first.
    pub events: Vec<ServiceEvent>,
}

/// What an ECS service says about itself.
#[derive(Clone, Debug)]
pub struct ServiceEvent {
    /// When.
    pub at: Option<SystemTime>,
    /// What, in ECS's words: `(service web, taskSet ecs-svc/…) was unable to place a task because …`.
    pub message: String,
}

impl Service {
    /// Whether it can be deployed to. A deleted service is `DRAINING` while its tasks stop, and ECS reports it as
    /// `INACTIVE` for a while after that.
    pub fn is_active(&self) -> bool {
        self.status == "ACTIVE"
    }

    /// The newest event that may be the reason of what is wrong with `set`: none from before it, none about another one.
    pub fn explaining_event(&self, set: &TaskSet) -> Option<&str> {
        let is_about = |event: &&ServiceEvent| {
            let names_another = event.message.contains("taskSet ") && !event.message.contains(&set.id);
            !names_another && (event.at.is_none() || event.at >= set.created)
        };
        self.events.iter().find(is_about).map(|event| event.message.as_str())
    }

    /// The task set that this deployment made: by identity, since names and labels of colours swap each time. Of several
    /// it is the newest. One that is `DRAINING` is being removed.
    pub fn green(&self, deployment: &Deployment) -> Option<&TaskSet> {
        let own = self.task_sets.iter().filter(|set| set.status != "DRAINING" && self.is_made_by(set, deployment));
        own.max_by_key(|set| set.created)
    }

    /// The task set that was there before: of the others, the primary one.
    pub fn blue(&self, deployment: &Deployment) -> Option<&TaskSet> {
        let others = || self.task_sets.iter().filter(|set| !self.is_made_by(set, deployment));
        let newest = || others().filter(|set| set.status == "ACTIVE").max_by_key(|set| set.created);
        others().find(|set| set.status == "PRIMARY").or_else(newest)
    }

    /// CodeDeploy puts its deployment's id on the task set. CloudFormation does not; there it is one that was made since
    /// the deployment began, so before Install there is none.
    fn is_made_by(&self, set: &TaskSet, deployment: &Deployment) -> bool {
        if !deployment.id.is_empty() && set.external_id == deployment.id {
            return true;
        }
        let since = deployment.created.zip(set.created).is_some_and(|(began, created)| created >= began);
        self.controller == "EXTERNAL" && since
    }

    /// Puts first, for every task set, the target group that is one of these: the deployment's pair.
    pub fn order_registrations(&mut self, pair: &[String]) {
        for set in &mut self.task_sets {
            set.registrations.sort_by_key(|registration| !pair.contains(&registration.target_group));
        }
    }
}

/// An ECS task set.
#[derive(Clone, Debug)]
pub struct TaskSet {
    /// `ecs-svc/…`, which is also what its tasks say they were started by.
    pub id: String,
    /// The CodeDeploy deployment that made it.
    pub external_id: String,
    /// `PRIMARY`, `ACTIVE` or `DRAINING`.
    pub status: String,
    /// Whether ECS calls it steady.
    pub is_steady: bool,
    /// How many tasks it should have, after scaling.
    pub desired: i32,
    /// How many run.
    pub running: i32,
    /// How many are on their way.
    pub pending: i32,
    /// ARN of its task definition.
    pub task_definition: String,
    /// Where its containers are registered. The first one is what the deployment is about, once [`Service::prefer`] has
    /// put it there.
    pub registrations: Vec<Registration>,
    /// When it was made.
    pub created: Option<SystemTime>,
}

/// A container's port in a target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// ARN of the target group.
    pub target_group: String,
    /// The container that the load balancer talks to.
    pub container: Option<String>,
    /// Its port.
    pub container_port: Option<i32>,
}

impl TaskSet {
    /// Where it is registered, as far as the deployment is about it.
    pub fn registration(&self) -> Option<&Registration> {
        self.registrations.first()
    }

    /// ARN of its target group.
    pub fn target_group(&self) -> Option<&String> {
        self.registration().map(|registration| &registration.target_group)
    }

    /// How many tasks it has or should have: so many have to be seen before all of them were.
    pub fn expected_tasks(&self) -> usize {
        usize::try_from(self.running.max(self.desired)).unwrap_or_default()
    }
}

/// An ECS task.
#[derive(Clone, Debug)]
pub struct Task {
    /// The last part of its ARN.
    pub id: String,
    /// The task set that it says it was started by.
    pub started_by: String,
    /// ARN of its task definition.
    pub task_definition: String,
    /// When it was made.
    pub created: Option<SystemTime>,
    /// ECS's code for why it stopped.
    pub stop_code: Option<String>,
    /// Why it stopped, in words.
    pub stopped_reason: Option<String>,
    /// IP addresses of its network interfaces; none where it uses those of its instance.
    pub addresses: Vec<String>,
    /// Ports of its instance that lead to it; none where it has a network interface of its own.
    pub host_ports: Vec<i32>,
    /// Its containers.
    pub containers: Vec<Container>,
}

/// A container of a task.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// `HEALTHY`, `UNHEALTHY` or `UNKNOWN`.
    pub health: String,
    /// The digest of the image that it runs, once it is pulled.
    pub digest: Option<String>,
    /// Its exit code, when it has ended.
    pub exit_code: Option<i32>,
    /// What else is said about its end.
    pub reason: Option<String>,
}

impl Task {
    /// Whether it belongs to `set`. AWS does not promise that `startedBy` is the task set's id, so a task that names
    /// none of them is told by its task definition and by its age.
    pub fn belongs_to(&self, set: &TaskSet, service: &Service) -> bool {
        if service.task_sets.iter().any(|known| known.id == self.started_by) {
            return self.started_by == set.id;
        }
        self.task_definition == set.task_definition && (set.created.is_none() || self.created >= set.created)
    }

    /// Whether a target is this task: by the address of its network interface or, on a port of an instance, by that port.
    /// Which instance it is, ECS does not say here.
    pub fn is_target(&self, target: &TargetHealth) -> bool {
        if target.id.starts_with("i-") {
            return self.host_ports.is_empty() || target.port.is_none_or(|port| self.host_ports.contains(&port));
        }
        self.addresses.contains(&target.id)
    }

    /// Its end in words: why, and at the end the id, with which the task's log is found:
    /// `task stopped: web exit code 137, OutOfMemoryError; Essential container in task exited (task 0f9c…)`.
    pub fn stop_summary(&self) -> String {
        let container_summary = |container: &&Container| {
            let reason = container.reason.as_deref().filter(|reason| Some(*reason) != self.stopped_reason.as_deref());
            let exit = container.exit_code.filter(|code| *code != 0 || reason.is_some());
            let told: Vec<_> =
                exit.map(|code| format!("exit code {code}")).into_iter().chain(reason.map(str::to_owned)).collect();
            (!told.is_empty()).then(|| format!("{} {}", container.name, told.join(", ")))
        };
        // What a container says of itself is nearer to the cause than what ECS says of the task.
        let mut why: Vec<String> =
            self.containers.iter().filter_map(|container| container_summary(&container)).collect();
        why.extend(self.stopped_reason.clone().filter(|reason| !reason.is_empty()));
        why.extend(self.stop_code.clone());
        let why = if why.is_empty() { "no reason given".to_owned() } else { why.join("; ") };
        format!("task stopped: {why} (task {})", self.id)
    }
}
