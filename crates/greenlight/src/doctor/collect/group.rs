//! Reads the deployment group, its alarms, the AppSpec file, and the resources that gate files refer to.

use std::collections::BTreeMap;

use anyhow::Context;
use hook_core::{
    ReasonCode,
    aws_inspector::{
        AppSpecLocation, AwsError, AwsInspector, Existence, Referenced, TaskDefinition, app_spec_hooks,
        task_definition_in_app_spec,
    },
};
use serde_json::{Value, json};

use super::collector::{Collector, join_bounded};
use crate::doctor::snapshot::{AppSpecHooks, DeploymentGroupConfig, Lookup, reference_label};

fn string_at<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn strings_at(value: &Value, path: &str) -> Vec<String> {
    let items = value.pointer(path).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().or_else(|| item["name"].as_str())).map(str::to_owned).collect()
}

/// Reads the deployment group.
pub async fn deployment_group(
    survey: &AwsInspector,
    application: &str,
    group: &str,
) -> Result<DeploymentGroupConfig, AwsError> {
    const OPERATION: &str = "codedeploy:GetDeploymentGroup";
    let input = json!({ "applicationName": application, "deploymentGroupName": group });
    let reply = survey.codedeploy(OPERATION, &input).await?;
    let info = &reply["deploymentGroupInfo"];
    let platform = string_at(info, "/computePlatform");
    if platform != "ECS" {
        let detail = format!("deployment group {group} has the compute platform {platform:?}; these hooks are for ECS");
        return Err(AwsError::new(OPERATION, ReasonCode::PlatformUnsupported, detail));
    }
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let route = |name: &str| {
        let path = format!("/loadBalancerInfo/targetGroupPairInfoList/0/{name}/listenerArns/0");
        some(string_at(info, &path))
    };
    let is_on = |path: &str| info.pointer(path).and_then(Value::as_bool).unwrap_or_default();
    let service = [string_at(info, "/ecsServices/0/clusterName"), string_at(info, "/ecsServices/0/serviceName")];
    Ok(DeploymentGroupConfig {
        role: string_at(info, "/serviceRoleArn").to_owned(),
        alarms: strings_at(info, "/alarmConfiguration/alarms"),
        alarms_enabled: is_on("/alarmConfiguration/enabled"),
        auto_rollback: is_on("/autoRollbackConfiguration/enabled")
            && strings_at(info, "/autoRollbackConfiguration/events").iter().any(|event| event == "DEPLOYMENT_FAILURE"),
        production_listener: route("prodTrafficRoute"),
        test_listener: route("testTrafficRoute"),
        target_groups: strings_at(info, "/loadBalancerInfo/targetGroupPairInfoList/0/targetGroups"),
        service: some(service[0]).zip(some(service[1])),
        latest_deployment: some(string_at(info, "/lastAttemptedDeployment/deploymentId"))
            .or_else(|| some(string_at(info, "/lastSuccessfulDeployment/deploymentId"))),
    })
}

/// Reads the AppSpec file: the one on the command line, or else that of the newest deployment.
pub async fn app_spec(
    collector: &Collector,
    group: Option<&DeploymentGroupConfig>,
) -> anyhow::Result<Lookup<AppSpecHooks>> {
    let target = &collector.target;
    if !target.functions.is_empty() {
        let title = "the command line".to_owned();
        return Ok(Lookup::Found(AppSpecHooks {
            title,
            is_for_next_deployment: true,
            hooks: target.functions.clone(),
            task_definition: None,
        }));
    }
    let (title, given, text) = match (&target.app_spec, group.and_then(|group| group.latest_deployment.as_ref())) {
        (Some(path), _) => {
            let title = path.display().to_string();
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read the AppSpec file {title}"))?;
            (title, true, text)
        }
        (None, Some(id)) => {
            let title = format!("the AppSpec file of deployment {id}");
            match collector.record(&title, collector.survey.app_spec(id, &target.application).await, &[]) {
                Lookup::Found(AppSpecLocation::Text(text)) => (title, false, text),
                Lookup::Found(AppSpecLocation::Other(place)) => {
                    collector.record_unreadable(title, None, format!("it is in {place}; pass it with --appspec FILE"));
                    return Ok(Lookup::Unreadable);
                }
                Lookup::NotFound(_) | Lookup::Unreadable => return Ok(Lookup::Unreadable),
            }
        }
        (None, None) => {
            let why = "no deployment with an AppSpec file was found; pass --appspec FILE or --function EVENT=NAME";
            collector.record_unreadable("which functions are the hooks", None, why);
            return Ok(Lookup::Unreadable);
        }
    };
    let Some(hooks) = app_spec_hooks(&text) else {
        anyhow::ensure!(!given, "cannot read {title} as an AppSpec file in YAML or JSON");
        collector.record_unreadable(title, None, "it cannot be read as YAML or JSON");
        return Ok(Lookup::Unreadable);
    };
    // A value that is neither `family:revision` nor an ARN is a placeholder, such as <TASK_DEFINITION> or a bare word.
    let definition =
        task_definition_in_app_spec(&text).filter(|name| name.contains(':') && !name.contains(['<', '$', '{']));
    Ok(Lookup::Found(AppSpecHooks { title, is_for_next_deployment: given, hooks, task_definition: definition }))
}

/// Finds the alarms of the deployment group that do not exist.
pub async fn missing_alarms(collector: &Collector, group: Option<&DeploymentGroupConfig>) -> Lookup<Vec<String>> {
    match group.map(DeploymentGroupConfig::active_alarms) {
        Some(names) if !names.is_empty() => {
            let missing = collector.survey.missing_alarms(names).await;
            collector.record("the alarms of the deployment group", missing, &[])
        }
        _ => Lookup::Unreadable,
    }
}

/// Checks whether the resources exist that gate files refer to.
pub async fn check_references(collector: &Collector, mut names: Vec<Referenced>) -> BTreeMap<Referenced, Lookup<()>> {
    names.sort();
    names.dedup();
    names.retain(|named| !matches!(named, Referenced::Container(_) | Referenced::EnvVar(_)));
    let lookups = names.into_iter().map(async |named| {
        let found = collector.survey.existence_of(&named).await;
        let lookup = match collector.record(reference_label(&named), found, &[]) {
            Lookup::Found(Some(Existence::No)) => Lookup::NotFound("none".to_owned()),
            Lookup::Found(Some(Existence::ScheduledForDeletion)) => {
                Lookup::NotFound("one that is scheduled for deletion".to_owned())
            }
            Lookup::Found(_) => Lookup::Found(()),
            Lookup::NotFound(why) => Lookup::NotFound(why),
            Lookup::Unreadable => Lookup::Unreadable,
        };
        (named, lookup)
    });
    join_bounded(lookups).await.into_iter().collect()
}

/// Reads the task definition if it is needed: for the next deployment, or if a gate file names containers.
pub async fn task_definition(
    collector: &Collector,
    app_spec: Option<&AppSpecHooks>,
    containers: bool,
) -> Lookup<TaskDefinition> {
    match app_spec.and_then(|it| Some((it, it.task_definition.as_ref()?))) {
        Some((app_spec, name)) if app_spec.is_for_next_deployment || containers => {
            let definition = collector.survey.task_definition(name).await;
            collector.record(format!("the task definition {name}"), definition, &["ClientException"])
        }
        None if containers => {
            collector.record_unreadable("the containers that the gate file names", None, "no task definition is known");
            Lookup::Unreadable
        }
        _ => Lookup::Unreadable,
    }
}
