//! The AppSpec file for the next deployment names a task definition that does not exist or is not active.

use super::{DoctorProblem, FindingKind};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "TaskDefinitionMissing", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let Some(app_spec) = facts.app_spec.found().filter(|app_spec| app_spec.is_for_next_deployment) else {
        return Vec::new();
    };
    let name = app_spec.task_definition.clone().unwrap_or_default();
    let why = match (facts.task_definition.not_found(), facts.task_definition.found()) {
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
