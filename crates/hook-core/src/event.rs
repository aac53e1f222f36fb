//! The payload that CodeDeploy sends, made into ids.
//!
//! CodeDeploy sends two keys and nothing else: no event name, no cluster, no service (the two keys of
//! `aws_lambda_events`' `CodeDeployLifecycleEvent`). What is being deployed has to be discovered.

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

/// Lambda's record of an asynchronous invocation that failed, as far as it matters here:
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The execution that nobody answered.
    pub execution: Execution,
    /// The name of the function that failed.
    pub function: String,
    /// Lambda's word: `RetriesExhausted`, `EventAgeExceeded`, ….
    pub condition: String,
    /// The type of the error with a colon before it, if there was one.
    pub error: String,
}

/// Makes Lambda's record of an invocation that failed a [`Record`].
///
/// # Errors
/// As [`parse`].
pub fn parse_record(mut record: Value) -> Result<Record, Error> {
    if let Some(why) = record.get(NOT_JSON).and_then(Value::as_str) {
        return Err(Error::EventNotJson(why.to_owned()));
    }
    let short = |text: Option<&Value>| short(text.and_then(Value::as_str).unwrap_or_default(), 140);
    let context = &record["requestContext"];
    let arn = short(context.get("functionArn"));
    let condition = short(context.get("condition"));
    let error = short(record["responsePayload"].get("errorType"));
    // `arn:aws:lambda:REGION:ACCOUNT:function:NAME:QUALIFIER`
    let function = arn.split(':').nth(6).filter(|name| !name.is_empty()).unwrap_or("a hook").to_owned();
    if record.get("requestPayload").is_none() {
        let seen = describe(&record);
        return Err(malformed(format!("it is no record of an invocation, which has a `requestPayload`; {seen}")));
    }
    Ok(Record {
        execution: parse(record["requestPayload"].take())?,
        function,
        condition: if condition.is_empty() { "no reason given".to_owned() } else { condition },
        error: if error.is_empty() { error } else { format!(": {error}") },
    })
}

fn malformed(why: String) -> Error {
    Error::EventMalformed(why)
}

/// So many of its characters, fit for one line of a log.
fn short(text: &str, most: usize) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(most).collect()
}

/// What the payload looks like, by its keys only: values may be secret, and keys are cut to a few.
fn describe(payload: &Value) -> String {
    let kind = match payload {
        Value::Object(map) => {
            let keys: Vec<_> = map.keys().take(6).map(|key| short(key, 40)).collect();
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

    /// Found by the fuzz target `event`.
    #[test]
    fn a_key_with_control_characters_is_told_without_them() {
        let error = parse(json!({"Depl\u{7f}oymentId\n\u{1b}[31m": "d-1"})).unwrap_err();
        assert!(!error.to_string().contains(char::is_control), "{error:?}");
    }

    fn record() -> Value {
        json!({
            "version": "1.0",
            "timestamp": "2026-11-14T18:16:05.568Z",
            "requestContext": {
                "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
                "functionArn": "arn:aws:lambda:eu-west-1:111122223333:function:CodeDeployHook_after-install:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 1
            },
            "requestPayload": {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "abc"},
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": {"errorType": "Runtime.ExitError", "errorMessage": "RequestId: e4b46cbf Error: killed"}
        })
    }

    #[test]
    fn lambdas_record_of_a_failed_invocation_tells_whom_to_answer() {
        let record = parse_record(record()).unwrap();
        assert_eq!(record.execution.deployment.as_str(), "d-1");
        assert_eq!(record.execution.id.expose(), "abc");
        assert_eq!(record.function, "CodeDeployHook_after-install");
        assert_eq!((record.condition.as_str(), record.error.as_str()), ("RetriesExhausted", ": Runtime.ExitError"));
    }

    #[test]
    fn a_record_needs_nothing_but_the_event_inside() {
        let bare = json!({"requestPayload": {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "abc"}});
        assert_eq!(parse_record(bare).unwrap().function, "a hook");
        for strange in [json!(null), json!([]), json!({"DeploymentId": "d-1"}), json!({"requestPayload": null})] {
            assert_eq!(parse_record(strange).unwrap_err().code(), "EventMalformed");
        }
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
