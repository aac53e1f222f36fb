//! A finding, and what several kinds of findings share.

use std::{borrow::Cow, collections::BTreeMap};

use hook_core::shell::quote;
use serde::Serialize;

use crate::doctor::snapshot::{AccountSnapshot, HookedFunction};

pub struct FindingKind {
    pub code: &'static str,
    pub find: fn(&AccountSnapshot) -> Vec<DoctorProblem>,
}

/// A problem that a kind has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoctorProblem {
    /// The affected resource.
    #[serde(rename = "where")]
    pub resource: String,
    /// The problem and its consequence.
    pub message: String,
    pub fix: String,
    /// The command that fixes it, if there is one. `…` and words in capitals are placeholders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// A problem with the code of its kind, for the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoctorFinding {
    pub code: &'static str,
    #[serde(flatten)]
    pub problem: DoctorProblem,
}

/// Groups functions by their key. Functions without a key are left out.
pub fn group_by<'a, K: Ord>(
    functions: impl IntoIterator<Item = (&'a HookedFunction, Option<K>)>,
) -> impl Iterator<Item = (K, Vec<&'a str>)> {
    let mut groups = BTreeMap::<K, Vec<&str>>::new();
    for (function, key) in functions {
        if let Some(key) = key {
            groups.entry(key).or_default().push(&function.name);
        }
    }
    groups.into_iter()
}

/// The command that updates the deployment group.
pub fn update_group_command(snapshot: &AccountSnapshot, options: &str) -> Option<String> {
    let (application, group_name) = (quote(&snapshot.application), quote(&snapshot.group_name));
    Some(format!(
        "aws deploy update-deployment-group --application-name {application} --current-deployment-group-name {group_name} \
         {options}"
    ))
}

/// The command that updates the configuration of each of the functions.
pub fn update_functions_command(functions: &[&str], options: &str) -> Option<String> {
    Some(shell_command_for_each(functions, |name| {
        format!("aws lambda update-function-configuration --function-name {name} {options}")
    }))
}

/// The command that adds an inbound rule to the first of the security groups.
pub fn authorize_ingress_command(groups: &[String], port: u16, source: &str) -> Option<String> {
    let group = first_quoted(groups);
    Some(format!("aws ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port {port} {source}"))
}

/// The first of some ids, as an argument of a shell command.
pub fn first_quoted(ids: &[String]) -> Cow<'_, str> {
    quote(ids.first().map_or("", String::as_str))
}

/// The command for one name, or a loop over several. `command_for` gets the name or the loop's variable.
pub fn shell_command_for_each(names: &[&str], command_for: impl Fn(&str) -> String) -> String {
    match names {
        [one] => command_for(&quote(one)),
        many => {
            let names: Vec<_> = many.iter().map(|name| quote(name)).collect();
            format!("for f in {}; do {}; done", names.join(" "), command_for("$f"))
        }
    }
}
