//! The policy document. Actions on the same resources share a statement.

use std::collections::BTreeMap;

use hook_core::permissions::{ArnNames, PolicyCondition, Resource};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::required_actions::{RequiredAction, RequiredActions};

/// A policy document in IAM's JSON format.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument<'a> {
    version: &'static str,
    #[serde(rename = "Statement")]
    pub statements: Vec<PolicyStatement<'a>>,
}

/// One statement. The reasons are for a reviewer and are not part of the JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyStatement<'a> {
    pub sid: String,
    /// The statement id without its number.
    #[serde(skip)]
    name: &'static str,
    effect: &'static str,
    #[serde(rename = "Action")]
    pub actions: Vec<&'static str>,
    #[serde(rename = "Resource")]
    pub resources: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "condition")]
    pub condition: Option<PolicyCondition>,
    /// Why the resource has a wildcard.
    #[serde(skip)]
    pub wildcard_reason: Option<&'static str>,
    /// The required actions that it covers.
    #[serde(skip)]
    pub required_by: Vec<&'a RequiredAction>,
}

fn condition<S: Serializer>(condition: &Option<PolicyCondition>, to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(1))?;
    if let Some(PolicyCondition { operator, key, values }) = condition {
        map.serialize_entry(operator, &BTreeMap::from([(key, values)]))?;
    }
    map.end()
}

impl<'a> PolicyDocument<'a> {
    /// Creates the document from the required actions.
    pub fn new(required: &'a RequiredActions, names: &ArnNames) -> Self {
        let mut statements: Vec<PolicyStatement<'a>> = Vec::new();
        // First, merge the actions on the same resource.
        for action in &required.0 {
            let (name, arn) = (statement_name(action), action.resource.arn(names));
            let condition = action.resource.condition(names);
            let same = |it: &&mut PolicyStatement<'_>| {
                it.name == name && it.resources == [arn.as_str()] && it.condition == condition
            };
            if let Some(known) = statements.iter_mut().find(same) {
                if !known.actions.contains(&action.action) {
                    known.actions.push(action.action);
                }
                known.required_by.push(action);
                continue;
            }
            statements.push(PolicyStatement {
                sid: name.to_owned(),
                name,
                effect: "Allow",
                actions: vec![action.action],
                resources: vec![arn],
                condition,
                wildcard_reason: action.resource.wildcard_reason(),
                required_by: vec![action],
            });
        }
        // Then merge the statements that differ only in the resource.
        let mut merged: Vec<PolicyStatement<'a>> = Vec::new();
        for statement in statements {
            let same = |it: &&mut PolicyStatement<'_>| {
                it.name == statement.name && it.actions == statement.actions && it.condition == statement.condition
            };
            match merged.iter_mut().find(same) {
                Some(known) => {
                    known.resources.extend(statement.resources);
                    known.required_by.extend(statement.required_by);
                }
                None => merged.push(statement),
            }
        }
        let mut numbers = BTreeMap::<&str, usize>::new();
        for statement in &mut merged {
            let number = numbers.entry(statement.name).or_default();
            *number += 1;
            if *number > 1 {
                statement.sid += &number.to_string();
            }
        }
        Self { version: "2012-10-17", statements: merged }
    }
}

/// The statement id for an action, without a number.
fn statement_name(action: &RequiredAction) -> &'static str {
    match &action.resource {
        Resource::DeploymentGroup => "Deployment",
        Resource::DeploymentTargets => "DeploymentTargets",
        Resource::Application => "AppSpecFile",
        Resource::Service => "Service",
        Resource::Tasks => "Tasks",
        Resource::TasksOfCluster => "TasksOfCluster",
        Resource::Parameter(_) => "Parameters",
        Resource::Secret(_) => "Secrets",
        Resource::Object { .. } => "Objects",
        Resource::Key { .. } => "Keys",
        Resource::LogGroups => "NamedLogGroups",
        Resource::Roles => "NamedRoles",
        Resource::Parameters => "NamedParameters",
        Resource::Secrets => "NamedSecrets",
        Resource::Repositories => "NamedImages",
        Resource::Any(_) => match action.action.split(':').next() {
            Some("ecs") => "TaskDefinitions",
            Some("elasticloadbalancing") => "LoadBalancers",
            Some("cloudwatch") => "Alarms",
            Some("tag") => "AlarmsByTag",
            _ => "Everything",
        },
    }
}
