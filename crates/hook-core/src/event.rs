//! The payload that CodeDeploy sends, made into ids.
//!
//! CodeDeploy sends two keys and nothing else: no event name, no cluster, no service (domain fact; the same two keys
//! as `aws_lambda_events`' `CodeDeployLifecycleEvent`). What is being deployed has to be discovered.

use aws_lambda_events::event::codedeploy::CodeDeployLifecycleEvent;
use serde_json::Value;

use crate::{
    error::Error,
    ids::{DeploymentId, ExecutionId},
};

/// One execution of one hook: which deployment, and the token with which to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The deployment.
    pub deployment: DeploymentId,
    /// What CodeDeploy wants back with the status.
    pub id: ExecutionId,
}

/// Stands in for a body that is not JSON, so that such an invocation reaches the handler and fails with our words.
pub(crate) const NOT_JSON: &str = "greenlight: not JSON";

/// Makes an invocation's payload an [`Execution`].
///
/// # Errors
/// [`Error::EventNotJson`] and [`Error::EventMalformed`]: nobody can be answered, and the invocation has to fail.
pub fn parse(payload: Value) -> Result<Execution, Error> {
    if let Some(why) = payload.get(NOT_JSON).and_then(Value::as_str) {
        return Err(Error::EventNotJson(why.to_owned()));
    }
    let seen = describe(&payload);
    // serde's own words would repeat the values that it did not expect.
    let lacks = ["DeploymentId", "LifecycleEventHookExecutionId"].iter().find(|key| !payload[**key].is_string());
    let event: CodeDeployLifecycleEvent = serde_json::from_value(payload).map_err(|_| match lacks {
        Some(key) => malformed(format!("it has no text `{key}`; {seen}")),
        None => malformed(seen),
    })?;
    Ok(Execution {
        deployment: event.deployment_id.try_into().map_err(|fault| malformed(format!("DeploymentId {fault}")))?,
        id: event
            .lifecycle_event_hook_execution_id
            .try_into()
            .map_err(|fault| malformed(format!("LifecycleEventHookExecutionId {fault}")))?,
    })
}

fn malformed(why: String) -> Error {
    Error::EventMalformed(why)
}

/// What the payload looks like, by its keys only: values may be secret, and keys are cut to a few.
fn describe(payload: &Value) -> String {
    let kind = match payload {
        Value::Object(map) => {
            let keys: Vec<_> = map.keys().take(6).map(|key| key.chars().take(40).collect::<String>()).collect();
            let more = if map.len() > 6 { ", …" } else { "" };
            return format!("the payload has the keys [{}{more}]", keys.join(", "));
        }
        Value::Array(_) => "a list",
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
        Value::Null => "null",
    };
    format!("the payload is {kind}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_two_keys_make_an_execution_and_extra_keys_do_no_harm() {
        let execution =
            parse(json!({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "abc", "Extra": {"a": 1}})).unwrap();
        assert_eq!(execution.deployment.as_str(), "d-1");
        assert_eq!(execution.id.expose(), "abc");
    }

    #[test]
    fn anything_else_is_told_by_its_shape_and_never_by_its_values() {
        for payload in [
            json!(null),
            json!([1]),
            json!("sesame"),
            json!({}),
            json!({"deploymentId": "sesame", "lifecycleEventHookExecutionId": "sesame"}),
            json!({"DeploymentId": "", "LifecycleEventHookExecutionId": "sesame"}),
            json!({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": ""}),
            json!({"DeploymentId": "d-1"}),
        ] {
            let error = parse(payload.clone()).unwrap_err();
            assert_eq!(error.code(), "EventMalformed", "{payload}");
            assert!(!error.to_string().contains("sesame"), "{error}");
        }
    }
}
