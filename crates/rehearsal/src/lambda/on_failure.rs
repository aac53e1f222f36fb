//! The on-failure handler: what Lambda does with an asynchronous invocation that failed.
//!
//! In AWS the hooks have no asynchronous retries, and their on-failure destination is the function `on-failure`. Lambda
//! sends it the record of every invocation that returned an error, whose process ended, or that ran into its timeout.
//! It does so whether the hook's status has been put or not, since Lambda knows nothing about statuses. `on-failure` is
//! invoked asynchronously too. It has two retries, and after that an alarm on its errors.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::{sync::Mutex, time::sleep};

use crate::{
    lambda::{FunctionName, InvocationResult, Invoker, ProcessExit},
    world::function_arn,
};

/// The handler's timeout. In AWS it is a minute; here it is shortened in proportion to CodeDeploy's timeout of an hour.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(3);
/// The pauses before the handler's retries. In AWS they are one minute and two minutes.
pub(crate) const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(600)];
/// How long Lambda takes to send a record. By then the lines of the function that failed have been read.
const DELIVERY_DELAY: Duration = Duration::from_millis(100);

/// A step of the on-failure handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OnFailureStep {
    /// Lambda is about to send the record of an invocation that failed.
    RecordDelivered,
    /// Lambda is about to invoke the handler.
    Invoked,
    /// It returned: it put a status, or found that there was no longer a status to put.
    Returned,
    /// It failed, and Lambda invokes it again after a pause.
    RetryScheduled(Duration, InvocationResult),
    /// It failed for the last time. What is left is the alarm on its errors.
    GaveUp(InvocationResult),
}

/// The maximum time that the handler takes, from a failed invocation to the end of its last attempt.
pub(crate) fn max_duration() -> Duration {
    DELIVERY_DELAY + TIMEOUT * (1 + RETRY_DELAYS.len() as u32) + RETRY_DELAYS.iter().sum::<Duration>()
}

/// What Lambda does after an invocation of `function` with `payload` ended: nothing if it succeeded, otherwise the
/// handler and its retries. `on_step` is called for each step. Returns how the last attempt ended.
///
/// # Errors
/// The handler cannot be started.
pub(crate) async fn deliver_record(
    functions: &Mutex<impl Invoker>,
    function: FunctionName,
    payload: &[u8],
    ended: &InvocationResult,
    mut on_step: impl FnMut(OnFailureStep),
) -> anyhow::Result<Option<InvocationResult>> {
    let Some(record) = failure_record(function, payload, ended, SystemTime::now()) else { return Ok(None) };
    sleep(DELIVERY_DELAY).await;
    on_step(OnFailureStep::RecordDelivered);
    let mut pauses = RETRY_DELAYS.into_iter();
    loop {
        let mut free = functions.lock().await;
        on_step(OnFailureStep::Invoked);
        let invoked = free.invoke(FunctionName::OnFailure, record.clone(), TIMEOUT).await?;
        drop(free);
        let ended = invoked.await.unwrap_or_else(|_| InvocationResult::abandoned());
        if ended.is_success() {
            on_step(OnFailureStep::Returned);
            return Ok(Some(ended));
        }
        let Some(pause) = pauses.next() else {
            on_step(OnFailureStep::GaveUp(ended.clone()));
            return Ok(Some(ended));
        };
        on_step(OnFailureStep::RetryScheduled(pause, ended));
        sleep(pause).await;
    }
}

/// The record that Lambda sends to an on-failure destination; `None` for an invocation that succeeded.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
fn failure_record(
    function: FunctionName,
    payload: &[u8],
    ended: &InvocationResult,
    now: SystemTime,
) -> Option<Vec<u8>> {
    // An id in Lambda's format. No reader uses its value.
    let request = format!("e4b46cbf-b738-4c5a-8880-{:012x}", fastrand::u64(..1 << 48));
    let (error_type, error_message) = error_type_and_message(&request, ended)?;
    // Lambda returns an event that is not JSON as a string.
    let event = serde_json::from_slice(payload)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(payload).into_owned()));
    let record = json!({
        "version": "1.0",
        "timestamp": humantime::format_rfc3339_millis(now).to_string(),
        "requestContext": {
            "requestId": request,
            "functionArn": format!("{}:$LATEST", function_arn(&function.lambda_name())),
            // Without retries they are exhausted after the first attempt.
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 1,
        },
        "requestPayload": event,
        "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
        "responsePayload": { "errorType": error_type, "errorMessage": error_message },
    });
    Some(record.to_string().into_bytes())
}

/// Type and message of an invocation's error. Uses Lambda's words if the function did not return an error itself.
fn error_type_and_message(request: &str, ended: &InvocationResult) -> Option<(String, String)> {
    let (kind, message) = match ended {
        InvocationResult::Success(_) => return None,
        InvocationResult::Error { error_type, error_message } => {
            return Some((error_type.clone(), error_message.clone()));
        }
        InvocationResult::Exited(status) => {
            // Lambda reports an exit in Go's words.
            let reason = match status {
                ProcessExit::Code(0) => "Runtime exited without providing a reason".to_owned(),
                ProcessExit::Code(code) => format!("Runtime exited with error: exit status {code}"),
                ProcessExit::Killed => "Runtime exited with error: signal: killed".to_owned(),
                ProcessExit::Other(text) => format!("Runtime exited with error: {text}"),
            };
            ("Runtime.ExitError", reason)
        }
        InvocationResult::TimedOut(limit) => {
            ("Sandbox.Timedout", format!("Task timed out after {:.2} seconds", limit.as_secs_f64()))
        }
    };
    Some((kind.to_owned(), format!("RequestId: {request} Error: {message}")))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use tokio::sync::oneshot;

    use super::*;
    use lifecycle::Hook;

    const HOOK: FunctionName = FunctionName::Hook(Hook::AfterInstall);
    const EVENT: &[u8] = br#"{"DeploymentId":"d-1","LifecycleEventHookExecutionId":"abc"}"#;

    fn killed() -> InvocationResult {
        InvocationResult::Exited(ProcessExit::Killed)
    }

    fn parsed_record(ended: &InvocationResult) -> Value {
        let record = failure_record(HOOK, EVENT, ended, SystemTime::UNIX_EPOCH).unwrap();
        serde_json::from_slice(&record).unwrap()
    }

    #[test]
    fn the_record_is_lambdas() {
        let record = parsed_record(&killed());
        assert_eq!(record["timestamp"], "1970-01-01T00:00:00.000Z");
        let context = &record["requestContext"];
        assert_eq!(
            context["functionArn"],
            "arn:aws:lambda:eu-west-1:111122223333:function:CodeDeployHook_after-install:$LATEST"
        );
        assert_eq!(
            (&context["condition"], &context["approximateInvokeCount"]),
            (&"RetriesExhausted".into(), &1.into())
        );
        assert_eq!(record["requestPayload"], serde_json::from_slice::<Value>(EVENT).unwrap());
        let request = context["requestId"].as_str().unwrap();
        assert_eq!((request.len(), request.matches('-').count()), (36, 4));
        let message = format!("RequestId: {request} Error: Runtime exited with error: signal: killed");
        assert_eq!(record["responsePayload"], json!({ "errorType": "Runtime.ExitError", "errorMessage": message }));
        assert_eq!(record["responseContext"]["functionError"], "Unhandled");
    }

    #[test]
    fn every_way_to_fail_has_lambdas_words_and_success_has_no_record() {
        let message = |ended: InvocationResult| {
            let record = parsed_record(&ended);
            let said = record["responsePayload"]["errorMessage"].as_str().unwrap().to_owned();
            let said = said.split_once(" Error: ").map_or(said.as_str(), |(_, said)| said).to_owned();
            (record["responsePayload"]["errorType"].as_str().unwrap().to_owned(), said)
        };
        let is = |kind: &str, said: &str| (kind.to_owned(), said.to_owned());
        let timed_out = InvocationResult::TimedOut(Duration::from_secs(60));
        assert_eq!(message(timed_out), is("Sandbox.Timedout", "Task timed out after 60.00 seconds"));
        let exited = |code| InvocationResult::Exited(ProcessExit::Code(code));
        assert_eq!(message(exited(101)).1, "Runtime exited with error: exit status 101");
        assert_eq!(message(exited(0)).1, "Runtime exited without providing a reason");
        let own = InvocationResult::Error { error_type: "StatusNotSent".into(), error_message: "denied".into() };
        assert_eq!(message(own), is("StatusNotSent", "denied"));
        assert_eq!(failure_record(HOOK, EVENT, &InvocationResult::Success(Value::Null), SystemTime::now()), None);
    }

    /// A handler whose attempts end with the given results.
    struct FakeOnFailure(VecDeque<InvocationResult>);

    impl Invoker for FakeOnFailure {
        async fn invoke(
            &mut self,
            function: FunctionName,
            payload: Vec<u8>,
            timeout: Duration,
        ) -> anyhow::Result<oneshot::Receiver<InvocationResult>> {
            assert_eq!((function, timeout), (FunctionName::OnFailure, TIMEOUT));
            assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap()["requestPayload"]["DeploymentId"], "d-1");
            let (ended, receiver) = oneshot::channel();
            ended.send(self.0.pop_front().unwrap()).unwrap();
            Ok(receiver)
        }
    }

    async fn steps_of(tries: &[InvocationResult], ended: &InvocationResult) -> Vec<OnFailureStep> {
        let on_failure = Mutex::new(FakeOnFailure(tries.iter().cloned().collect()));
        let mut steps = Vec::new();
        deliver_record(&on_failure, HOOK, EVENT, ended, |step| steps.push(step)).await.unwrap();
        assert!(on_failure.into_inner().0.is_empty(), "every try was made");
        steps
    }

    #[tokio::test]
    async fn the_handler_is_tried_three_times_and_not_at_all_when_all_is_well() {
        use OnFailureStep::{GaveUp, Invoked, RecordDelivered, RetryScheduled, Returned};
        let well = InvocationResult::Success(Value::Null);
        let [first, second] = RETRY_DELAYS;
        assert_eq!(steps_of(&[], &well).await, []);
        assert_eq!(steps_of(std::slice::from_ref(&well), &killed()).await, [RecordDelivered, Invoked, Returned]);
        assert_eq!(
            steps_of(&[killed(), well], &killed()).await,
            [RecordDelivered, Invoked, RetryScheduled(first, killed()), Invoked, Returned]
        );
        let [one, two, three] = [killed(), killed(), killed()];
        assert_eq!(
            steps_of(&[one, two, three], &killed()).await,
            [
                RecordDelivered,
                Invoked,
                RetryScheduled(first, killed()),
                Invoked,
                RetryScheduled(second, killed()),
                Invoked,
                GaveUp(killed())
            ]
        );
    }
}
