//! What ECS reports: the service, its task sets, their tasks and containers.

use std::time::SystemTime;

use super::{Deployment, TargetHealth};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcsServiceName {
    /// Name or ARN of its cluster.
    pub cluster: String,
    /// The service's name.
    pub service: String,
}

/// An ECS service and its task sets (DescribeServices).
#[derive(Clone, Debug, Default)]
pub struct Service {
    pub name: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// `CODE_DEPLOY`, `ECS` or `EXTERNAL`.
    pub controller: String,
    pub task_sets: Vec<TaskSet>,
    /// Its events that can explain a problem, the newest first.
    pub events: Vec<ServiceEvent>,
}

#[derive(Clone, Debug)]
pub struct ServiceEvent {
    pub at: Option<SystemTime>,
    /// The text from ECS: `(service web, taskSet ecs-svc/…) was unable to place a task because …`.
    pub message: String,
}

impl Service {
    /// Whether it can be deployed to. A deleted service is `DRAINING` while its tasks stop, and ECS reports it as
    /// `INACTIVE` for a while after that.
    pub fn is_active(&self) -> bool {
        self.status == "ACTIVE"
    }

    /// The newest event that can explain a problem of `set`. Events before its creation, and events about another task
    /// set, do not count.
    pub fn explaining_event(&self, set: &TaskSet) -> Option<&str> {
        let is_about = |event: &&ServiceEvent| {
            let names_another = event.message.contains("taskSet ") && !event.message.contains(&set.id);
            !names_another && (event.at.is_none() || event.at >= set.created)
        };
        self.events.iter().find(is_about).map(|event| event.message.as_str())
    }

    /// The task set that this deployment created. It is found by identity, because names and labels of colours swap
    /// with each deployment. If there are several, the newest counts. A task set that is `DRAINING` is being removed.
    pub fn green(&self, deployment: &Deployment) -> Option<&TaskSet> {
        let own = self.task_sets.iter().filter(|set| set.status != "DRAINING" && self.is_made_by(set, deployment));
        own.max_by_key(|set| set.created)
    }

    /// The original task set: the primary one among those that the deployment did not create.
    pub fn blue(&self, deployment: &Deployment) -> Option<&TaskSet> {
        let others = || self.task_sets.iter().filter(|set| !self.is_made_by(set, deployment));
        let newest = || others().filter(|set| set.status == "ACTIVE").max_by_key(|set| set.created);
        others().find(|set| set.status == "PRIMARY").or_else(newest)
    }

    /// Whether the deployment created the task set. CodeDeploy sets its deployment id as the external id.
    /// CloudFormation does not, so there a task set counts that was created after the deployment started; before
    /// Install there is none.
    fn is_made_by(&self, set: &TaskSet, deployment: &Deployment) -> bool {
        if !deployment.id.is_empty() && set.external_id == deployment.id {
            return true;
        }
        let since = deployment.created.zip(set.created).is_some_and(|(began, created)| created >= began);
        self.controller == "EXTERNAL" && since
    }

    /// Moves the target group of the deployment's pair to the front of every task set's registrations.
    pub(crate) fn order_registrations(&mut self, pair: &[String]) {
        for set in &mut self.task_sets {
            set.registrations.sort_by_key(|registration| !pair.contains(&registration.target_group));
        }
    }
}

#[derive(Clone, Debug)]
pub struct TaskSet {
    /// `ecs-svc/…`, which is also the `startedBy` of its tasks.
    pub id: String,
    /// The id of the CodeDeploy deployment that created it.
    pub external_id: String,
    /// `PRIMARY`, `ACTIVE` or `DRAINING`.
    pub status: String,
    /// Whether ECS reports it as steady.
    pub is_steady: bool,
    /// The number of tasks that it should have, after scaling.
    pub desired: i32,
    pub running: i32,
    pub pending: i32,
    /// ARN of its task definition.
    pub task_definition: String,
    /// The target groups of its containers. After `Service::order_registrations`, the first one belongs to the
    /// deployment.
    pub registrations: Vec<Registration>,
    pub created: Option<SystemTime>,
}

/// The registration of a container port with a target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// ARN of the target group.
    pub target_group: String,
    /// The container that the load balancer sends requests to.
    pub container: Option<String>,
    pub container_port: Option<i32>,
}

impl TaskSet {
    /// The registration that belongs to the deployment.
    pub fn registration(&self) -> Option<&Registration> {
        self.registrations.first()
    }

    /// ARN of its target group.
    pub fn target_group(&self) -> Option<&String> {
        self.registration().map(|registration| &registration.target_group)
    }

    /// The number of tasks that it has or should have. All tasks were seen only if at least this many were.
    pub fn expected_tasks(&self) -> usize {
        usize::try_from(self.running.max(self.desired)).unwrap_or_default()
    }
}

#[derive(Clone, Debug)]
pub struct Task {
    /// The last part of its ARN.
    pub id: String,
    /// The task set in `startedBy`.
    pub started_by: String,
    /// ARN of its task definition.
    pub task_definition: String,
    pub created: Option<SystemTime>,
    /// The stop code from ECS.
    pub stop_code: Option<String>,
    /// The stopped reason from ECS.
    pub stopped_reason: Option<String>,
    /// IP addresses of its network interfaces. Empty if it uses those of its instance.
    pub addresses: Vec<String>,
    /// Ports of its instance that lead to it. Empty if it has its own network interface.
    pub host_ports: Vec<i32>,
    pub containers: Vec<Container>,
}

#[derive(Clone, Debug)]
pub struct Container {
    pub name: String,
    /// `HEALTHY`, `UNHEALTHY` or `UNKNOWN`.
    pub health: String,
    /// The digest of its image, after the image is pulled.
    pub digest: Option<String>,
    /// Its exit code, after it has ended.
    pub exit_code: Option<i32>,
    /// The reason of its end, if ECS reports one.
    pub reason: Option<String>,
}

/// ECS's reason of a task that a container ended.
const CONTAINER_EXITED: &str = "Essential container in task exited";

impl Task {
    /// Whether it belongs to `set`. AWS does not promise that `startedBy` is the task set's id, so a task that names no
    /// task set is assigned by its task definition and its age.
    pub(crate) fn belongs_to(&self, set: &TaskSet, service: &Service) -> bool {
        if service.task_sets.iter().any(|known| known.id == self.started_by) {
            return self.started_by == set.id;
        }
        self.task_definition == set.task_definition && (set.created.is_none() || self.created >= set.created)
    }

    /// Whether a target is this task: by the address of its network interface or, on an instance, by the port. ECS does
    /// not report the instance here.
    pub fn is_target(&self, target: &TargetHealth) -> bool {
        if target.id.starts_with("i-") {
            return self.host_ports.is_empty() || target.port.is_none_or(|port| self.host_ports.contains(&port));
        }
        self.addresses.contains(&target.id)
    }

    /// Why it ended, in one clause: `container web exited with code 1`, `… not found (CannotPullContainerError)`.
    pub fn stop_cause(&self) -> String {
        let stated = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        // The reason of a container is nearer to the cause than the reason of the task.
        let of_container = self.containers.iter().find_map(|container| {
            let exit = container.exit_code.filter(|code| *code != 0);
            let exit = exit.map(|code| format!("container {} exited with code {code}", container.name));
            match (exit, stated(&container.reason).map(|reason| error_last(&reason))) {
                (Some(exit), Some(reason)) => Some(format!("{exit}: {reason}")),
                (exit, reason) => exit.or(reason),
            }
        });
        // Except if ECS stopped the task, for example because its targets failed health checks: then a container's exit
        // code is the consequence.
        let of_task = stated(&self.stopped_reason).map(|reason| error_last(&reason));
        match (of_task, of_container) {
            (Some(task), Some(container))
                if !task.starts_with(CONTAINER_EXITED) && !container.contains(&task) && !task.contains(&container) =>
            {
                format!("{task}; {container}")
            }
            (_, Some(container)) => container,
            (Some(task), None) => task,
            (None, None) => stated(&self.stop_code).unwrap_or_else(|| "ECS reports no reason".to_owned()),
        }
    }

    /// Whether it ended before its containers ran.
    pub fn failed_to_start(&self) -> bool {
        self.stop_code.as_deref() == Some("TaskFailedToStart")
    }

    /// Describes its end: the reason, and the id with which its log can be found: `task stopped: web exit code 137,
    /// OutOfMemoryError; Essential container in task exited (task 0f9c…)`.
    pub fn stop_summary(&self) -> String {
        let container_summary = |container: &&Container| {
            let reason = container.reason.as_deref().filter(|reason| Some(*reason) != self.stopped_reason.as_deref());
            let exit = container.exit_code.filter(|code| *code != 0 || reason.is_some());
            let parts: Vec<_> =
                exit.map(|code| format!("exit code {code}")).into_iter().chain(reason.map(str::to_owned)).collect();
            (!parts.is_empty()).then(|| format!("{} {}", container.name, parts.join(", ")))
        };
        // The reason of a container is nearer to the cause than the reason of the task.
        let mut why: Vec<String> =
            self.containers.iter().filter_map(|container| container_summary(&container)).collect();
        why.extend(self.stopped_reason.clone().filter(|reason| !reason.is_empty()));
        why.extend(self.stop_code.clone());
        let why = if why.is_empty() { "no reason given".to_owned() } else { why.join("; ") };
        format!("task stopped: {why} (task {})", self.id)
    }
}

impl Task {
    /// A stopped task of which only this is known. An empty text stands for one that ECS does not report.
    pub fn stopped(id: &str, code: &str, reason: &str) -> Self {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            id: id.to_owned(),
            started_by: String::new(),
            task_definition: String::new(),
            created: None,
            stop_code: text(code),
            stopped_reason: text(reason),
            addresses: Vec::new(),
            host_ports: Vec::new(),
            containers: Vec::new(),
        }
    }
}

/// Moves the name of an error from the front, where ECS has it, to the end: the text says more at first sight.
fn error_last(reason: &str) -> String {
    match reason.split_once(": ") {
        Some((name, text)) if name.ends_with("Error") && !name.contains(' ') => {
            format!("{} ({name})", text.trim_end_matches('.'))
        }
        _ => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stopped(code: &str, reason: &str, containers: &[(Option<i32>, &str)]) -> Task {
        let container = |(exit_code, reason): &(Option<i32>, &str)| Container {
            name: "web".to_owned(),
            health: "UNKNOWN".to_owned(),
            digest: None,
            exit_code: *exit_code,
            reason: Some((*reason).to_owned()),
        };
        Task { containers: containers.iter().map(container).collect(), ..Task::stopped("0a1b2c3d", code, reason) }
    }

    #[test]
    fn cause_of_a_stop_is_the_text_nearest_to_it() {
        let exited = "Essential container in task exited";
        for (task, cause) in [
            (
                stopped("TaskFailedToStart", "CannotPullContainerError: shop:1.42.0: not found", &[(None, "")]),
                "shop:1.42.0: not found (CannotPullContainerError)",
            ),
            (
                stopped("EssentialContainerExited", exited, &[(Some(137), "OutOfMemoryError: Container killed.")]),
                "container web exited with code 137: Container killed (OutOfMemoryError)",
            ),
            (stopped("EssentialContainerExited", exited, &[(Some(1), "")]), "container web exited with code 1"),
            (stopped("EssentialContainerExited", exited, &[(Some(0), "")]), exited),
            (
                stopped("", "Task failed ELB health checks in (target-group tg)", &[(Some(143), "")]),
                "Task failed ELB health checks in (target-group tg); container web exited with code 143",
            ),
            (stopped("UserInitiated", "", &[]), "UserInitiated"),
            (stopped("", "", &[]), "ECS reports no reason"),
        ] {
            assert_eq!(task.stop_cause(), cause);
        }
    }
}
