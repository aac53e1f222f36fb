//! A function's role lacks permissions for its checks. Checks that cannot read from AWS count as errors, and the hook
//! puts *Failed*.

use std::collections::BTreeMap;

use super::{DoctorProblem, FindingKind, PUT_STATUS, describe_role};
use crate::doctor::snapshot::{AccountSnapshot, Lookup};

pub const KIND: FindingKind = FindingKind { code: "LacksPermission", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    // The missing permissions of a role are one finding, however many functions share the role.
    let mut lacking = BTreeMap::<&str, (Vec<&str>, Vec<String>)>::new();
    for wired in &facts.functions {
        for (question, reason) in wired.permission_queries.iter().filter(|(question, _)| question.action != PUT_STATUS)
        {
            if facts.permission_results.get(question) == Some(&Lookup::Found(false)) {
                let (functions, lacks) = lacking.entry(&question.role).or_default();
                let lack = format!("{} on {}, needed {reason}", question.action, question.resource);
                if !functions.contains(&wired.name.as_str()) {
                    functions.push(&wired.name);
                }
                if !lacks.contains(&lack) {
                    lacks.push(lack);
                }
            }
        }
    }
    let found = lacking.into_iter().map(|(role, (functions, lacks))| DoctorProblem {
        message: format!(
            "it is not allowed {}: a check without its permissions is an error, and the hook puts Failed",
            lacks.join("; nor ")
        ),
        resource: describe_role(role, &functions),
        fix: "allow it; `greenlight iam` prints the whole policy with a reason for each action".to_owned(),
        command: None,
    });
    found.collect()
}
