//! CloudWatch Logs' operations.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{OperationResult, long_ago, text},
    world::{World, arn},
};

pub(crate) fn describe_log_groups(world: &World, input: &Value) -> OperationResult {
    let prefix = text(input, "logGroupNamePrefix");
    let found = world.account.log_groups.iter().filter(|name| name.starts_with(prefix)).map(|name| {
        json!({
            "logGroupName": name,
            "arn": arn("logs", &format!("log-group:{name}:*")),
            "creationTime": long_ago().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |it| it.as_millis() as u64),
            "metricFilterCount": 0,
            "storedBytes": 0,
        })
    });
    Ok(json!({ "logGroups": found.collect::<Vec<_>>() }))
}
