//! CodeDeploy's operations.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{ApiError, OperationResult, epoch, text, without_nulls},
    world::{
        AlarmSetting, AutoRollback, CODEDEPLOY_ROLE, ComputePlatform, Deployment, DeploymentStatus, EventStatus,
        Revision, RevisionFormat, StatusRejected, TargetGroupPair, World, arn, digest_of, function_arn, role_arn,
    },
};

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
        "status": found.status.as_str(),
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

pub(crate) fn get_deployment_group(world: &World, input: &Value) -> OperationResult {
    let group = &world.group;
    let (application, name) = (text(input, "applicationName"), text(input, "deploymentGroupName"));
    if application != group.application {
        let message = format!("Application {application} could not be found");
        return Err(ApiError::new("ApplicationDoesNotExistException", message));
    }
    if name != group.name {
        let message = format!("No Deployment Group found for name: {name}");
        return Err(ApiError::new("DeploymentGroupDoesNotExistException", message));
    }
    let services: Vec<_> = group
        .services
        .iter()
        .map(|(cluster, service)| json!({ "clusterName": cluster, "serviceName": service }))
        .collect();
    Ok(without_nulls(json!({ "deploymentGroupInfo": {
        "applicationName": group.application,
        "deploymentGroupId": "0d5c1d0e-5b1a-4d5e-9a2f-0f6f3c1e7a55",
        "deploymentGroupName": group.name,
        "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
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
        "status": deployment.status.as_str(),
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
            "status": event.status.as_str(),
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
            "status": found.status.as_str(),
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
        "status": found.status.as_str(),
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
