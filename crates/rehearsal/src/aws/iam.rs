//! IAM's simulation of what a role may do.

use serde_json::{Value, json};

use super::{Answer, Problem, number, sparse, text, texts};
use crate::world::World;

pub(super) fn simulate_principal_policy(world: &World, input: &Value) -> Answer {
    let arn = text(input, "PolicySourceArn");
    let role = arn.rsplit('/').next().unwrap_or_default();
    let none = || {
        let message = format!("No policy source found for arn {arn}");
        Problem { status: 404, ..Problem::new("NoSuchEntity", message) }
    };
    let allowed = world.account.permissions.get(role).ok_or_else(none)?;
    let resources = match texts(input, "ResourceArns") {
        resources if resources.is_empty() => vec!["*"],
        resources => resources,
    };
    let asked = texts(input, "ActionNames").into_iter().flat_map(|action| {
        let of = resources.iter().map(move |resource| (action, *resource));
        of.collect::<Vec<_>>()
    });
    let all: Vec<_> = asked
        .map(|(action, resource)| {
            let by: Vec<_> = allowed.iter().filter(|statement| statement.covers(action, resource)).collect();
            let matched = by.iter().map(|_| json!({ "SourcePolicyId": "hook", "SourcePolicyType": "role" }));
            json!({
                "EvalActionName": action,
                "EvalResourceName": resource,
                "EvalDecision": if by.is_empty() { "implicitDeny" } else { "allowed" },
                "MatchedStatements": matched.collect::<Vec<_>>(),
                "MissingContextValues": [],
            })
        })
        .collect();
    let size = number(input, "MaxItems").unwrap_or(100).clamp(1, 1000).min(world.page);
    let from = number(input, "Marker").unwrap_or(0);
    let next = (all.len() > from + size).then(|| (from + size).to_string());
    let page: Vec<_> = all.into_iter().skip(from).take(size).collect();
    Ok(sparse(json!({ "IsTruncated": next.is_some(), "Marker": next, "EvaluationResults": page })))
}
