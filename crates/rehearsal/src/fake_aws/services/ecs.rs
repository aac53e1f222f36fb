//! Amazon ECS's operations.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{ApiError, OperationResult, epoch, number, page, text, texts, without_nulls},
    world::{ContainerDefinition, REGION, Service, Task, TaskDefinition, TaskSet, World, arn},
};

/// The most tasks that ListTasks returns on a page.
const MAX_PAGE: usize = 100;

pub(crate) fn describe_services(world: &World, input: &Value) -> OperationResult {
    let cluster = cluster(world, input)?;
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for requested in texts(input, "services") {
        match world.service.as_ref().filter(|service| last_segment(requested) == service.name) {
            Some(found) => services.push(service(world, found, &cluster)),
            None => {
                let arn = arn("ecs", &format!("service/{}/{}", world.cluster, last_segment(requested)));
                failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            }
        }
    }
    Ok(without_nulls(json!({ "services": services, "failures": failures })))
}

pub(crate) fn list_tasks(world: &World, input: &Value) -> OperationResult {
    cluster(world, input)?;
    let started_by = text(input, "startedBy");
    let other_filters = ["serviceName", "family", "desiredStatus", "containerInstance", "launchType"];
    if !started_by.is_empty() && other_filters.iter().any(|other| input.get(other).is_some()) {
        return Err(ApiError::new("InvalidParameterException", "startedBy must be the only filter"));
    }
    let service = last_segment(text(input, "serviceName"));
    if !service.is_empty() && world.service.as_ref().is_none_or(|it| it.name != service) {
        return Err(ApiError::new("ServiceNotFoundException", "Service not found."));
    }
    let desired = Some(text(input, "desiredStatus")).filter(|status| !status.is_empty()).unwrap_or("RUNNING");
    let group = format!("service:{service}");
    let all: Vec<_> = world
        .tasks
        .iter()
        .filter(|task| started_by.is_empty() || task.started_by == started_by)
        .filter(|task| service.is_empty() || task.group == group)
        .filter(|task| task.desired_status == desired)
        .map(|task| task.arn.as_str())
        .collect();
    let size = number(input, "maxResults").unwrap_or(MAX_PAGE).min(world.page_size);
    let token = text(input, "nextToken");
    let from = if token.is_empty() { Some(0) } else { token.strip_prefix("after-").and_then(|it| it.parse().ok()) };
    let from = from.ok_or_else(|| ApiError::new("InvalidParameterException", "Invalid token."))?;
    let (arns, next) = page(all, from, size);
    Ok(without_nulls(json!({ "taskArns": arns, "nextToken": next.map(|next| format!("after-{next}")) })))
}

pub(crate) fn describe_tasks(world: &World, input: &Value) -> OperationResult {
    let cluster = cluster(world, input)?;
    let by_id: HashMap<_, _> = world.tasks.iter().map(|task| (last_segment(&task.arn), task)).collect();
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for requested in texts(input, "tasks") {
        match by_id.get(last_segment(requested)) {
            Some(found) => tasks.push(task(found, &cluster)),
            None => failures.push(json!({ "arn": requested, "reason": "MISSING" })),
        }
    }
    Ok(without_nulls(json!({ "tasks": tasks, "failures": failures })))
}

pub(crate) fn describe_task_definition(world: &World, input: &Value) -> OperationResult {
    let requested = last_segment(text(input, "taskDefinition"));
    let mut newest_first = world.definitions.iter().rev();
    let found = newest_first.find(|it| it.title() == requested || it.family == requested);
    let found = found.ok_or_else(|| ApiError::new("ClientException", "Unable to describe task definition."))?;
    Ok(without_nulls(json!({ "taskDefinition": task_definition(found), "tags": [] })))
}

pub(crate) fn register_task_definition(world: &mut World, input: &Value) -> OperationResult {
    let family = text(input, "family");
    let is_in_names = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if family.is_empty() || !family.chars().all(is_in_names) {
        return Err(ApiError::new("ClientException", "Family contains invalid characters."));
    }
    let given = input.get("containerDefinitions").and_then(Value::as_array).cloned().unwrap_or_default();
    if given.is_empty() {
        return Err(ApiError::new("ClientException", "Container list cannot be empty."));
    }
    if let Some(nameless) = given.iter().find(|it| text(it, "name").is_empty() || text(it, "image").is_empty()) {
        let message = format!("Container.image and Container.name should not be null or empty: {nameless}");
        return Err(ApiError::new("ClientException", message));
    }
    let roles = ["taskRoleArn", "executionRoleArn"].map(|role| text(input, role).to_owned());
    let registered = world.add_task_definition(TaskDefinition {
        arn: String::new(),
        family: family.to_owned(),
        revision: 0,
        status: "ACTIVE".into(),
        roles: roles.into_iter().filter(|role| !role.is_empty()).collect(),
        containers: given.iter().map(container_definition).collect(),
    });
    let mut output = task_definition(&registered);
    // AWS returns everything that was registered, and not only what is simulated.
    for (member, value) in input.as_object().into_iter().flatten().filter(|(member, _)| *member != "tags") {
        output[member] = value.clone();
    }
    let tags = input.get("tags").cloned().unwrap_or_else(|| json!([]));
    Ok(without_nulls(json!({ "taskDefinition": output, "tags": tags })))
}

/// Reads a container of a task definition, as far as it is simulated.
fn container_definition(given: &Value) -> ContainerDefinition {
    let port = given.pointer("/portMappings/0/containerPort").and_then(Value::as_i64);
    let secrets = given.get("secrets").and_then(Value::as_array).into_iter().flatten();
    let log_group = given.pointer("/logConfiguration/options/awslogs-group").and_then(Value::as_str);
    let registry = given.pointer("/repositoryCredentials/credentialsParameter").and_then(Value::as_str);
    let check = given.get("healthCheck").map(|check| texts(check, "command").into_iter().map(str::to_owned).collect());
    ContainerDefinition {
        name: text(given, "name").to_owned(),
        image: text(given, "image").to_owned(),
        essential: given.get("essential").and_then(Value::as_bool).unwrap_or(true),
        log_group: log_group.map(str::to_owned),
        secrets: secrets.map(|it| (text(it, "name").to_owned(), text(it, "valueFrom").to_owned())).collect(),
        registry: registry.map(str::to_owned),
        port: port.and_then(|port| port.try_into().ok()),
        health_check: check,
    }
}

fn task_definition(found: &TaskDefinition) -> Value {
    let containers = found.containers.iter().map(|container| {
        json!({
            "name": container.name,
            "image": container.image,
            "cpu": 0,
            "portMappings": container.port.map(|port| json!([{ "containerPort": port, "hostPort": port, "protocol": "tcp" }])),
            "essential": container.essential,
            "logConfiguration": container.log_group.as_ref().map(|group| json!({
                "logDriver": "awslogs",
                "options": { "awslogs-group": group, "awslogs-region": REGION, "awslogs-stream-prefix": "ecs" },
            })),
            "secrets": container.secrets.iter()
                .map(|(name, from)| json!({ "name": name, "valueFrom": from })).collect::<Vec<_>>(),
            "repositoryCredentials": container.registry.as_ref().map(|from| json!({ "credentialsParameter": from })),
            "environment": [],
            "mountPoints": [],
            "volumesFrom": [],
            "healthCheck": container.health_check.as_ref().map(|command| json!({
                "command": command, "interval": 10, "timeout": 5, "retries": 3,
            })),
        })
    });
    let containers: Vec<_> = containers.collect();
    json!({
        "taskDefinitionArn": found.arn,
        "containerDefinitions": containers,
        "family": found.family,
        "revision": found.revision,
        "networkMode": "awsvpc",
        "status": found.status,
        "taskRoleArn": found.roles.first(),
        "executionRoleArn": found.roles.get(1),
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "volumes": [],
    })
}

/// The ARN of the requested cluster.
fn cluster(world: &World, input: &Value) -> Result<String, ApiError> {
    let requested = last_segment(text(input, "cluster"));
    if requested == world.cluster {
        return Ok(arn("ecs", &format!("cluster/{requested}")));
    }
    Err(ApiError::new("ClusterNotFoundException", "Cluster not found."))
}

/// The name in a name or an ARN.
fn last_segment(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

fn service(world: &World, found: &Service, cluster: &str) -> Value {
    let arn = arn("ecs", &format!("service/{}/{}", world.cluster, found.name));
    let sets: Vec<_> = found.task_sets.iter().map(|set| task_set(world, found, set, &arn, cluster)).collect();
    // ECS keeps the 100 newest.
    let events: Vec<_> = found
        .events
        .iter()
        .take(100)
        .map(|event| json!({ "id": event.id, "createdAt": epoch(event.at), "message": event.message }))
        .collect();
    // With an external controller, only the task sets have a task definition and load balancers.
    let of_service = found.controller == "CODE_DEPLOY";
    let primary = found.task_sets.iter().find(|set| set.status == "PRIMARY").filter(|_| of_service);
    let count = |of: fn(&TaskSet) -> i32| found.task_sets.iter().map(of).sum::<i32>();
    json!({
        "serviceArn": arn,
        "serviceName": found.name,
        "clusterArn": cluster,
        "loadBalancers": primary.map(load_balancers).unwrap_or_default(),
        "taskDefinition": primary.map(|set| &set.task_definition),
        "serviceRegistries": [],
        "status": found.status,
        "desiredCount": found.desired,
        "runningCount": count(|set| set.running),
        "pendingCount": count(|set| set.pending),
        "deploymentController": { "type": found.controller },
        "taskSets": sets,
        "deployments": [],
        "events": events,
        "schedulingStrategy": "REPLICA",
        "launchType": "FARGATE",
    })
}

fn load_balancers(set: &TaskSet) -> Vec<Value> {
    let balancers = set.load_balancers.iter();
    balancers
        .map(|it| json!({ "targetGroupArn": it.target_group, "containerName": it.container, "containerPort": it.port }))
        .collect()
}

fn task_set(world: &World, service: &Service, set: &TaskSet, service_arn: &str, cluster: &str) -> Value {
    json!({
        "id": set.id,
        "taskSetArn": arn("ecs", &format!("task-set/{}/{}/{}", world.cluster, service.name, set.id)),
        "serviceArn": service_arn,
        "clusterArn": cluster,
        "startedBy": "CODE_DEPLOY",
        "externalId": set.external_id,
        "status": set.status,
        "taskDefinition": set.task_definition,
        "computedDesiredCount": set.desired,
        "pendingCount": set.pending,
        "runningCount": set.running,
        "createdAt": epoch(set.created),
        "updatedAt": epoch(set.created),
        "launchType": "FARGATE",
        "loadBalancers": load_balancers(set),
        "scale": { "value": set.scale, "unit": "PERCENT" },
        "stabilityStatus": if set.steady { "STEADY_STATE" } else { "STABILIZING" },
        "stabilityStatusAt": epoch(set.created),
        "tags": [],
    })
}

fn task(found: &Task, cluster: &str) -> Value {
    let containers = found.containers.iter().map(|container| {
        json!({
            "containerArn": format!("{}/{}", found.arn.replace(":task/", ":container/"), container.name),
            "taskArn": found.arn,
            "name": container.name,
            "image": container.image,
            "imageDigest": container.digest,
            "lastStatus": container.last_status,
            "exitCode": container.exit_code,
            "reason": container.reason,
            "healthStatus": container.health,
            "networkInterfaces": [],
        })
    });
    let containers: Vec<_> = containers.collect();
    let interface = found.arn.rsplit('/').next().unwrap_or_default();
    let attachment = json!({
        "id": format!("0a1b2c3d-{}", interface.get(..12).unwrap_or_default()),
        "type": "ElasticNetworkInterface",
        // A stopped task keeps the record of its address.
        "status": if found.last_status == "STOPPED" { "DELETED" } else { "ATTACHED" },
        "details": [
            { "name": "subnetId", "value": "subnet-0a1b2c3d4e5f60718" },
            { "name": "networkInterfaceId", "value": format!("eni-{}", interface.get(..17).unwrap_or_default()) },
            { "name": "privateIPv4Address", "value": found.address },
        ],
    });
    json!({
        "taskArn": found.arn,
        "attachments": [attachment],
        "clusterArn": cluster,
        "taskDefinitionArn": found.task_definition,
        "startedBy": found.started_by,
        "group": found.group,
        "lastStatus": found.last_status,
        "desiredStatus": found.desired_status,
        "healthStatus": found.health,
        "stopCode": found.stop_code,
        "stoppedReason": found.stopped_reason,
        "createdAt": epoch(found.created),
        "stoppedAt": found.stopped.map(epoch),
        "containers": containers,
        "launchType": "FARGATE",
        "version": 1,
    })
}
