//! Systems Manager's operations.

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{ApiError, OperationResult, epoch, long_ago, text, texts, without_nulls},
    world::{World, arn},
};

fn parameter(name: &str, value: &str) -> Value {
    json!({
        "Name": name,
        "Type": "SecureString",
        "Value": value,
        "Version": 1,
        "LastModifiedDate": epoch(long_ago()),
        "ARN": arn("ssm", &format!("parameter/{}", name.trim_start_matches('/'))),
        "DataType": "text",
    })
}

/// Systems Manager returns a SecureString as its ciphertext, unless the request asks for decryption.
fn decrypted_or_cipher<'a>(input: &Value, value: &'a str) -> &'a str {
    if input.get("WithDecryption").and_then(Value::as_bool) == Some(true) { value } else { "AQICAHg…" }
}

pub(crate) fn get_parameters(world: &World, input: &Value) -> OperationResult {
    let names = texts(input, "Names");
    if names.is_empty() || names.len() > 10 {
        return Err(ApiError::new("ValidationException", "names: Member must have length between 1 and 10"));
    }
    let (found, missing): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| world.account.parameters.contains_key(*name));
    let values = world.account.parameters.iter().filter(|(name, _)| found.contains(&name.as_str()));
    let values: Vec<_> = values.map(|(name, value)| parameter(name, decrypted_or_cipher(input, value))).collect();
    // AWS omits an empty list.
    let missing = (!missing.is_empty()).then_some(missing);
    Ok(without_nulls(json!({ "Parameters": values, "InvalidParameters": missing })))
}

pub(crate) fn get_parameter(world: &World, input: &Value) -> OperationResult {
    let name = text(input, "Name");
    match world.account.parameters.get(name) {
        Some(value) => Ok(json!({ "Parameter": parameter(name, decrypted_or_cipher(input, value)) })),
        None => Err(ApiError::new("ParameterNotFound", "")),
    }
}
