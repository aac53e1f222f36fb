//! An AppSpec file for the next deployment, with a task definition that there is not.

use super::{Found, Kind};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "TaskDefinitionMissing", find };

fn find(facts: &Facts) -> Vec<Found> {
    let Some(app_spec) = facts.app_spec.seen().filter(|app_spec| app_spec.given) else { return Vec::new() };
    let name = app_spec.definition.clone().unwrap_or_default();
    let why = match (facts.definition.missing(), facts.definition.seen()) {
        (Some(_), _) => format!("it names the task definition {name}, which does not exist"),
        (None, Some(definition)) if definition.status != "ACTIVE" => {
            format!("it names the task definition {name}, which is {}", definition.status)
        }
        _ => return Vec::new(),
    };
    vec![Found {
        what: format!("{why}: ECS starts no task from it"),
        place: app_spec.title.clone(),
        fix: "register it, and name what that gives".to_owned(),
        command: Some("aws ecs register-task-definition --cli-input-json file://…".to_owned()),
    }]
}
