//! For the fuzz target `event` only: the bytes of an invocation, read as a hook and as the safety net read them.

use serde_json::Value;

use crate::{
    error::Error,
    on_failure::record,
    platform::{
        codedeploy_ecs::{self, HookExecution},
        payload,
    },
    redact::Redactor,
};

/// The two ids of an event, or what is said where it has none.
///
/// # Errors
/// What goes into the log.
pub fn event(payload: &[u8]) -> Result<[String; 2], String> {
    ids(codedeploy_ecs::parse(value(payload), &Redactor::default()))
}

/// The same of Lambda's record of an invocation that failed.
///
/// # Errors
/// What goes into the log.
pub fn record(payload: &[u8]) -> Result<[String; 2], String> {
    ids(record::parse(value(payload), &Redactor::default()).map(|record| record.execution))
}

fn ids(execution: Result<HookExecution, Error>) -> Result<[String; 2], String> {
    match execution {
        Ok(execution) => Ok([execution.deployment.as_str().to_owned(), execution.id.expose().to_owned()]),
        Err(error) => Err(format!("{}: {error}", error.code())),
    }
}

/// As [`payload::mark_invalid_json`] does it.
fn value(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap_or_else(|error| payload::invalid_json(&error))
}
