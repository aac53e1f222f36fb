//! The safety net behind the five hooks: the on-failure destination of their asynchronous invocations.
//!
//! A hook that was killed, ran out of memory or could not put its answer leaves CodeDeploy waiting for an hour. Lambda
//! hands the record of such an invocation to this function, which answers Failed for the event inside, and nothing else.

use std::time::SystemTime;

use lambda_runtime::LambdaEvent;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    aws::{PutOutcome, StatusClient},
    deadline::Deadline,
    error::Error,
    event,
    log_context::{LogContext, log_line},
    redact::Redactor,
    settings::Settings,
    verdict::Status,
};

/// The function, with the client that it keeps between events.
pub struct OnFailureHandler {
    status_client: StatusClient,
    redactor: Redactor,
    region: Option<String>,
}

impl OnFailureHandler {
    /// The client is made here, once.
    pub fn new(settings: &Settings) -> Self {
        let aws = &settings.aws;
        Self { status_client: StatusClient::new(aws), redactor: aws.redactor(), region: aws.region.clone() }
    }

    /// Answers one record.
    ///
    /// # Errors
    /// There is nobody to answer, or the answer could not be sent; Lambda then tries again.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<(), Error> {
        let deadline = Deadline::new(event.context.deadline(), SystemTime::now(), Instant::now());
        let invocation = event::parse_failed_invocation(event.payload, &self.redactor).inspect_err(|error| {
            tracing::error!(error.code = error.code(), "{error}; {}", error.hint());
        })?;
        let context = LogContext::new(None, &invocation.execution.deployment, self.region.as_deref());
        let event::FailedInvocation { function, condition, error, .. } = &invocation;
        let error = error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        let outcome = self.status_client.put(&invocation.execution, Status::Failed, deadline.status, &context).await?;
        match outcome {
            PutOutcome::Accepted => log_line!(
                error,
                &context,
                verdict = "failed",
                verdict.code = "HookInvocationFailed",
                function.name = &**function,
                "{function} gave no answer ({condition}{error}), so Failed was answered for it; read that function's log"
            ),
            PutOutcome::AlreadyCompleted => log_line!(
                warn,
                &context,
                function.name = &**function,
                "{function} failed ({condition}{error}), and CodeDeploy had an answer already; nothing was changed"
            ),
        }
        Ok(())
    }
}
