//! The AppSpec file: the functions that it names, their events, and its task definition.

use hook_core::Hook;

use super::finding::DoctorProblem;
use crate::doctor::{function_name::FunctionKind, snapshot::AccountSnapshot};

/// The AppSpec file names no hook, so CodeDeploy invokes no function even if all of them are set up.
pub fn no_hooks(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let app_spec = snapshot.app_spec.found().filter(|app_spec| app_spec.hooks.is_empty());
    let problem = |title: &str| DoctorProblem {
        message: "it names no hook, so CodeDeploy invokes no function and every deployment continues".to_owned(),
        resource: title.to_owned(),
        fix: "name the functions in its Hooks section; `greenlight appspec` writes it".to_owned(),
        command: None,
    };
    app_spec.map(|app_spec| problem(&app_spec.title)).into_iter().collect()
}

/// A function is in another account or region.
pub fn in_other_account_or_region(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let elsewhere = snapshot
        .functions
        .iter()
        .filter_map(|function| Some((function, snapshot.other_account_or_region(&function.name_in_app_spec)?)));
    let problems = elsewhere.map(|(function, place)| DoctorProblem {
        message: format!(
            "the AppSpec file names it for {}, but it is in {place}: CodeDeploy only invokes functions in the \
             deployment group's account and region",
            function.event
        ),
        resource: function.name_in_app_spec.clone(),
        fix: format!(
            "deploy {} in {} in the deployment group's account, and name that function",
            function.name, snapshot.region
        ),
        command: None,
    });
    problems.collect()
}

/// The AppSpec file names a function for the wrong event, which the function refuses; or it names the on-failure
/// handler as a hook; or it lists an event twice.
pub fn wrong_event(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let mut problems = Vec::new();
    for (index, function) in snapshot.functions.iter().enumerate() {
        let event = &function.event;
        let (message, fix) = match function.kind {
            _ if Hook::from_event_name(event).is_none() => (
                format!("{event:?} is not an event of an ECS deployment that can have a hook"),
                format!("the events are {}", Hook::ALL.map(Hook::event_name).join(", ")),
            ),
            FunctionKind::Hook(hook) if hook.event_name() != event => (
                format!("it is the function for {hook}, but is named for {event}: it puts Failed there"),
                format!("in the AppSpec file, name this function for {hook}, and another one for {event}"),
            ),
            FunctionKind::OnFailure => (
                format!("it is the on-failure handler, but is named for {event}: it runs no checks"),
                format!("in the AppSpec file, name the hook function of {event}"),
            ),
            _ if snapshot.functions[..index].iter().any(|before| before.event == *event) => (
                format!("it is the second function for {event}, but CodeDeploy invokes only one for each event"),
                format!("keep only one function for {event} in the AppSpec file"),
            ),
            FunctionKind::Hook(_) | FunctionKind::Other => continue,
        };
        problems.push(DoctorProblem { message, resource: function.name_in_app_spec.clone(), fix, command: None });
    }
    problems
}

/// The AppSpec file names a hook by an alias or a version, to which the event settings of the template do not apply.
pub fn qualified_function_name(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let qualified = snapshot.functions.iter().filter_map(|function| Some((function, function.qualifier.as_deref()?)));
    let problems = qualified.map(|(function, qualifier)| DoctorProblem {
        message: format!(
            "it is invoked as {qualifier}, to which the settings for asynchronous invocations of $LATEST (retries, \
             event age, on-failure) do not apply"
        ),
        resource: function.name_in_app_spec.clone(),
        fix: format!("name the function without `:{qualifier}` in the AppSpec file"),
        command: None,
    });
    problems.collect()
}

/// The AppSpec file for the next deployment names a task definition that does not exist or is not active.
pub fn task_definition_missing(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let Some(app_spec) = snapshot.app_spec.found().filter(|app_spec| app_spec.is_for_next_deployment) else {
        return Vec::new();
    };
    let name = app_spec.task_definition.as_deref().unwrap_or_default();
    let why = match (snapshot.task_definition.not_found(), snapshot.task_definition.found()) {
        (Some(_), _) => format!("it names the task definition {name}, which does not exist"),
        (None, Some(definition)) if definition.status != "ACTIVE" => {
            format!("it names the task definition {name}, which is {}", definition.status)
        }
        _ => return Vec::new(),
    };
    vec![DoctorProblem {
        message: format!("{why}: ECS starts no task from it"),
        resource: app_spec.title.clone(),
        fix: "register it, and name the revision that AWS returns".to_owned(),
        command: Some("aws ecs register-task-definition --cli-input-json file://…".to_owned()),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{
        fixtures::{codes, healthy_account, hooked_function},
        snapshot::Lookup,
    };

    #[test]
    fn an_appspec_file_without_hooks_is_found() {
        let mut snapshot = healthy_account();
        snapshot.app_spec.found_mut().hooks.clear();
        snapshot.functions.clear();
        assert_eq!(codes(&snapshot), ["NoHooks"]);
    }

    #[test]
    fn a_function_in_another_account_is_found() {
        let mut snapshot = healthy_account();
        let name = "arn:aws:lambda:eu-west-1:444455556666:function:CodeDeployHook_before-install";
        snapshot.functions[0].name_in_app_spec = name.to_owned();
        assert_eq!(codes(&snapshot), ["FunctionInOtherAccountOrRegion"]);
    }

    #[test]
    fn functions_at_a_wrong_event_are_found() {
        let mut snapshot = healthy_account();
        let added = |kind, event: &str| {
            let mut function = hooked_function(Hook::AfterInstall);
            (function.kind, function.event) = (kind, event.to_owned());
            function
        };
        snapshot.functions.extend([
            added(FunctionKind::Hook(Hook::AfterInstall), "Install"),
            added(FunctionKind::Hook(Hook::AfterInstall), "BeforeInstall"),
            added(FunctionKind::OnFailure, "AfterInstall"),
            added(FunctionKind::Other, "AfterInstall"),
        ]);
        let messages: Vec<String> = wrong_event(&snapshot).into_iter().map(|problem| problem.message).collect();
        let starts =
            ["\"Install\" is not", "it is the function for AfterInstall", "it is the on-failure", "it is the second"];
        assert_eq!(messages.len(), starts.len());
        for (message, start) in messages.iter().zip(starts) {
            assert!(message.starts_with(start), "{message}");
        }
    }

    #[test]
    fn an_alias_is_found() {
        let mut snapshot = healthy_account();
        snapshot.functions[0].qualifier = Some("live".to_owned());
        assert_eq!(codes(&snapshot), ["QualifiedFunctionName"]);
    }

    #[test]
    fn a_task_definition_that_does_not_exist_is_found() {
        let mut snapshot = healthy_account();
        snapshot.task_definition = Lookup::NotFound("no".to_owned());
        assert_eq!(codes(&snapshot), ["TaskDefinitionMissing"]);
        snapshot.app_spec.found_mut().is_for_next_deployment = false;
        assert_eq!(codes(&snapshot), [""; 0]);
    }
}
