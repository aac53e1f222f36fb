//! Parses the payload that CodeDeploy sends into ids.
//!
//! CodeDeploy sends two keys and nothing else: no event name, no cluster, no service (see `CodeDeployLifecycleEvent` in
//! `aws_lambda_events`). The hook has to discover what is being deployed.

use aws_lambda_events::event::codedeploy::CodeDeployLifecycleEvent;
use serde_json::Value;

use crate::{
    error::Error,
    ids::{DeploymentId, ExecutionId},
    redact::{RedactedText, Redactor},
};

/// One execution of one hook: the deployment, and the id with which to put the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookExecution {
    pub deployment: DeploymentId,
    /// The execution id that CodeDeploy requires with the status.
    pub id: ExecutionId,
}

/// Marks a body that is not JSON, so that the invocation reaches the handler and fails with our own error.
pub(crate) const NOT_JSON: &str = "greenlight: not JSON";

const EXECUTION_ID: &str = "LifecycleEventHookExecutionId";

/// Parses an invocation's payload into a [`HookExecution`].
///
/// # Errors
/// [`Error::EventNotJson`] and [`Error::EventMalformed`]: no status can be put, so the invocation has to fail.
pub fn parse(payload: Value, redactor: &Redactor) -> Result<HookExecution, Error> {
    if let Some(why) = payload.get(NOT_JSON).and_then(Value::as_str) {
        return Err(Error::EventNotJson(redactor.redact(why)));
    }
    let mut redactor = redactor.clone();
    // A rejected event can still contain an execution id, even in a key.
    if let Some(id) = payload.get(EXECUTION_ID).and_then(Value::as_str) {
        redactor.add_labelled(ExecutionId::LABEL.to_owned(), id);
    }
    let malformed = |why: String| Error::EventMalformed(redactor.redact(&why));
    let seen = describe_payload(&payload, &redactor);
    // serde's own message would repeat the unexpected values.
    let missing_key = ["DeploymentId", EXECUTION_ID].iter().find(|key| !payload[**key].is_string());
    let event: CodeDeployLifecycleEvent = serde_json::from_value(payload).map_err(|_| match missing_key {
        Some(key) => malformed(format!("`{key}` is missing or not a string; {seen}")),
        None => malformed(seen.clone()),
    })?;
    Ok(HookExecution {
        deployment: event.deployment_id.try_into().map_err(|fault| malformed(format!("DeploymentId {fault}")))?,
        id: event
            .lifecycle_event_hook_execution_id
            .try_into()
            .map_err(|fault| malformed(format!("{EXECUTION_ID} {fault}")))?,
    })
}

/// Lambda's record of a failed asynchronous invocation, as far as it is needed here:
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedInvocation {
    /// The execution that has no status.
    pub execution: HookExecution,
    /// The name of the function that failed.
    pub function: RedactedText,
    /// Lambda's word for the condition: `RetriesExhausted`, `EventAgeExceeded`, ….
    pub condition: RedactedText,
    /// The type of the error, if there was one.
    pub error: Option<RedactedText>,
}

/// Parses Lambda's record of a failed invocation into a [`FailedInvocation`].
///
/// # Errors
/// Those of [`parse`].
pub fn parse_failed_invocation(mut record: Value, redactor: &Redactor) -> Result<FailedInvocation, Error> {
    if let Some(why) = record.get(NOT_JSON).and_then(Value::as_str) {
        return Err(Error::EventNotJson(redactor.redact(why)));
    }
    if record.get("requestPayload").is_none() {
        let seen = describe_payload(&record, redactor);
        let why = format!("it is not a record of an invocation, because it has no `requestPayload`; {seen}");
        return Err(Error::EventMalformed(redactor.redact(&why)));
    }
    let execution = parse(record["requestPayload"].take(), redactor)?;
    let redactor = execution.id.extend_redactor(redactor);
    let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned();
    let text_or =
        |text: &str, other: &str| single_line(&redactor, if text.is_empty() { other } else { text }).shorten(140);
    let context = &record["requestContext"];
    // `arn:aws:lambda:REGION:ACCOUNT:function:NAME:QUALIFIER`
    let arn = text(&context["functionArn"]);
    let error = text(&record["responsePayload"]["errorType"]);
    Ok(FailedInvocation {
        execution,
        function: text_or(arn.split(':').nth(6).unwrap_or_default(), "a hook"),
        condition: text_or(&text(&context["condition"]), "no reason given"),
        error: (!error.is_empty()).then(|| text_or(&error, "")),
    })
}

/// The text without control characters, so that it fits in one line.
fn single_line(redactor: &Redactor, text: &str) -> RedactedText {
    redactor.redact(&text.replace(char::is_control, ""))
}

/// Describes the payload by its keys only, because values can be secret. Lists a few keys, and shortens them.
fn describe_payload(payload: &Value, redactor: &Redactor) -> String {
    let kind = match payload {
        Value::Object(map) => {
            let keys: Vec<_> = map
                .keys()
                .take(6)
                .map(|key| single_line(redactor, key).shorten(40))
                .map(|key| key.to_string())
                .collect();
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

    fn parse(payload: Value) -> Result<HookExecution, Error> {
        super::parse(payload, &Redactor::default())
    }

    fn parse_failed_invocation(record: Value) -> Result<FailedInvocation, Error> {
        super::parse_failed_invocation(record, &Redactor::default())
    }

    /// The limits are those of a key (40) and of the texts in a record (140).
    #[test]
    fn an_execution_id_is_in_no_piece_of_what_is_said_about_its_event() {
        let id = format!("eyJlbmNyeXB0ZWREYXRhIjoi{}", "0123456789abcdefghij".repeat(15));
        let mut payload = json!({"LifecycleEventHookExecutionId": id, "DeploymentId": "d 1"});
        let own = |text: &str| (0..id.len() - 8).any(|at| text.contains(&id[at..at + 8]));
        let said = parse(payload.clone()).unwrap_err().to_string();
        assert!(!own(&said), "{said}");
        payload["DeploymentId"] = json!(1);
        payload[format!("x{id}")] = json!(1);
        let said = parse(payload).unwrap_err().to_string();
        assert!(!own(&said) && said.contains("[execution id]"), "{said}");
        for before in [0, 100, 135] {
            let mut record = record();
            record["requestPayload"]["LifecycleEventHookExecutionId"] = json!(id);
            record["responsePayload"]["errorType"] = json!(format!("{}{id}", "x".repeat(before)));
            let said = format!("{:?}", parse_failed_invocation(record).unwrap().error);
            assert!(!own(&said), "{said}");
        }
    }

    #[test]
    fn a_deployment_id_that_would_run_in_a_shell_is_refused() {
        let error =
            parse(json!({"DeploymentId": "d-1;touch${IFS}x", "LifecycleEventHookExecutionId": "abc"})).unwrap_err();
        assert_eq!(error.code(), "EventMalformed");
        assert!(!error.to_string().contains("touch"), "{error}");
    }

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
        let record = parse_failed_invocation(record()).unwrap();
        assert_eq!(record.execution.deployment.as_str(), "d-1");
        assert_eq!(record.execution.id.expose(), "abc");
        assert_eq!(&*record.function, "CodeDeployHook_after-install");
        assert_eq!(&*record.condition, "RetriesExhausted");
        assert_eq!(record.error.as_deref(), Some("Runtime.ExitError"));
    }

    #[test]
    fn a_record_needs_nothing_but_the_event_inside() {
        let bare = json!({"requestPayload": {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "abc"}});
        assert_eq!(&*parse_failed_invocation(bare).unwrap().function, "a hook");
        for strange in [json!(null), json!([]), json!({"DeploymentId": "d-1"}), json!({"requestPayload": null})] {
            assert_eq!(parse_failed_invocation(strange).unwrap_err().code(), "EventMalformed");
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
