//! Puts the status, and logs what a person can do if CodeDeploy does not accept it.
#![expect(clippy::disallowed_types, reason = "the one wrapper of the client that puts the status")]

use aws_client::{AwsError, HookExecution, PutOutcome, StatusClient};
use lifecycle::Status;
use tokio::time::Instant;

use crate::{
    error::Error,
    log_context::{LogContext, log_line},
    redact::Redactor,
    settings::Settings,
    shell::quote,
};

/// The maximum length of AWS's message, so that the commands after it remain visible.
const MAX_REASON_CHARS: usize = 300;

/// Puts statuses. Only the handlers can name it; `clippy.toml` disallows it everywhere else.
#[derive(Clone, Debug)]
pub struct LoggedStatusClient {
    client: StatusClient,
    region: String,
    dead_letter_queue: Option<String>,
    redactor: Redactor,
}

impl LoggedStatusClient {
    /// Creates the client. It does not connect yet.
    pub fn new(settings: &Settings) -> Self {
        Self {
            client: StatusClient::new(&settings.aws),
            region: settings.aws.region.clone().unwrap_or_default(),
            dead_letter_queue: settings.dead_letter_queue.clone(),
            redactor: settings.credentials_redactor(),
        }
    }

    /// Opens the connection to CodeDeploy in the background, before it is needed.
    pub fn connect_early(&self) {
        self.client.connect_early();
    }

    /// Puts `status` for `execution` until CodeDeploy accepts it, refuses it permanently, or the time is `until`.
    ///
    /// # Errors
    /// [`Error::StatusNotSent`]. The commands for a person to run are logged here.
    pub async fn put(
        &self,
        execution: &HookExecution,
        status: Status,
        until: Instant,
        context: &LogContext,
    ) -> Result<PutOutcome, Error> {
        let put = self.client.put(execution, status, until).await;
        put.map_err(|error| self.not_sent_error(execution, status, &error, context))
    }

    /// Logs what a person can do instead. Stopping the deployment needs only its id, so that command comes first. The
    /// execution id must not be in a log, so the second command reads it from where the event is stored.
    fn not_sent_error(
        &self,
        execution: &HookExecution,
        status: Status,
        error: &AwsError,
        context: &LogContext,
    ) -> Error {
        // AWS may quote the request that it refuses.
        let why = self.redactor.with_execution_id(&execution.id).redact(&error.to_string()).shorten(MAX_REASON_CHARS);
        let deployment = execution.deployment.as_str();
        let (region, id) = (quote(&self.region), quote(deployment));
        let stored = match &self.dead_letter_queue {
            Some(url) => format!(
                "its event is in the dead-letter queue a few minutes later, after on-failure has failed too (aws sqs \
                 receive-message --region {region} --queue-url {} --max-number-of-messages 10 --visibility-timeout 0 --query \
                 'Messages[].Body' --output text)",
                quote(url)
            ),
            None => "it is in the payload of this invocation".to_owned(),
        };
        log_line!(
            error,
            context,
            error.code = "StatusNotSent",
            execution.id = ?execution.id,
            "{why}; stop the deployment: aws deploy stop-deployment --region {region} --deployment-id {id} \
             --auto-rollback-enabled; or put the status yourself, with the LifecycleEventHookExecutionId in EXECUTION_ID; \
             {stored}: aws deploy put-lifecycle-event-hook-execution-status --region {region} --deployment-id {id} \
             --lifecycle-event-hook-execution-id \"$EXECUTION_ID\" --status {}",
            status.as_str(),
        );
        Error::StatusNotSent { status: status.as_str(), deployment: deployment.to_owned(), why }
    }
}
