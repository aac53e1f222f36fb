//! The deployment group, its alarms, the AppSpec file, and what a gate file names.

use std::collections::BTreeMap;

use anyhow::Context;
use hook_core::{
    Code,
    survey::{AppSpec as Told, Fault, Found, Named, Survey, TaskDefinition, hooks_of, task_definition_of},
};
use serde_json::{Value, json};

use super::{
    super::facts::{AppSpec, Group, Look},
    Asked, Looker, all,
};

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn texts(value: &Value, path: &str) -> Vec<String> {
    let items = value.pointer(path).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().or_else(|| item["name"].as_str())).map(str::to_owned).collect()
}

/// GetDeploymentGroup.
pub async fn group(survey: &Survey, application: &str, group: &str) -> Result<Group, Fault> {
    const OPERATION: &str = "codedeploy:GetDeploymentGroup";
    let input = json!({ "applicationName": application, "deploymentGroupName": group });
    let reply = survey.codedeploy(OPERATION, &input).await?;
    let info = &reply["deploymentGroupInfo"];
    let platform = text(info, "/computePlatform");
    if platform != "ECS" {
        let detail = format!("deployment group {group} is of the platform {platform:?}; these hooks are for ECS");
        return Err(Fault { operation: OPERATION, code: Code::PlatformUnsupported, detail });
    }
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let route = |name: &str| {
        let path = format!("/loadBalancerInfo/targetGroupPairInfoList/0/{name}/listenerArns/0");
        some(text(info, &path))
    };
    let is_on = |path: &str| info.pointer(path).and_then(Value::as_bool).unwrap_or_default();
    let service = [text(info, "/ecsServices/0/clusterName"), text(info, "/ecsServices/0/serviceName")];
    Ok(Group {
        role: text(info, "/serviceRoleArn").to_owned(),
        alarms: is_on("/alarmConfiguration/enabled").then(|| texts(info, "/alarmConfiguration/alarms")),
        rolls_back: is_on("/autoRollbackConfiguration/enabled")
            && texts(info, "/autoRollbackConfiguration/events").iter().any(|event| event == "DEPLOYMENT_FAILURE"),
        production: route("prodTrafficRoute"),
        test: route("testTrafficRoute"),
        target_groups: texts(info, "/loadBalancerInfo/targetGroupPairInfoList/0/targetGroups"),
        service: some(service[0]).zip(some(service[1])),
        newest: some(text(info, "/lastAttemptedDeployment/deploymentId"))
            .or_else(|| some(text(info, "/lastSuccessfulDeployment/deploymentId"))),
    })
}

/// The AppSpec file: the one that is given, else the newest deployment's.
pub async fn app_spec(looker: &Looker, asked: &Asked, group: Option<&Group>) -> anyhow::Result<Look<AppSpec>> {
    if !asked.functions.is_empty() {
        let title = "the command line".to_owned();
        return Ok(Look::Seen(AppSpec { title, given: true, hooks: asked.functions.clone(), definition: None }));
    }
    let (title, given, text) = match (&asked.app_spec, group.and_then(|group| group.newest.as_ref())) {
        (Some(path), _) => {
            let title = path.display().to_string();
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read the AppSpec file {title}"))?;
            (title, true, text)
        }
        (None, Some(id)) => {
            let title = format!("the AppSpec file of deployment {id}");
            match looker.note(&title, looker.survey.app_spec(id, &asked.application).await, &[]) {
                Look::Seen(Told::Text(text)) => (title, false, text),
                Look::Seen(Told::Elsewhere(place)) => {
                    looker.could_not(title, None, format!("it is in {place}; give it with --appspec"));
                    return Ok(Look::Unseen);
                }
                Look::Missing(_) | Look::Unseen => return Ok(Look::Unseen),
            }
        }
        (None, None) => {
            let why = "there is no deployment that has one; give --appspec FILE or --function EVENT=NAME";
            looker.could_not("which functions are the hooks", None, why);
            return Ok(Look::Unseen);
        }
    };
    let Some(hooks) = hooks_of(&text) else {
        anyhow::ensure!(!given, "{title} is no AppSpec file that could be read");
        looker.could_not(title, None, "it cannot be read as YAML or JSON");
        return Ok(Look::Unseen);
    };
    // What is neither `family:revision` nor an ARN is a placeholder, <TASK_DEFINITION> or a bare word, for a program to fill in.
    let definition = task_definition_of(&text).filter(|name| name.contains(':') && !name.contains(['<', '$', '{']));
    Ok(Look::Seen(AppSpec { title, given, hooks, definition }))
}

/// Those of the group's alarms that there are not.
pub async fn alarms_missing(looker: &Looker, group: Option<&Group>) -> Look<Vec<String>> {
    match group.and_then(|group| group.alarms.as_ref()) {
        Some(names) if !names.is_empty() => {
            let missing = looker.survey.alarms_missing(names).await;
            looker.note("the alarms of the deployment group", missing, &[])
        }
        _ => Look::Unseen,
    }
}

/// Whether there is what gate files name.
pub async fn named(looker: &Looker, mut names: Vec<Named>) -> BTreeMap<Named, Look<()>> {
    names.sort();
    names.dedup();
    names.retain(|named| !matches!(named, Named::Container(_) | Named::Variable(_)));
    let looks = names.into_iter().map(|named| {
        let looker = looker.clone();
        async move {
            let found = looker.survey.exists(&named).await;
            let look = match looker.note(title(&named), found, &[]) {
                Look::Seen(Some(Found::No(instead))) => Look::Missing(instead.to_owned()),
                Look::Seen(_) => Look::Seen(()),
                Look::Missing(why) => Look::Missing(why),
                Look::Unseen => Look::Unseen,
            };
            (named, look)
        }
    });
    all(looks).await.into_iter().collect()
}

/// What a gate file names, in words.
pub fn title(named: &Named) -> String {
    match named {
        Named::Alarm(name) => format!("the alarm {name}"),
        Named::AlarmsThatBegin(prefix) => format!("alarms that begin with {prefix}"),
        Named::AlarmsTagged(tags) => {
            let tags: Vec<_> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("alarms tagged {}", tags.join(", "))
        }
        Named::Container(name) => format!("the container {name}"),
        Named::Parameter(name) => format!("the parameter {name}"),
        Named::Secret(name) => format!("the secret {name}"),
        Named::Variable(name) => format!("the variable {name}"),
    }
}

/// The task definition, where anybody asks for it: the next deployment's, or one whose containers a gate file names.
pub async fn definition(looker: &Looker, app_spec: Option<&AppSpec>, containers: bool) -> Look<TaskDefinition> {
    match app_spec.and_then(|it| Some((it, it.definition.as_ref()?))) {
        Some((app_spec, name)) if app_spec.given || containers => {
            let definition = looker.survey.definition(name).await;
            looker.note(format!("the task definition {name}"), definition, &["ClientException"])
        }
        None if containers => {
            looker.could_not("the containers that the gate file names", None, "no task definition is known");
            Look::Unseen
        }
        _ => Look::Unseen,
    }
}
