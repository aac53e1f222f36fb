//! What ECS says: the service, its task sets, their tasks and containers.

use std::time::SystemTime;

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
    /// The newest of its events that may be the reason of something, in words.
    pub events: Vec<String>,
}

impl Service {
    /// Whether there is anything to look at. ECS tells of deleted services for a while, as `INACTIVE`.
    pub fn exists(&self) -> bool {
        matches!(self.status.as_str(), "ACTIVE" | "DRAINING")
    }

    /// The task set that this deployment made: by identity, since names and labels of colours swap each time.
    ///
    /// CloudFormation's deployments do not put their id on what they make. Of its task sets the newest is taken, if
    /// there is another one to have been there before.
    pub fn green(&self, deployment: &str) -> Option<&TaskSet> {
        let own = self.task_sets.iter().find(|set| set.external_id == deployment);
        own.or_else(|| match (self.controller.as_str(), self.task_sets.len()) {
            ("EXTERNAL", 2..) => self.task_sets.iter().max_by_key(|set| set.created),
            _ => None,
        })
    }

    /// The task set that was there before: of the others, the primary one.
    pub fn blue(&self, deployment: &str) -> Option<&TaskSet> {
        let green = self.green(deployment).map(|set| &set.id);
        let others = || self.task_sets.iter().filter(|set| Some(&set.id) != green);
        others().find(|set| set.status == "PRIMARY").or_else(|| others().find(|set| set.status == "ACTIVE"))
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
    pub steady: bool,
    /// How many tasks it should have, after scaling.
    pub desired: i32,
    /// How many run.
    pub running: i32,
    /// How many are on their way.
    pub pending: i32,
    /// ARN of its task definition.
    pub task_definition: String,
    /// ARN of its target group.
    pub target_group: Option<String>,
    /// The container that the load balancer talks to.
    pub container: Option<String>,
    /// The port of its container in the target group.
    pub container_port: Option<i32>,
    /// When it was made.
    pub created: Option<SystemTime>,
}

impl TaskSet {
    /// How many tasks it has or should have: so many have to be seen before all of them were.
    pub fn counted(&self) -> usize {
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
    pub fn is_of(&self, set: &TaskSet, service: &Service) -> bool {
        if service.task_sets.iter().any(|known| known.id == self.started_by) {
            return self.started_by == set.id;
        }
        self.task_definition == set.task_definition && (set.created.is_none() || self.created >= set.created)
    }

    /// Whether its end is a fault of the version: everything is, but what ECS or EC2 did for reasons of their own.
    pub fn crashed(&self) -> bool {
        let code = self.stop_code.as_deref().unwrap_or_default();
        let reason = self.stopped_reason.as_deref().unwrap_or_default();
        let scheduled = code == "ServiceSchedulerInitiated"
            && ["Scaling activity", "maintenance", "retirement"].iter().any(|word| reason.contains(word));
        !scheduled && !matches!(code, "SpotInterruption" | "TerminationNotice" | "UserInitiated")
    }

    /// Its end in words: `task 0f9c… stopped: EssentialContainerExited, Essential container in task exited; web exit code 137 (OutOfMemoryError)`.
    pub fn obituary(&self) -> String {
        let id: String = self.id.chars().take(8).collect();
        let own_words = |container: &&Container| {
            let reason = container.reason.as_deref().filter(|reason| Some(*reason) != self.stopped_reason.as_deref());
            let exit = container.exit_code.filter(|code| *code != 0 || reason.is_some());
            let told: Vec<_> =
                exit.map(|code| format!("exit code {code}")).into_iter().chain(reason.map(str::to_owned)).collect();
            (!told.is_empty()).then(|| format!("{} {}", container.name, told.join(", ")))
        };
        // What a container says of itself is nearer to the cause than what ECS says of the task.
        let mut why: Vec<String> = self.containers.iter().filter_map(|container| own_words(&container)).collect();
        why.extend(self.stopped_reason.clone().filter(|reason| !reason.is_empty()));
        why.extend(self.stop_code.clone());
        let why = if why.is_empty() { "no reason given".to_owned() } else { why.join("; ") };
        format!("task {id} stopped: {why}")
    }
}
