//! CodeDeploy's deployments of Amazon ECS services: the event that a hook receives, and how its status is put.
//!
//! CodeDeploy sends two keys and nothing else: no event name, no cluster, no service (see `CodeDeployLifecycleEvent` in
//! `aws_lambda_events`). The hook has to discover what is being deployed. `put_status` makes the call.

pub use aws_client::HookExecution;
use aws_client::PutOutcome;
use aws_lambda_events::event::codedeploy::CodeDeployLifecycleEvent;
use lifecycle::ExecutionId;
use serde_json::Value;

use super::payload;
use crate::{
    error::Error,
    log_context::{LogContext, log_line},
    redact::Redactor,
    verdict::Status,
};

/// What an event looks like, for a caller that sends something else.
pub const EXPECTED_EVENT: &str = "CodeDeploy sends {\"DeploymentId\":…,\"LifecycleEventHookExecutionId\":…}; this invocation did not come from CodeDeploy";

const EXECUTION_ID: &str = "LifecycleEventHookExecutionId";

/// Parses an invocation's payload into a [`HookExecution`].
///
/// # Errors
/// [`Error::EventNotJson`] and [`Error::EventMalformed`]: no status can be put, so the invocation has to fail.
pub fn parse(payload: Value, redactor: &Redactor) -> Result<HookExecution, Error> {
    payload::reject_invalid_json(&payload, redactor)?;
    let mut redactor = redactor.clone();
    // A rejected event can still contain an execution id, even in a key.
    if let Some(id) = payload.get(EXECUTION_ID).and_then(Value::as_str) {
        redactor.add_labelled(ExecutionId::LABEL.to_owned(), id);
    }
    let malformed = |why: String| Error::EventMalformed(redactor.redact(&why));
    let seen = payload::describe(&payload, &redactor);
    // serde's own message would repeat the unexpected values.
    let missing_key = ["DeploymentId", EXECUTION_ID].iter().find(|key| !payload[**key].is_string());
    let fault = missing_key.map(|key| match payload.get(key) {
        Some(value) => format!("`{key}` is {} and not a string", payload::type_name(value)),
        None => format!("`{key}` is missing; {seen}"),
    });
    let event: CodeDeployLifecycleEvent =
        serde_json::from_value(payload).map_err(|_| malformed(fault.unwrap_or_else(|| seen.clone())))?;
    Ok(HookExecution {
        deployment: event.deployment_id.try_into().map_err(|fault| malformed(format!("DeploymentId {fault}")))?,
        id: event
            .lifecycle_event_hook_execution_id
            .try_into()
            .map_err(|fault| malformed(format!("{EXECUTION_ID} {fault}")))?,
    })
}

/// Logs that CodeDeploy accepted the status, or why it did not need it.
pub fn log_put(outcome: PutOutcome, status: Status, context: &LogContext) {
    match outcome {
        PutOutcome::Accepted => log_line!(debug, context, "CodeDeploy accepted the status {}", status.as_str()),
        PutOutcome::AlreadyCompleted => log_line!(
            warn,
            context,
            "CodeDeploy already had a status for this execution: it was put before, its hour had passed, or the deployment was stopped"
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(payload: Value) -> Result<HookExecution, Error> {
        super::parse(payload, &Redactor::default())
    }

    /// The limit is that of a key (40).
    #[test]
    fn an_execution_id_is_in_no_piece_of_what_is_said_about_its_event() {
        let id = format!("eyJlbmNyeXB0ZWREYXRhIjoi{}", "0123456789abcdefghij".repeat(15));
        let mut payload = json!({"LifecycleEventHookExecutionId": id, "DeploymentId": "d 1"});
        let own = |text: &str| (0..id.len() - 8).any(|at| text.contains(&id[at..at + 8]));
        let said = parse(payload.clone()).unwrap_err().to_string();
        assert!(!own(&said), "{said}");
        payload.as_object_mut().unwrap().remove("DeploymentId");
        payload[format!("x{id}")] = json!(1);
        let said = parse(payload).unwrap_err().to_string();
        assert!(!own(&said) && said.contains("[execution id]"), "{said}");
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
