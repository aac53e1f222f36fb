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
        let hint = match error {
            error if error.has_code("DeploymentDoesNotExistException") => {
                "CodeDeploy has no such deployment, so none waits for this status"
            }
            error if error.is_access_denied() => {
                "the function's role needs codedeploy:PutLifecycleEventHookExecutionStatus; the deployment waits up to an \
                 hour for this status: stop it, or put the status manually"
            }
            error if error.has_code("UnsupportedActionForDeploymentTypeException") => {
                "this type of deployment waits for no status: remove the function from the deployment's AppSpec file"
            }
            _ => "the deployment waits up to an hour for this status: stop it, or put the status manually",
        };
        Error::StatusNotSent { status: status.as_str(), deployment: deployment.to_owned(), why, hint }
    }
}

#[cfg(test)]
mod tests {
    use aws_client::AwsError;
    use gate::ReasonCode;
    use lifecycle::{DeploymentId, ExecutionId, Hook};

    use super::*;

    /// The error for a status that AWS refuses with this message.
    fn refused(execution: &HookExecution, code: ReasonCode, message: String) -> Error {
        let client = LoggedStatusClient::new(&Settings::default());
        let context = LogContext::new(Some(Hook::AfterInstall), &execution.deployment, None);
        let error = AwsError::new("codedeploy:PutLifecycleEventHookExecutionStatus", code, message);
        client.not_sent_error(execution, Status::Failed, &error, &context)
    }

    fn execution() -> HookExecution {
        HookExecution {
            deployment: DeploymentId::try_from("d-A1B2C3D4E".to_owned()).unwrap(),
            id: ExecutionId::try_from(format!("eyJlbmNyeXB0ZWREYXRhIjoi{}", "Zm9vYmFy".repeat(20))).unwrap(),
        }
    }

    #[test]
    fn an_execution_id_that_aws_quotes_is_not_in_the_error() {
        let execution = execution();
        let message = format!("InvalidLifecycleEventHookExecutionIdException: {} is not valid", execution.id.expose());
        let shown = refused(&execution, ReasonCode::AwsRejected, message).to_string();
        assert!(!shown.contains("Zm9vYmFy") && shown.contains(ExecutionId::LABEL), "{shown}");
    }
}
