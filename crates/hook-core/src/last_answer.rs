//! The safety net behind the five hooks: the on-failure destination of their asynchronous invocations.
//!
//! A hook that was killed, ran out of memory or could not put its answer leaves CodeDeploy waiting for an hour. Lambda
//! hands the record of such an invocation to this function, which answers Failed for the event inside, and nothing else.

use std::time::SystemTime;

use lambda_runtime::LambdaEvent;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    aws::{Answer, Sent},
    deadline::Deadline,
    error::Error,
    event,
    log_context::{LogContext, log_line},
    redact::Redactor,
    settings::Settings,
    verdict::Status,
};

/// The function, with the client that it keeps between events.
pub struct LastAnswer {
    answer: Answer,
    redactor: Redactor,
    region: Option<String>,
}

impl LastAnswer {
    /// The client is made here, once.
    pub fn new(settings: &Settings) -> Self {
        let aws = &settings.aws;
        Self { answer: Answer::new(aws), redactor: aws.redactor(), region: aws.region.clone() }
    }

    /// Answers one record.
    ///
    /// # Errors
    /// There is nobody to answer, or the answer could not be sent; Lambda then tries again.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<(), Error> {
        let deadline = Deadline::new(event.context.deadline(), SystemTime::now(), Instant::now());
        let record = event::parse_record(event.payload, &self.redactor).inspect_err(|error| {
            tracing::error!(error.code = error.code(), "{error}; {}", error.hint());
        })?;
        let context = LogContext::new(None, &record.execution.deployment, self.region.as_deref());
        let event::Record { function, condition, error, .. } = &record;
        let error = error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        let sent = self.answer.put(&record.execution, Status::Failed, deadline.answer, &context).await?;
        match sent {
            Sent::Accepted => log_line!(
                error,
                &context,
                verdict = "failed",
                verdict.code = "HookDied",
                function.name = &**function,
                "{function} gave no answer ({condition}{error}), so Failed was answered for it; read that function's log"
            ),
            Sent::AlreadyCompleted => log_line!(
                warn,
                &context,
                function.name = &**function,
                "{function} failed ({condition}{error}), and CodeDeploy had an answer already; nothing was changed"
            ),
        }
        Ok(())
    }
}
