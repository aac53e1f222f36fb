//! Lambda's record of a failed asynchronous invocation.

use serde_json::Value;

use crate::{
    error::Error,
    platform::{
        codedeploy_ecs::{self, HookExecution},
        payload,
    },
    redact::{RedactedText, Redactor},
};

/// Lambda's record of a failed asynchronous invocation, as far as it is needed here:
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedInvocation {
    /// The execution that has no status.
    pub execution: HookExecution,
    /// The name of the function that failed, if the record has it.
    pub function: Option<RedactedText>,
    /// Lambda's word for the condition: `RetriesExhausted`, `EventAgeExceeded`, ….
    pub condition: RedactedText,
    /// The type of the error, if there was one.
    pub error: Option<RedactedText>,
}

/// Parses Lambda's record of a failed invocation into a [`FailedInvocation`].
///
/// # Errors
/// It is not such a record, or the event in it is not CodeDeploy's.
pub fn parse(mut record: Value, redactor: &Redactor) -> Result<FailedInvocation, Error> {
    payload::reject_invalid_json(&record, redactor)?;
    if record.get("requestPayload").is_none() {
        let why = format!("it has no `requestPayload`; {}", payload::describe(&record, redactor));
        return Err(Error::RecordMalformed(redactor.redact(&why)));
    }
    let execution = codedeploy_ecs::parse(record["requestPayload"].take(), redactor).map_err(|error| match error {
        Error::EventMalformed(why) => Error::NotCodeDeploys(why),
        other => other,
    })?;
    let redactor = redactor.with_execution_id(&execution.id);
    let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned();
    let text_or = |text: &str, other: &str| {
        payload::single_line(&redactor, if text.is_empty() { other } else { text }).shorten(140)
    };
    let context = &record["requestContext"];
    // `arn:aws:lambda:REGION:ACCOUNT:function:NAME:QUALIFIER`
    let arn = text(&context["functionArn"]);
    let error = text(&record["responsePayload"]["errorType"]);
    Ok(FailedInvocation {
        execution,
        function: arn.split(':').nth(6).filter(|name| !name.is_empty()).map(|name| text_or(name, "")),
        condition: text_or(&text(&context["condition"]), "no reason given"),
        error: (!error.is_empty()).then(|| text_or(&error, "")),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(record: Value) -> Result<FailedInvocation, Error> {
        super::parse(record, &Redactor::default())
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
        let record = parse(record()).unwrap();
        assert_eq!(record.execution.deployment.as_str(), "d-1");
        assert_eq!(record.execution.id.expose(), "abc");
        assert_eq!(record.function.as_deref(), Some("CodeDeployHook_after-install"));
        assert_eq!(&*record.condition, "RetriesExhausted");
        assert_eq!(record.error.as_deref(), Some("Runtime.ExitError"));
    }

    #[test]
    fn a_record_needs_nothing_but_the_event_inside() {
        let bare = json!({"requestPayload": {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "abc"}});
        assert_eq!(parse(bare).unwrap().function, None);
        for strange in [json!(null), json!([]), json!({"DeploymentId": "d-1"}), json!({"requestPayload": null})] {
            assert_eq!(parse(strange).unwrap_err().code(), "EventMalformed");
        }
    }

    /// The limit is that of the texts in a record (140).
    #[test]
    fn an_execution_id_is_in_no_piece_of_what_is_said_about_its_record() {
        let id = format!("eyJlbmNyeXB0ZWREYXRhIjoi{}", "0123456789abcdefghij".repeat(15));
        let own = |text: &str| (0..id.len() - 8).any(|at| text.contains(&id[at..at + 8]));
        for before in [0, 100, 135] {
            let mut record = record();
            record["requestPayload"]["LifecycleEventHookExecutionId"] = json!(id);
            record["responsePayload"]["errorType"] = json!(format!("{}{id}", "x".repeat(before)));
            let said = format!("{:?}", parse(record).unwrap().error);
            assert!(!own(&said), "{said}");
        }
    }
}
