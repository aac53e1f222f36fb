//! CloudFormation's operations.

use serde_json::{Value, json};

use crate::{
    fake_aws::{
        protocol::long_ago,
        protocol::{ApiError, OperationResult, epoch, text},
    },
    world::{World, arn},
};

/// Describes every stack, or the one with the requested name or id.
pub(crate) fn describe_stacks(world: &World, input: &Value) -> OperationResult {
    let name_or_id = text(input, "StackName");
    let id = |name: &str| arn("cloudformation", &format!("stack/{name}/5d2c1e80-c8f1-11f0-8d3a-0a2f8f1e9b10"));
    let is_it = |name: &str| name_or_id.is_empty() || name_or_id == name || name_or_id == id(name);
    let stacks = world.account.stacks.iter().filter(|(name, _)| is_it(name)).map(|(name, outputs)| {
        let outputs = outputs.iter().map(|(key, value)| json!({ "OutputKey": key, "OutputValue": value }));
        json!({
            "StackId": id(name),
            "StackName": name,
            "CreationTime": epoch(long_ago()),
            "StackStatus": "CREATE_COMPLETE",
            "Outputs": outputs.collect::<Vec<_>>(),
        })
    });
    let stacks: Vec<_> = stacks.collect();
    if stacks.is_empty() && !name_or_id.is_empty() {
        return Err(ApiError::new("ValidationError", format!("Stack with id {name_or_id} does not exist")));
    }
    Ok(json!({ "Stacks": stacks }))
}
