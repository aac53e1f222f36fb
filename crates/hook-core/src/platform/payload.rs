//! The payload of an invocation, whatever sent it.

use lambda_runtime::LambdaInvocation;
use serde_json::{Value, json};

use crate::{
    error::Error,
    redact::{RedactedText, Redactor},
};

/// Marks a body that is not JSON.
const NOT_JSON: &str = "greenlight: not JSON";

/// A body that is not JSON would fail before the handler, with an error that is not ours. This passes it to the
/// handler.
pub fn mark_invalid_json(mut invocation: LambdaInvocation) -> LambdaInvocation {
    if let Err(error) = serde_json::from_slice::<Value>(&invocation.body) {
        invocation.body = invalid_json(&error).to_string().into();
    }
    invocation
}

/// What the handler receives for a body that is not JSON.
pub fn invalid_json(error: &serde_json::Error) -> Value {
    json!({ NOT_JSON: error.to_string() })
}

/// Rejects a payload that [`mark_invalid_json`] marked.
///
/// # Errors
/// [`Error::EventNotJson`].
pub fn reject_invalid_json(payload: &Value, redactor: &Redactor) -> Result<(), Error> {
    match payload.get(NOT_JSON).and_then(Value::as_str) {
        Some(why) => Err(Error::EventNotJson(redactor.redact(why))),
        None => Ok(()),
    }
}

/// The text without control characters, so that it fits in one line.
pub fn single_line(redactor: &Redactor, text: &str) -> RedactedText {
    redactor.redact(&text.replace(char::is_control, ""))
}

/// Describes the payload by its keys only, because values can be secret. Lists a few keys, and shortens them.
pub fn describe(payload: &Value, redactor: &Redactor) -> String {
    match payload {
        Value::Object(map) if map.is_empty() => "the payload is an empty object".to_owned(),
        Value::Object(map) => {
            let keys: Vec<_> = map
                .keys()
                .take(6)
                .map(|key| single_line(redactor, key).shorten(40))
                .map(|key| key.to_string())
                .collect();
            let more = if map.len() > 6 { ", …" } else { "" };
            format!("the payload has the keys [{}{more}]", keys.join(", "))
        }
        other => format!("the payload is {}", type_name(other)),
    }
}

/// The type of a JSON value, with its article.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "an object",
        Value::Array(_) => "a list",
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
        Value::Null => "null",
    }
}
