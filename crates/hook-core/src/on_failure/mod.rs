//! The on-failure handler: the on-failure destination of the five hooks' asynchronous invocations.
//!
//! If a hook was killed, ran out of memory or could not put its status, CodeDeploy waits for up to an hour. Lambda
//! sends the record of such an invocation to this function, which puts Failed for the event in it and does nothing
//! else. If the functions only observe, it puts Succeeded.
#![expect(clippy::disallowed_types, reason = "a handler puts the status")]

pub(crate) mod record;

use std::time::SystemTime;

use aws_client::PutOutcome;
use gate::Mode;
use lambda_runtime::LambdaEvent;
use serde_json::Value;
use tokio::time::Instant;

use self::record::FailedInvocation;
use crate::{
    deadline::Deadline,
    error::Error,
    log_context::{LogContext, log_line},
    platform::put_status::LoggedStatusClient,
    redact::Redactor,
    settings::Settings,
    verdict::Status,
};

/// What to do if the record does not name the function.
const LOGS_HINT: &str = "read the logs of the five hook functions at the time of this event";

/// Lambda's words for the condition of a failed invocation.
const RETRIES_EXHAUSTED: &str = "RetriesExhausted";
const EVENT_AGE_EXCEEDED: &str = "EventAgeExceeded";
const NEVER_RAN_HINT: &str = "Lambda never ran it: look at its throttles and its reserved concurrency";

/// The on-failure handler, with the client that it keeps between events.
pub struct OnFailureHandler {
    status_client: LoggedStatusClient,
    redactor: Redactor,
    region: Option<String>,
    mode: Mode,
}

impl OnFailureHandler {
    /// Creates the client once.
    pub fn new(settings: &Settings) -> Self {
        Self {
            status_client: LoggedStatusClient::new(settings),
            redactor: settings.credentials_redactor(),
            region: settings.aws.region.clone(),
            mode: settings.mode,
        }
    }

    /// Opens the connection for the status in the background.
    pub fn connect_early(&self) {
        self.status_client.connect_early();
    }

    /// Handles one record.
    ///
    /// # Errors
    /// The record has no execution to put a status for, or the status could not be put. Lambda then tries again.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<(), Error> {
        let deadline = Deadline::new(event.context.deadline(), SystemTime::now(), Instant::now());
        let invocation = record::parse(event.payload, &self.redactor).inspect_err(|error| {
            tracing::error!(error.code = error.code(), "{error}; {}", error.hint());
        })?;
        self.connect_early();
        let context = LogContext::new(None, &invocation.execution.deployment, self.region.as_deref());
        let FailedInvocation { function, condition, error, .. } = &invocation;
        // Lambda calls it `RetriesExhausted` even if no retry is configured. The type of the error says more.
        let why = match error {
            Some(error) if &**condition == RETRIES_EXHAUSTED => error.to_string(),
            Some(error) => format!("{condition}: {error}"),
            None => condition.to_string(),
        };
        let (name, subject, hint) = match function {
            Some(name) if &**condition == EVENT_AGE_EXCEEDED => (&**name, name.to_string(), NEVER_RAN_HINT.to_owned()),
            Some(name) => (&**name, name.to_string(), format!("read the log of {name}")),
            None => ("", "a hook function that Lambda's record does not name".to_owned(), LOGS_HINT.to_owned()),
        };
        let status = self.mode.status(Status::Failed);
        let outcome = self.status_client.put(&invocation.execution, status, deadline.status, &context).await?;
        let observed = if self.mode == Mode::Observe { "failed" } else { "" };
        let because = if self.mode == Mode::Observe { " because GREENLIGHT_MODE is observe" } else { "" };
        match outcome {
            PutOutcome::Accepted => log_line!(
                error,
                &context,
                verdict = if status == Status::Succeeded { "succeeded" } else { "failed" },
                verdict.code = "HookInvocationFailed",
                verdict.hint = &*hint,
                verdict.observed = observed,
                function.name = name,
                "{subject} put no status ({why}), so on-failure put {} for it{because}; {hint}",
                status.as_str()
            ),
            PutOutcome::AlreadyCompleted => log_line!(
                warn,
                &context,
                function.name = name,
                "{subject} failed ({why}), but CodeDeploy already had a status; nothing was changed"
            ),
        }
        Ok(())
    }
}
