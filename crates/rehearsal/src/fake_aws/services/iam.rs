//! IAM's operations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{ApiError, OperationResult, long_ago, number, page, text, texts, without_nulls},
    world::{AllowStatement, StatementMatch, World, role_arn},
};

pub(crate) fn simulate_principal_policy(world: &World, input: &Value) -> OperationResult {
    let arn = text(input, "PolicySourceArn");
    let role = arn.rsplit('/').next().unwrap_or_default();
    let none = || {
        let message = format!("No policy source found for arn {arn}");
        ApiError { status: 404, ..ApiError::new("NoSuchEntity", message) }
    };
    let allowed = world.account.permissions.get(role).ok_or_else(none)?;
    let actions = texts(input, "ActionNames");
    let (apart, others): (Vec<&str>, Vec<&str>) =
        actions.iter().copied().partition(|action| world.account.simulated_separately.contains(*action));
    if !apart.is_empty() && !others.is_empty() {
        let (apart, others) = (apart.join(","), others.join(","));
        let message =
            format!("Invalid Input Actions: [{apart}] and [{others}] require different authorization information.");
        return Err(ApiError::new("InvalidInput", message));
    }
    let contexts = input["ContextEntries"].as_array().into_iter().flatten();
    let context: BTreeMap<_, _> = contexts
        .filter_map(|entry| Some((entry["ContextKeyName"].as_str()?, entry["ContextKeyValues"][0].as_str()?)))
        .collect();
    let resources = texts(input, "ResourceArns");
    let all: Vec<_> = actions.iter().map(|action| result(allowed, action, &resources, &context)).collect();
    let size = number(input, "MaxItems").unwrap_or(100).min(world.page_size);
    let from = number(input, "Marker").unwrap_or(0);
    let (page, next) = page(all, from, size);
    Ok(without_nulls(json!({ "IsTruncated": next.is_some(), "Marker": next, "EvaluationResults": page })))
}

/// IAM returns one result for each action, whatever the number of resources: the strictest decision of all. If the
/// request names resources, the decision for each is in `ResourceSpecificResults`, and the result's own resource name
/// is `*`.
fn result(allowed: &[AllowStatement], action: &str, resources: &[&str], context: &BTreeMap<&str, &str>) -> Value {
    let decide = |resource: &str| {
        let matches: Vec<_> = allowed.iter().map(|statement| statement.evaluate(action, resource, context)).collect();
        let missing = matches.iter().filter_map(|says| match says {
            StatementMatch::MissingContext(key) => Some((*key).to_owned()),
            StatementMatch::Allows | StatementMatch::NoMatch => None,
        });
        (matches.contains(&StatementMatch::Allows), missing.collect::<BTreeSet<_>>())
    };
    let decision = |is_allowed: bool| if is_allowed { "allowed" } else { "implicitDeny" };
    let matched = |is_allowed: bool| {
        let one = json!({ "SourcePolicyId": "hook", "SourcePolicyType": "role" });
        if is_allowed { vec![one] } else { Vec::new() }
    };
    let specific: Vec<_> = resources.iter().filter(|it| **it != "*").map(|it| (*it, decide(it))).collect();
    let (is_allowed, missing) = match specific.as_slice() {
        [] => decide("*"),
        all => (
            all.iter().all(|(_, (is_allowed, _))| *is_allowed),
            all.iter().flat_map(|(_, (_, missing))| missing.clone()).collect(),
        ),
    };
    let beneath = specific.iter().map(|(resource, (is_allowed, missing))| {
        json!({
            "EvalResourceName": resource,
            "EvalResourceDecision": decision(*is_allowed),
            "MatchedStatements": matched(*is_allowed),
            "MissingContextValues": missing,
        })
    });
    // If the request names resources, AWS reports missing context keys there.
    let own_missing = if specific.is_empty() { missing } else { BTreeSet::new() };
    json!({
        "EvalActionName": action,
        "EvalResourceName": "*",
        "EvalDecision": decision(is_allowed),
        "MatchedStatements": matched(is_allowed),
        "MissingContextValues": own_missing,
        "ResourceSpecificResults": beneath.collect::<Vec<_>>(),
    })
}

pub(crate) fn get_role(world: &World, input: &Value) -> OperationResult {
    let name = text(input, "RoleName");
    if !world.account.roles.contains(name) {
        let message = format!("The role with name {name} cannot be found.");
        return Err(ApiError { status: 404, ..ApiError::new("NoSuchEntity", message) });
    }
    Ok(json!({ "Role": {
        "Path": "/",
        "RoleName": name,
        "RoleId": "AROAIOSFODNN7EXAMPLE",
        "Arn": role_arn(name),
        "CreateDate": humantime::format_rfc3339_seconds(long_ago()).to_string(),
        "MaxSessionDuration": 3600,
    } }))
}
