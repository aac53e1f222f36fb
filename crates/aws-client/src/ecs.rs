//! Reads Amazon ECS: the service with its task sets, and the tasks of one task set.

use aws_sdk_ecs::{
    operation::list_tasks::builders::ListTasksFluentBuilder as ListTasks,
    types::{DesiredStatus, StabilityStatus},
};
use gate::permissions::actions::{DESCRIBE_SERVICES, DESCRIBE_TASK_DEFINITION, DESCRIBE_TASKS, LIST_TASKS};

use super::{Aws, AwsError, system_time, text_or_empty};
use crate::model::{
    Container, ContainerDefinition, LogGroup, Registration, Service, ServiceEvent, Task, TaskDefinition, TaskSet,
};

/// The maximum number of tasks for one DescribeTasks call.
const MAX_TASKS_PER_CALL: usize = 100;
/// Pages of ListTasks with 100 tasks each. ECS allows 5,000 tasks in a service.
const MAX_PAGES: usize = 50;

/// Which tasks to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskFilter {
    /// Tasks that run or are about to run.
    Running,
    /// Stopped tasks. ECS keeps them for about an hour.
    Stopped,
}

/// A page of ListTasks.
struct Page {
    arns: Vec<String>,
    next_token: Option<String>,
}

impl Aws {
    /// DescribeServices for one service.
    pub async fn service(&self, cluster: &str, service: &str) -> Result<Service, AwsError> {
        let request = self.ecs().describe_services().cluster(cluster).services(service);
        let reply = self.send(DESCRIBE_SERVICES, || request.clone().send()).await?;
        if reply.services.is_none() && reply.failures.is_none() {
            return Err(AwsError::missing_field(DESCRIBE_SERVICES, "services"));
        }
        let Some(found) = reply.services().first() else {
            let reason = reply.failures().first().and_then(|failure| failure.reason()).unwrap_or("MISSING");
            return Ok(Service {
                name: service.to_owned(),
                status: reason.to_owned(),
                controller: String::new(),
                task_sets: Vec::new(),
                events: Vec::new(),
            });
        };
        Ok(Service {
            name: found.service_name().unwrap_or(service).to_owned(),
            status: text_or_empty(found.status()),
            controller: found.deployment_controller().map(|it| it.r#type().as_str().to_owned()).unwrap_or_default(),
            task_sets: found.task_sets().iter().map(task_set).collect(),
            events: found
                .events()
                .iter()
                .filter_map(|event| {
                    Some(ServiceEvent { at: system_time(event.created_at()), message: event.message()?.to_owned() })
                })
                .filter(|event| is_problem(&event.message))
                .collect(),
        })
    }

    /// ListTasks and DescribeTasks for the tasks of one task set.
    ///
    /// In practice `startedBy` is the task set's id, but AWS does not document it, and the filter excludes every other
    /// filter. It is used first for running tasks. For stopped tasks, and if it finds nothing, all tasks of the service
    /// are listed and `Task::belongs_to` selects those of the task set.
    pub async fn tasks(
        &self,
        cluster: &str,
        service: &Service,
        set: &TaskSet,
        filter: TaskFilter,
    ) -> Result<Vec<Task>, AwsError> {
        let request = self.ecs().list_tasks().cluster(cluster);
        if filter == TaskFilter::Running {
            let tasks = self.described_tasks(cluster, request.clone().started_by(&set.id)).await?;
            if !tasks.is_empty() {
                return Ok(keep_own(tasks, service, set));
            }
        }
        let status = match filter {
            TaskFilter::Running => DesiredStatus::Running,
            TaskFilter::Stopped => DesiredStatus::Stopped,
        };
        let request = request.service_name(&service.name).desired_status(status);
        Ok(keep_own(self.described_tasks(cluster, request).await?, service, set))
    }

    /// Lists tasks and describes them. The tasks of one page are described while the next page is listed, because each
    /// page has to wait for the one before it.
    async fn described_tasks(&self, cluster: &str, request: ListTasks) -> Result<Vec<Task>, AwsError> {
        let mut tasks = Vec::new();
        let mut page = self.list_page(&request, None).await?;
        for _ in 1..MAX_PAGES {
            let Some(token) = page.next_token else { break };
            let (described, next_page) =
                tokio::try_join!(self.describe_tasks(cluster, &page.arns), self.list_page(&request, Some(token)))?;
            tasks.extend(described);
            page = next_page;
        }
        if page.next_token.is_some() {
            return Err(AwsError::missing_field(LIST_TASKS, format_args!("end after {MAX_PAGES} pages")));
        }
        tasks.extend(self.describe_tasks(cluster, &page.arns).await?);
        Ok(tasks)
    }

    async fn list_page(&self, request: &ListTasks, token: Option<String>) -> Result<Page, AwsError> {
        let request = request.clone().set_next_token(token);
        let reply = self.send(LIST_TASKS, || request.clone().send()).await?;
        // ECS also sends an empty list. A reply without the list is not from ECS, and must not count as no tasks.
        let arns = reply.task_arns.ok_or_else(|| AwsError::missing_field(LIST_TASKS, "taskArns"))?;
        Ok(Page { arns, next_token: reply.next_token })
    }

    async fn describe_tasks(&self, cluster: &str, arns: &[String]) -> Result<Vec<Task>, AwsError> {
        let mut tasks = Vec::new();
        // A page is not larger than one call, so this is one call.
        for chunk in arns.chunks(MAX_TASKS_PER_CALL) {
            let request = self.ecs().describe_tasks().cluster(cluster).set_tasks(Some(chunk.to_vec()));
            let reply = self.send(DESCRIBE_TASKS, || request.clone().send()).await?;
            let described = reply.tasks.ok_or_else(|| AwsError::missing_field(DESCRIBE_TASKS, "tasks"))?;
            tasks.extend(described.iter().map(task));
        }
        Ok(tasks)
    }

    pub async fn task_definition(&self, definition: &str) -> Result<TaskDefinition, AwsError> {
        let request = self.ecs().describe_task_definition().task_definition(definition);
        let reply = self.send(DESCRIBE_TASK_DEFINITION, || request.clone().send()).await?;
        let found = reply
            .task_definition()
            .ok_or_else(|| AwsError::missing_field(DESCRIBE_TASK_DEFINITION, "taskDefinition"))?;
        let roles = [found.task_role_arn(), found.execution_role_arn()];
        Ok(TaskDefinition {
            arn: text_or_empty(found.task_definition_arn()),
            status: found.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            roles: roles.into_iter().flatten().map(str::to_owned).collect(),
            containers: found.container_definitions().iter().map(container_definition).collect(),
        })
    }
}

/// ECS's filters can return more than the tasks of the task set.
fn keep_own(tasks: Vec<Task>, service: &Service, set: &TaskSet) -> Vec<Task> {
    tasks.into_iter().filter(|task| task.belongs_to(set, service)).collect()
}

fn container_definition(it: &aws_sdk_ecs::types::ContainerDefinition) -> ContainerDefinition {
    let log = it.log_configuration();
    let option = |key: &str| log.and_then(|log| log.options()).and_then(|options| options.get(key)).cloned();
    let log_group = option("awslogs-group").filter(|_| log.is_some_and(|log| log.log_driver().as_str() == "awslogs"));
    let for_log = log.map(|log| log.secret_options()).unwrap_or_default();
    let secrets = it.secrets().iter().chain(for_log).map(|secret| secret.value_from().to_owned());
    ContainerDefinition {
        name: text_or_empty(it.name()),
        image: text_or_empty(it.image()),
        has_health_check: it.health_check().is_some(),
        is_essential: it.essential().unwrap_or(true),
        log_group: log_group.map(|name| LogGroup {
            name,
            region: option("awslogs-region"),
            created_on_demand: option("awslogs-create-group").is_some_and(|it| it.eq_ignore_ascii_case("true")),
        }),
        secrets: secrets.collect(),
        registry: it.repository_credentials().map(|it| it.credentials_parameter().to_owned()),
    }
}

/// Whether a service event can explain a problem. Most events report success.
fn is_problem(event: &str) -> bool {
    ["unable", "unhealthy", "fail", "error"].iter().any(|word| event.contains(word))
}

fn task_set(set: &aws_sdk_ecs::types::TaskSet) -> TaskSet {
    TaskSet {
        id: text_or_empty(set.id()),
        external_id: text_or_empty(set.external_id()),
        status: text_or_empty(set.status()),
        is_steady: set.stability_status() == Some(&StabilityStatus::SteadyState),
        desired: set.computed_desired_count(),
        running: set.running_count(),
        pending: set.pending_count(),
        task_definition: text_or_empty(set.task_definition()),
        registrations: set.load_balancers().iter().filter_map(registration).collect(),
        created: system_time(set.created_at()),
    }
}

/// `None` for a Classic Load Balancer, which has no target group.
fn registration(it: &aws_sdk_ecs::types::LoadBalancer) -> Option<Registration> {
    Some(Registration {
        target_group: it.target_group_arn()?.to_owned(),
        container: it.container_name().map(str::to_owned),
        container_port: it.container_port(),
    })
}

/// The addresses of a task. The attachment of a task keeps its address after the task has stopped. The containers have
/// the same address, and the IPv6 one.
fn addresses(task: &aws_sdk_ecs::types::Task) -> Vec<String> {
    let details = task.attachments().iter().flat_map(|attachment| attachment.details());
    let attached = details.filter(|detail| matches!(detail.name(), Some("privateIPv4Address" | "ipv6Address")));
    let interfaces = task.containers().iter().flat_map(|container| container.network_interfaces());
    let inside = interfaces.flat_map(|it| [it.private_ipv4_address(), it.ipv6_address()]);
    attached.map(|detail| detail.value()).chain(inside).flatten().map(str::to_owned).collect()
}

fn task(task: &aws_sdk_ecs::types::Task) -> Task {
    Task {
        id: task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default().to_owned(),
        started_by: text_or_empty(task.started_by()),
        task_definition: text_or_empty(task.task_definition_arn()),
        created: system_time(task.created_at()),
        stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
        stopped_reason: task.stopped_reason().map(str::to_owned),
        addresses: addresses(task),
        host_ports: task
            .containers()
            .iter()
            .flat_map(|it| it.network_bindings())
            .filter_map(|binding| binding.host_port())
            .collect(),
        containers: task
            .containers()
            .iter()
            .map(|it| Container {
                name: text_or_empty(it.name()),
                health: it.health_status().map_or("UNKNOWN", |health| health.as_str()).to_owned(),
                digest: it.image_digest().map(str::to_owned),
                exit_code: it.exit_code(),
                reason: it.reason().map(str::to_owned),
            })
            .collect(),
    }
}
