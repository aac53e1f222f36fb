//! Reads members of an input, and prepares an output.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::fake_aws::protocol::ApiError;

/// A string member of an input; empty if it is missing.
pub(crate) fn text<'a>(input: &'a Value, member: &str) -> &'a str {
    input.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// A member of an input that is a list of strings; empty if it is missing.
pub(crate) fn texts<'a>(input: &'a Value, member: &str) -> Vec<&'a str> {
    input.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A numeric member of an input. A query carries it as a string.
pub(crate) fn number(input: &Value, member: &str) -> Option<usize> {
    let value = input.get(member)?;
    value.as_u64().and_then(|it| it.try_into().ok()).or_else(|| value.as_str()?.parse().ok())
}

/// The items of a page that begins at `from`, and the token of the next page, if there is one: the number of
/// its first item.
pub(crate) fn page<T>(all: Vec<T>, from: usize, size: usize) -> (Vec<T>, Option<String>) {
    let next = (all.len() > from + size).then(|| (from + size).to_string());
    (all.into_iter().skip(from).take(size).collect(), next)
}

/// The number in a token of [`page`]; 0 if there is no token, and an error with `code` if a client made the token up.
pub(crate) fn page_start(input: &Value, member: &str, code: &'static str) -> Result<usize, ApiError> {
    match text(input, member) {
        "" => Ok(0),
        token => token.parse().map_err(|_| ApiError::new(code, "Invalid token")),
    }
}

/// An output without the members that are null.
pub(crate) fn without_nulls(mut output: Value) -> Value {
    match &mut output {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(|value| *value = without_nulls(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| *value = without_nulls(value.take())),
        _ => {}
    }
    output
}

/// Seconds since 1970 with milliseconds, which is how AWS writes times.
pub(crate) fn epoch(time: SystemTime) -> f64 {
    let millis = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
    millis as f64 / 1000.0
}

/// The creation time of resources that no scenario creates: midnight a week ago.
pub(crate) fn long_ago() -> SystemTime {
    let day = 24 * 60 * 60;
    let days = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() / day);
    SystemTime::UNIX_EPOCH + Duration::from_secs(days.saturating_sub(7) * day)
}
