//! Amazon S3's operations.

use serde_json::Value;

use crate::{
    fake_aws::protocol::{ApiError, OperationResult, text},
    world::World,
};

/// Returns the object as the body, without a wrapper.
pub(crate) fn get_object(world: &World, input: &Value) -> OperationResult {
    let (bucket, key) = (text(input, "Bucket"), text(input, "Key"));
    let missing = |code, message: &str| Err(ApiError { status: 404, ..ApiError::new(code, message) });
    let name = match text(input, "VersionId") {
        "" => format!("{bucket}/{key}"),
        version => format!("{bucket}/{key}?versionId={version}"),
    };
    if let Some(object) = world.account.objects.get(&name) {
        return Ok(Value::String(object.clone()));
    }
    if world.account.objects.keys().any(|name| name.split('/').next() == Some(bucket)) {
        missing("NoSuchKey", "The specified key does not exist.")
    } else {
        missing("NoSuchBucket", "The specified bucket does not exist")
    }
}
