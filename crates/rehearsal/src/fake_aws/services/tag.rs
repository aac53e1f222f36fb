//! The operations of the Resource Groups Tagging API.

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{OperationResult, number, page, page_start, text, texts},
    world::{World, arn},
};

pub(crate) fn get_resources(world: &World, input: &Value) -> OperationResult {
    let filters: Vec<_> = input.get("TagFilters").and_then(Value::as_array).into_iter().flatten().collect();
    let fits = |tags: &std::collections::BTreeMap<String, String>| {
        filters.iter().all(|filter| {
            let values = texts(filter, "Values");
            tags.get(text(filter, "Key")).is_some_and(|own| values.is_empty() || values.contains(&own.as_str()))
        })
    };
    let kinds = texts(input, "ResourceTypeFilters");
    let wanted = kinds.is_empty() || kinds.iter().any(|kind| matches!(*kind, "cloudwatch" | "cloudwatch:alarm"));
    let found =
        world.alarms.iter().filter(|alarm| wanted && !alarm.tags.is_empty() && fits(&alarm.tags)).map(|alarm| {
            let tags: Vec<_> = alarm.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
            json!({ "ResourceARN": arn("cloudwatch", &format!("alarm:{}", alarm.name)), "Tags": tags })
        });
    let found: Vec<_> = found.collect();
    let size = number(input, "ResourcesPerPage").unwrap_or(50).clamp(1, 100).min(world.page_size);
    let from = page_start(input, "PaginationToken", "PaginationTokenExpiredException")?;
    let (page, next) = page(found, from, size);
    // AWS returns an empty token with the last page.
    Ok(json!({ "PaginationToken": next.unwrap_or_default(), "ResourceTagMappingList": page }))
}
