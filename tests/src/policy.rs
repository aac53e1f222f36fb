//! What the README allows the functions.

use std::collections::BTreeSet;

/// The actions that the README's policy allows, which are the operations that the hooks call.
///
/// # Panics
/// When the README has no policy.
pub fn allowed() -> BTreeSet<String> {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```json\n").expect("the README has a policy");
    let (policy, _) = rest.split_once("```").expect("the policy ends");
    let policy: serde_json::Value = serde_json::from_str(policy).expect("the policy is JSON");
    let statements = policy["Statement"].as_array().into_iter().flatten();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().into_iter().flatten());
    actions.filter_map(|action| action.as_str().map(str::to_owned)).collect()
}
