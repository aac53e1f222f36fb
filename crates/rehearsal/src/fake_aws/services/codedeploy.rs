//! CodeDeploy's operations.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::{
    fake_aws::{
        client_requests::RequestedDeployment,
        protocol::{ApiError, OperationResult, epoch, long_ago, not_simulated, text, texts, without_nulls},
    },
    scenario::RevisionContent,
    world::{
        AlarmSetting, AutoRollback, CODEDEPLOY_ROLE, ComputePlatform, Deployment, DeploymentStatus, EventStatus,
        Revision, RevisionFormat, StatusRejected, TargetGroupPair, World, arn, digest_of, function_arn, role_arn,
    },
};

/// The deployment configuration of the deployment group.
const DEFAULT_CONFIG: &str = "CodeDeployDefault.ECSAllAtOnce";

pub(crate) fn get_deployment(world: &World, input: &Value) -> OperationResult {
    let found = deployment(world, input)?;
    let rollback = found.rollback.as_ref().map(|info| {
        json!({
            "rollbackDeploymentId": info.rolled_back_by,
            "rollbackTriggeringDeploymentId": info.triggered_by,
            "rollbackMessage": info.message,
        })
    });
    Ok(without_nulls(json!({ "deploymentInfo": {
        "applicationName": found.application,
        "deploymentGroupName": found.group,
        "deploymentConfigName": found.config,
        "deploymentId": found.id,
        "status": found.status,
        "errorInformation": found.error.as_ref().map(|(code, message)| json!({ "code": code, "message": message })),
        "createTime": epoch(found.created),
        "startTime": epoch(found.created),
        "completeTime": found.completed.map(epoch),
        "creator": found.creator,
        "description": found.description,
        "ignoreApplicationStopFailures": false,
        "autoRollbackConfiguration": found.auto_rollback.as_ref().map(auto_rollback),
        "updateOutdatedInstancesOnly": false,
        "rollbackInfo": rollback,
        "deploymentStyle": { "deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL" },
        "instanceTerminationWaitTimeStarted": false,
        "loadBalancerInfo": found.pair.as_ref().map(load_balancer_info),
        "fileExistsBehavior": "DISALLOW",
        "deploymentStatusMessages": [],
        "computePlatform": found.platform.as_str(),
        "overrideAlarmConfiguration": found.override_alarms.as_ref().map(alarms),
        "revision": revision(found, found.revision.format == RevisionFormat::Content),
    }})))
}

/// The location of an AppSpec file, with or without its content.
fn revision(found: &Deployment, with_content: bool) -> Value {
    if found.revision.format == RevisionFormat::S3 {
        let (bucket, key) = Revision::APP_SPEC_OBJECT;
        let version = &found.revision.version;
        return json!({ "revisionType": "S3", "s3Location": without_nulls(json!({
            "bucket": bucket, "key": key, "bundleType": "YAML", "version": version,
        })) });
    }
    if found.revision.format == RevisionFormat::RawString {
        return json!({ "revisionType": "String", "string": { "content": &found.revision.app_spec, "sha256": sha256(found) } });
    }
    let content = with_content.then_some(&found.revision.app_spec);
    json!({ "revisionType": "AppSpecContent", "appSpecContent": { "content": content, "sha256": sha256(found) } })
}

/// A stand-in for the hash of an AppSpec file.
fn sha256(found: &Deployment) -> String {
    digest_of(&found.revision.app_spec.replace('@', " ")).trim_start_matches("sha256:").to_owned()
}

pub(crate) fn get_application_revision(world: &World, input: &Value) -> OperationResult {
    let application = text(input, "applicationName");
    if application != world.group.application {
        let message = format!("Application {application} could not be found");
        return Err(ApiError::new("ApplicationDoesNotExistException", message));
    }
    let requested_sha256 = input.get("revision").and_then(|it| it.get("appSpecContent")).map(|it| text(it, "sha256"));
    let found = world.deployments.iter().find(|it| Some(sha256(it).as_str()) == requested_sha256);
    let message = "No revision information could be found";
    let found = found.ok_or_else(|| ApiError::new("RevisionDoesNotExistException", message))?;
    Ok(json!({
        "applicationName": application,
        "revision": revision(found, true),
        "revisionInfo": { "deploymentGroups": [found.group], "registerTime": epoch(found.created) },
    }))
}

/// A deployment that a client wants to create.
pub(crate) struct CreateDeployment {
    content: RevisionContent,
    format: RevisionFormat,
    /// ARN of the task definition.
    task_definition: String,
    config: String,
    description: Option<String>,
    auto_rollback: Option<AutoRollback>,
    override_alarms: Option<AlarmSetting>,
}

/// Reads the input of CreateDeployment, and checks it as CodeDeploy does before it creates anything.
pub(crate) fn read_create_deployment(world: &World, input: &Value) -> Result<CreateDeployment, ApiError> {
    check_application(world, input)?;
    check_group(world, input)?;
    let revision = input.get("revision").filter(|revision| !revision.is_null());
    let revision = revision.ok_or_else(|| ApiError::new("RevisionRequiredException", "Revision is required"))?;
    let invalid = |message: String| ApiError::new("InvalidRevisionException", message);
    let (format, content) = match text(revision, "revisionType") {
        "AppSpecContent" => (RevisionFormat::Content, revision.get("appSpecContent")),
        "String" => (RevisionFormat::RawString, revision.get("string")),
        other => return Err(invalid(not_simulated(&format!("the revision type {other:?} in CreateDeployment")))),
    };
    let content = content.map(|content| text(content, "content")).unwrap_or_default();
    let content = RevisionContent::parse(content).map_err(|why| invalid(format!("The AppSpec file {why}")))?;
    let name = &content.task_definition;
    let found = world.definitions.iter().find(|it| it.arn == *name || it.title() == *name);
    let found = found.ok_or_else(|| invalid(format!("The task definition {name} could not be found")))?;
    let is_on = |setting: &Value| setting.get("enabled").and_then(Value::as_bool).unwrap_or_default();
    let names = |setting: &Value| {
        let alarms = setting.get("alarms").and_then(Value::as_array).into_iter().flatten();
        alarms.map(|alarm| text(alarm, "name").to_owned()).collect()
    };
    Ok(CreateDeployment {
        format,
        task_definition: found.arn.clone(),
        config: match text(input, "deploymentConfigName") {
            "" => DEFAULT_CONFIG.to_owned(),
            config => config.to_owned(),
        },
        description: input.get("description").and_then(Value::as_str).map(str::to_owned),
        auto_rollback: input.get("autoRollbackConfiguration").map(|setting| AutoRollback {
            enabled: is_on(setting),
            events: texts(setting, "events").into_iter().map(str::to_owned).collect(),
        }),
        override_alarms: input.get("overrideAlarmConfiguration").map(|setting| AlarmSetting {
            enabled: is_on(setting),
            ignore_poll_failure: setting.get("ignorePollAlarmFailure").and_then(Value::as_bool).unwrap_or_default(),
            names: names(setting),
        }),
        content,
    })
}

/// The error for a second deployment of a deployment group at the same time.
pub(crate) fn already_active(world: &World) -> ApiError {
    let active = world.deployments.last().map(|deployment| deployment.id.as_str()).unwrap_or_default();
    let message = format!("The Deployment Group '{}' already has an active Deployment '{active}'", world.group.name);
    ApiError::new("DeploymentLimitExceededException", message)
}

/// Creates the deployment, which begins when the simulated CodeDeploy takes it.
pub(crate) fn create_deployment(world: &mut World, request: CreateDeployment) -> RequestedDeployment {
    let id = world.create_deployment_of(&request.task_definition, SystemTime::now(), "user");
    let RevisionContent { appspec, .. } = request.content;
    let deployment = world.deployment();
    deployment.status = DeploymentStatus::Created;
    deployment.config = request.config;
    deployment.description = request.description;
    deployment.task_definition = Some(request.task_definition);
    deployment.override_alarms = request.override_alarms;
    deployment.auto_rollback = request.auto_rollback.or(deployment.auto_rollback.take());
    deployment.revision = Revision { app_spec: appspec.text.clone(), format: request.format, version: None };
    RequestedDeployment { id, appspec }
}

/// Reads the input of StopDeployment: the deployment, and whether it is to be rolled back.
pub(crate) fn read_stop_deployment(world: &World, input: &Value) -> Result<(String, bool), ApiError> {
    let found = deployment(world, input)?;
    if found.completed.is_some() {
        let message = format!("The deployment {} has already been completed", found.id);
        return Err(ApiError::new("DeploymentAlreadyCompletedException", message));
    }
    Ok((found.id.clone(), input.get("autoRollbackEnabled").and_then(Value::as_bool).unwrap_or_default()))
}

/// The output of StopDeployment. The deployment stops a moment later.
pub(crate) fn stop_accepted() -> Value {
    json!({ "status": "Pending", "statusMessage": "Stopping the deployment" })
}

pub(crate) fn list_deployments(world: &World, input: &Value) -> OperationResult {
    let given = |member: &str| !text(input, member).is_empty();
    if given("applicationName") {
        check_application(world, input)?;
    }
    if given("deploymentGroupName") {
        check_group(world, input)?;
    }
    let statuses = texts(input, "includeOnlyStatuses");
    let newest_first = world.deployments.iter().rev();
    let listed = newest_first.filter(|it| statuses.is_empty() || statuses.iter().any(|word| json!(it.status) == *word));
    Ok(json!({ "deployments": listed.map(|it| &it.id).collect::<Vec<_>>() }))
}

pub(crate) fn get_application(world: &World, input: &Value) -> OperationResult {
    check_application(world, input)?;
    Ok(json!({ "application": {
        "applicationId": "5f4a0b3c-6d1e-4c2f-8a7b-9e0d1c2b3a4f",
        "applicationName": world.group.application,
        "createTime": epoch(long_ago()),
        "linkedToGitHub": false,
        "computePlatform": "ECS",
    }}))
}

fn check_application(world: &World, input: &Value) -> Result<(), ApiError> {
    match text(input, "applicationName") {
        "" => Err(ApiError::new("ApplicationNameRequiredException", "Application name is required")),
        name if name == world.group.application => Ok(()),
        name => {
            let message = format!("Application {name} could not be found");
            Err(ApiError::new("ApplicationDoesNotExistException", message))
        }
    }
}

fn check_group(world: &World, input: &Value) -> Result<(), ApiError> {
    match text(input, "deploymentGroupName") {
        "" => Err(ApiError::new("DeploymentGroupNameRequiredException", "Deployment group name is required")),
        name if name == world.group.name => Ok(()),
        name => {
            let message = format!("No Deployment Group found for name: {name}");
            Err(ApiError::new("DeploymentGroupDoesNotExistException", message))
        }
    }
}

pub(crate) fn get_deployment_group(world: &World, input: &Value) -> OperationResult {
    let group = &world.group;
    check_application(world, input)?;
    check_group(world, input)?;
    let services: Vec<_> = group
        .services
        .iter()
        .map(|(cluster, service)| json!({ "clusterName": cluster, "serviceName": service }))
        .collect();
    Ok(without_nulls(json!({ "deploymentGroupInfo": {
        "applicationName": group.application,
        "deploymentGroupId": "0d5c1d0e-5b1a-4d5e-9a2f-0f6f3c1e7a55",
        "deploymentGroupName": group.name,
        "deploymentConfigName": DEFAULT_CONFIG,
        "serviceRoleArn": role_arn(CODEDEPLOY_ROLE),
        "triggerConfigurations": [],
        "alarmConfiguration": alarms(&group.alarms),
        "autoRollbackConfiguration": group.auto_rollback.as_ref().map(auto_rollback),
        "deploymentStyle": { "deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL" },
        "blueGreenDeploymentConfiguration": {
            "terminateBlueInstancesOnDeploymentSuccess": { "action": "TERMINATE", "terminationWaitTimeInMinutes": 5 },
            "deploymentReadyOption": { "actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0 },
        },
        "loadBalancerInfo": group.pair.as_ref().map(load_balancer_info),
        "lastSuccessfulDeployment": world.deployments.iter().rfind(|it| it.status == DeploymentStatus::Succeeded).map(deployment_summary),
        "lastAttemptedDeployment": world.deployments.last().map(deployment_summary),
        "computePlatform": "ECS",
        "ecsServices": services,
    }})))
}

/// The summary of a deployment in its deployment group.
fn deployment_summary(deployment: &Deployment) -> Value {
    json!({
        "deploymentId": deployment.id,
        "status": deployment.status,
        "endTime": deployment.completed.map(epoch),
        "createTime": epoch(deployment.created),
    })
}

pub(crate) fn list_deployment_targets(world: &World, input: &Value) -> OperationResult {
    let found = deployment(world, input)?;
    Ok(json!({ "targetIds": [target_id(found)] }))
}

pub(crate) fn get_deployment_target(world: &World, input: &Value) -> OperationResult {
    let found = deployment(world, input)?;
    let target = text(input, "targetId");
    if target.is_empty() {
        return Err(ApiError::new("DeploymentTargetIdRequiredException", "A deployment target ID was not provided"));
    }
    if target != target_id(found) {
        let message = format!("The deployment target {target} does not belong to the deployment {}", found.id);
        return Err(ApiError::new("DeploymentTargetDoesNotExistException", message));
    }
    let events = found.events.iter().map(|event| {
        json!({
            "lifecycleEventName": event.name,
            "status": event.status,
            "startTime": event.started.map(epoch),
            "endTime": event.ended.map(epoch),
            "diagnostics": (event.status == EventStatus::Failed).then(|| json!({
                "errorCode": "ScriptFailed", "scriptName": "", "message": "", "logTail": "",
            })),
        })
    });
    let events: Vec<_> = events.collect();
    if let Some(other) = non_ecs_target(found, target, &events) {
        return Ok(without_nulls(json!({ "deploymentTarget": other })));
    }
    let task_sets = world.service.iter().flat_map(|service| &service.task_sets).map(|set| {
        let group = world.target_groups.iter().find(|group| Some(group.arn.as_str()) == set.target_group());
        let production = found.pair.as_ref().and_then(|pair| pair.production.as_ref());
        let production = world.listeners.iter().find(|listener| Some(&listener.arn) == production);
        let weight =
            production.and_then(|it| it.default.iter().find(|(arn, _)| Some(arn.as_str()) == set.target_group()));
        json!({
            // AWS spells it this way.
            "identifer": set.id,
            "desiredCount": set.desired,
            "pendingCount": set.pending,
            "runningCount": set.running,
            "status": set.status,
            "trafficWeight": weight.map_or(0.0, |(_, weight)| f64::from(*weight)),
            "targetGroup": { "name": group.map(|group| &group.name) },
            "taskSetLabel": if set.external_id == found.id { "Green" } else { "Blue" },
        })
    });
    let task_sets: Vec<_> = task_sets.collect();
    Ok(without_nulls(json!({ "deploymentTarget": {
        "deploymentTargetType": "ECSTarget",
        "ecsTarget": {
            "deploymentId": found.id,
            "targetId": target,
            "targetArn": arn("ecs", &format!("service/{}", target.replace(':', "/"))),
            "lastUpdatedAt": epoch(SystemTime::now()),
            "lifecycleEvents": events,
            "status": found.status,
            "taskSetsInfo": task_sets,
        },
    }})))
}

/// The id of a deployment's only target: `cluster:service` for ECS, and an id that CodeDeploy makes up for the others.
fn target_id(found: &Deployment) -> &str {
    match found.platform {
        ComputePlatform::Ecs if !found.by_cloudformation => &found.target,
        _ => "4f0e1c56-7b1f-4a8e-9d5c-2b7f0a3c9e11",
    }
}

/// The target of a deployment, if CodeDeploy does not describe it as an ECS target.
fn non_ecs_target(found: &Deployment, target: &str, events: &[Value]) -> Option<Value> {
    let common = json!({
        "deploymentId": found.id,
        "targetId": target,
        "lastUpdatedAt": epoch(SystemTime::now()),
        "lifecycleEvents": events,
        "status": found.status,
    });
    let with = |more: Value| match (common.clone(), more) {
        (Value::Object(common), Value::Object(more)) => Value::Object(common.into_iter().chain(more).collect()),
        (common, _) => common,
    };
    match found.platform {
        ComputePlatform::Ecs if found.by_cloudformation => Some(json!({
            "deploymentTargetType": "CloudFormationTarget",
            "cloudFormationTarget": with(json!({ "resourceType": "AWS::ECS::TaskSet", "targetVersionWeight": 0.0 })),
        })),
        ComputePlatform::Lambda => Some(json!({
            "deploymentTargetType": "LambdaTarget",
            "lambdaTarget": with(json!({
                "targetArn": function_arn("checkout"),
                "lambdaFunctionInfo": {
                    "functionName": "checkout", "functionAlias": "live", "currentVersion": "7", "targetVersion": "8",
                    "targetVersionWeight": 0.0,
                },
            })),
        })),
        ComputePlatform::Ecs | ComputePlatform::Server => None,
    }
}

pub(crate) fn put_status(world: &mut World, input: &Value) -> OperationResult {
    deployment(world, input)?;
    let (id, execution) = (text(input, "deploymentId"), text(input, "lifecycleEventHookExecutionId"));
    world.put_status(id, execution, text(input, "status"), SystemTime::now()).map_err(|fault| match fault {
        StatusRejected::DeploymentDoesNotExist => {
            ApiError::new("DeploymentDoesNotExistException", format!("The deployment {id} could not be found"))
        }
        StatusRejected::InvalidLifecycleEventHookExecutionId => ApiError::new(
            "InvalidLifecycleEventHookExecutionIdException",
            "The lifecycle event hook execution ID is not valid",
        ),
        StatusRejected::InvalidLifecycleEventHookExecutionStatus => {
            ApiError::new("InvalidLifecycleEventHookExecutionStatusException", "The status must be Succeeded or Failed")
        }
        StatusRejected::LifecycleEventAlreadyCompleted => {
            ApiError::new("LifecycleEventAlreadyCompletedException", "The lifecycle event is already completed")
        }
        StatusRejected::UnsupportedActionForDeploymentType => ApiError::new(
            "UnsupportedActionForDeploymentTypeException",
            "The action is not supported for this type of deployment",
        ),
    })?;
    Ok(json!({ "lifecycleEventHookExecutionId": execution }))
}

fn deployment<'a>(world: &'a World, input: &Value) -> Result<&'a Deployment, ApiError> {
    let id = text(input, "deploymentId");
    if id.is_empty() {
        return Err(ApiError::new("DeploymentIdRequiredException", "Deployment ID is required"));
    }
    let well_formed = id
        .strip_prefix("d-")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit()));
    if !well_formed {
        return Err(ApiError::new(
            "InvalidDeploymentIdException",
            format!("Specified DeploymentId is not in the valid format: {id}"),
        ));
    }
    let found = world.deployments.iter().find(|deployment| deployment.id == id);
    found.ok_or_else(|| {
        ApiError::new("DeploymentDoesNotExistException", format!("The deployment {id} could not be found"))
    })
}

fn auto_rollback(setting: &AutoRollback) -> Value {
    json!({ "enabled": setting.enabled, "events": setting.events })
}

fn alarms(setting: &AlarmSetting) -> Value {
    let names: Vec<_> = setting.names.iter().map(|name| json!({ "name": name })).collect();
    json!({ "enabled": setting.enabled, "ignorePollAlarmFailure": setting.ignore_poll_failure, "alarms": names })
}

fn load_balancer_info(pair: &TargetGroupPair) -> Value {
    let route = |listener: &Option<String>| listener.as_ref().map(|arn| json!({ "listenerArns": [arn] }));
    let groups: Vec<_> = pair.target_groups.iter().map(|name| json!({ "name": name })).collect();
    json!({ "targetGroupPairInfoList": [{
        "targetGroups": groups,
        "prodTrafficRoute": route(&pair.production),
        "testTrafficRoute": route(&pair.test),
    }]})
}
