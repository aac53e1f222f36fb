//! Amazon ECS's part of the world: the service, its task sets, their tasks and task definitions.

use std::time::SystemTime;

/// An ECS service.
#[derive(Clone, Debug)]
pub struct Service {
    pub name: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// `CODE_DEPLOY`, `ECS` or `EXTERNAL`.
    pub controller: String,
    /// The desired number of tasks of each task set.
    pub desired: i32,
    pub task_sets: Vec<TaskSet>,
    /// Its events, the newest first.
    pub events: Vec<ServiceEvent>,
}

/// An event of an ECS service.
#[derive(Clone, Debug)]
pub struct ServiceEvent {
    pub id: String,
    /// When it happened.
    pub at: SystemTime,
    pub message: String,
}

#[derive(Clone, Debug)]
pub struct TaskSet {
    /// Its id, such as `ecs-svc/3605701707267980476`, which is also the `startedBy` of its tasks.
    pub id: String,
    /// The id of the deployment that created it.
    pub external_id: String,
    /// `PRIMARY`, `ACTIVE` or `DRAINING`.
    pub status: String,
    /// Whether it is in `STEADY_STATE` (or still `STABILIZING`).
    pub steady: bool,
    /// How many tasks it is to have.
    pub desired: i32,
    /// How many tasks run.
    pub running: i32,
    /// How many tasks are pending.
    pub pending: i32,
    /// ARN of its task definition.
    pub task_definition: String,
    /// The target groups in which its containers are registered.
    pub load_balancers: Vec<ContainerPort>,
    /// When it was created.
    pub created: SystemTime,
    /// Its share of the service's desired count, in per cent.
    pub scale: f64,
}

impl TaskSet {
    /// The ARN of its (first) target group.
    pub fn target_group(&self) -> Option<&str> {
        self.load_balancers.first().map(|it| it.target_group.as_str())
    }
}

/// A container's port in a target group.
#[derive(Clone, Debug)]
pub struct ContainerPort {
    /// ARN of the target group.
    pub target_group: String,
    pub container: String,
    pub port: i32,
}

#[derive(Clone, Debug)]
pub struct Task {
    pub arn: String,
    /// The id of its task set.
    pub started_by: String,
    /// `service:web`.
    pub group: String,
    /// ARN of its task definition.
    pub task_definition: String,
    /// `PENDING`, `RUNNING`, `STOPPED`, ….
    pub last_status: String,
    /// `RUNNING` or `STOPPED`.
    pub desired_status: String,
    /// `HEALTHY`, `UNHEALTHY` or `UNKNOWN`.
    pub health: String,
    /// ECS's stop code.
    pub stop_code: Option<String>,
    /// ECS's stopped reason.
    pub stopped_reason: Option<String>,
    /// When it was created.
    pub created: SystemTime,
    /// When it stopped.
    pub stopped: Option<SystemTime>,
    /// Its address in the VPC.
    pub address: String,
    pub containers: Vec<Container>,
}

/// A container of a task.
#[derive(Clone, Debug)]
pub struct Container {
    pub name: String,
    /// Its image, as the task definition names it.
    pub image: String,
    /// The digest of its image, as soon as it is pulled.
    pub digest: Option<String>,
    /// `PENDING`, `RUNNING` or `STOPPED`.
    pub last_status: String,
    /// `HEALTHY`, `UNHEALTHY` or `UNKNOWN`.
    pub health: String,
    /// Its exit code, if it has ended.
    pub exit_code: Option<i32>,
    /// ECS's reason for its end.
    pub reason: Option<String>,
    /// Whether the task ends when it ends.
    pub essential: bool,
    /// Whether it has a health check. Without one its health stays `UNKNOWN`.
    pub has_health_check: bool,
}

impl Task {
    /// Sets the task and its containers to running, and to healthy where they have a health check.
    pub(crate) fn become_running(&mut self) {
        self.last_status = "RUNNING".into();
        for container in &mut self.containers {
            container.last_status = "RUNNING".into();
        }
        self.set_health("HEALTHY");
    }

    /// Sets the health of the containers that have a health check, and of the task if there is such a container.
    pub(crate) fn set_health(&mut self, health: &str) {
        for container in self.containers.iter_mut().filter(|container| container.has_health_check) {
            container.health = health.into();
            self.health = health.into();
        }
    }
}

#[derive(Clone, Debug)]
pub struct TaskDefinition {
    pub arn: String,
    pub family: String,
    pub revision: i32,
    /// `ACTIVE`, `INACTIVE` or `DELETE_IN_PROGRESS`.
    pub status: String,
    /// ARNs of the task role and the execution role.
    pub roles: Vec<String>,
    pub containers: Vec<ContainerDefinition>,
}

impl TaskDefinition {
    /// `shop:42`.
    pub fn title(&self) -> String {
        format!("{}:{}", self.family, self.revision)
    }
}

/// A container of a task definition.
#[derive(Clone, Debug)]
pub struct ContainerDefinition {
    pub name: String,
    pub image: String,
    /// Whether the task ends when it ends.
    pub essential: bool,
    /// The log group that it writes to.
    pub log_group: Option<String>,
    /// What it reads from other AWS services: the variable, and where its value comes from.
    pub secrets: Vec<(String, String)>,
    /// The secret with the credentials for its registry, by name or ARN.
    pub registry: Option<String>,
    /// The port that it listens on.
    pub port: Option<i32>,
    /// Its health check, if it has one.
    pub health_check: Option<Vec<String>>,
}
