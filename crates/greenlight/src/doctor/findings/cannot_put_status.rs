//! A function's role is not allowed to put a status, so CodeDeploy waits for an hour.

use std::collections::BTreeMap;

use super::{DoctorProblem, FindingKind, PUT_STATUS};
use crate::doctor::{
    collect::{put_status_query, split_qualifier},
    snapshot::{AccountSnapshot, Lookup, PermissionQuery},
};

pub const KIND: FindingKind = FindingKind { code: "CannotPutStatus", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let of_hooks = facts.functions.iter().flat_map(|wired| {
        let own = wired.permission_queries.iter().filter(|(question, _)| question.action == PUT_STATUS);
        own.map(|(question, _)| (wired.name.clone(), question.clone()))
    });
    let of_on_failure_functions = facts.on_failure_functions.iter().filter_map(|(arn, net)| {
        Some((
            split_qualifier(arn).0,
            put_status_query(net.found()?, &facts.region, &facts.application, &facts.group_name),
        ))
    });
    // Functions that share a role share the fix.
    let mut functions = BTreeMap::<PermissionQuery, Vec<String>>::new();
    for (function, question) in of_hooks.chain(of_on_failure_functions) {
        functions.entry(question).or_default().push(function);
    }
    let found = functions.into_iter().filter_map(|(question, functions)| {
        let why = match facts.permission_results.get(&question)? {
            Lookup::Found(false) => "it is not allowed to put the status of a lifecycle event",
            Lookup::NotFound(_) => "it does not exist",
            _ => return None,
        };
        let PermissionQuery { role, action, resource, .. } = question;
        Some(DoctorProblem {
            message: format!("{why}: no status is put, and CodeDeploy waits an hour"),
            resource: super::describe_role(&role, &functions),
            fix: format!("allow {action} on {resource}; `greenlight iam` prints the whole policy"),
            command: None,
        })
    });
    found.collect()
}
