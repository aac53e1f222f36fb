//! For the fuzz target `event` only: the bytes of an invocation, read as a hook and as the safety net read them.

use serde_json::{Value, json};

use crate::{error::Error, event, redact::Redactor};

/// The two ids of an event, or what is said where it has none.
///
/// # Errors
/// What goes into the log.
pub fn event(payload: &[u8]) -> Result<[String; 2], String> {
    ids(event::parse(value(payload), &Redactor::default()))
}

/// The same of Lambda's record of an invocation that failed.
///
/// # Errors
/// What goes into the log.
pub fn record(payload: &[u8]) -> Result<[String; 2], String> {
    ids(event::parse_failed_invocation(value(payload), &Redactor::default()).map(|record| record.execution))
}

fn ids(execution: Result<event::HookExecution, Error>) -> Result<[String; 2], String> {
    match execution {
        Ok(execution) => Ok([execution.deployment.as_str().to_owned(), execution.id.expose().to_owned()]),
        Err(error) => Err(format!("{}: {error}", error.code())),
    }
}

/// As `readable` in the crate's root does it.
fn value(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap_or_else(|error| json!({ event::NOT_JSON: error.to_string() }))
}
