//! The answer: PutLifecycleEventHookExecutionStatus, the one call that counts.
//!
//! It has a client of its own, so that nothing a check does to its connections can delay it, with short attempts in
//! rounds until the deadline: a lost reply is sent again, and "already completed" then means that it had arrived.

use std::time::Duration;

use aws_sdk_codedeploy::{
    config::retry::{RetryConfig, RetryPartition},
    operation::put_lifecycle_event_hook_execution_status::PutLifecycleEventHookExecutionStatusError as PutError,
    types::LifecycleEventStatus,
};
use aws_smithy_types::timeout::TimeoutConfig;
use tokio::time::Instant;

use super::{Ask, CONNECT, Fault, config};
use crate::{code::Code, error::Error, event::Execution, permissions::Need, settings::AwsSettings, verdict::Status};

pub(super) const PUT: &str = "codedeploy:PutLifecycleEventHookExecutionStatus";

/// One attempt: a healthy Put takes well under a second.
const ATTEMPT: Duration = Duration::from_secs(4);
/// Several attempts have to fit into the time that is left, so one may take this share of it.
const ATTEMPT_SHARE: u32 = 4;
/// But so long at least: a connection to a distant endpoint has to be made first.
const LEAST_ATTEMPT: Duration = Duration::from_millis(500);
/// Attempts in a round. A round ends within seconds, and tells why.
const ATTEMPTS: u32 = 3;
/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(500);
/// A role that was just made is refused for some seconds, until IAM has spread it.
const FRESH_ROLE: Duration = Duration::from_secs(30);

/// What the answer takes.
pub fn needs_of_answer() -> Vec<Need> {
    vec![Need::new(Ask::Put, "to answer CodeDeploy: Succeeded or Failed")]
}

/// Puts statuses.
#[derive(Clone, Debug)]
pub struct Answer {
    client: aws_sdk_codedeploy::Client,
    region: String,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// CodeDeploy took it.
    Accepted,
    /// CodeDeploy had an answer already, perhaps this one: its reply may have been lost.
    AlreadyCompleted,
}

impl Answer {
    /// A client for answering. Connects to nothing yet.
    pub fn new(settings: &AwsSettings) -> Self {
        let mut config = aws_sdk_codedeploy::config::Builder::from(&config(settings))
            // Retries that reading has used up must not be missing here.
            .retry_partition(RetryPartition::new("answer"))
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(ATTEMPTS)
                    .with_initial_backoff(Duration::from_millis(200))
                    .with_max_backoff(Duration::from_secs(4)),
            );
        if let Some(url) = settings.service_endpoints.get("CODEDEPLOY") {
            config = config.endpoint_url(url);
        }
        let region = settings.region.clone().unwrap_or_default();
        Self { client: aws_sdk_codedeploy::Client::from_conf(config.build()), region }
    }

    /// Puts `status` for `execution`, until it is taken, refused for good, or `until` has come.
    ///
    /// # Errors
    /// [`Error::AnswerNotSent`]; the line with what to do by hand is logged here.
    pub async fn put(&self, execution: &Execution, status: Status, until: Instant) -> Result<Sent, Error> {
        let began = Instant::now();
        let mut why = format!("{PUT}: no answer before the function's deadline");
        while let Ok(round) = tokio::time::timeout_at(until, self.round(execution, status, until)).await {
            let fault = match round {
                Ok(sent) => return Ok(sent),
                Err(fault) => fault,
            };
            why = fault.to_string();
            let fresh_role = fault.code == Code::AwsDenied && began.elapsed() < FRESH_ROLE;
            if !(fault.may_pass() || fresh_role) || Instant::now() + PAUSE >= until {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(self.by_hand(execution, status, &why))
    }

    /// One round of attempts.
    async fn round(&self, execution: &Execution, status: Status, until: Instant) -> Result<Sent, Fault> {
        let limits = limits(until.saturating_duration_since(Instant::now()));
        let put = self
            .client
            .put_lifecycle_event_hook_execution_status()
            .deployment_id(execution.deployment.as_str())
            .lifecycle_event_hook_execution_id(execution.id.expose())
            .status(match status {
                Status::Succeeded => LifecycleEventStatus::Succeeded,
                Status::Failed => LifecycleEventStatus::Failed,
            })
            .customize()
            .config_override(aws_sdk_codedeploy::Config::builder().timeout_config(limits))
            .send();
        match put.await {
            Ok(_) => Ok(Sent::Accepted),
            Err(error) => match error.as_service_error() {
                Some(PutError::LifecycleEventAlreadyCompletedException(_)) => Ok(Sent::AlreadyCompleted),
                _ => Err(Fault::of(PUT, &error)),
            },
        }
    }

    /// The whole execution id must not stand in a log, so the command takes it from where Lambda keeps it.
    fn by_hand(&self, execution: &Execution, status: Status, why: &str) -> Error {
        // AWS may quote what it refuses.
        let why = why.replace(execution.id.expose(), "…");
        let deployment = execution.deployment.as_str();
        let region = &self.region;
        tracing::error!(
            error.code = "AnswerNotSent",
            deployment.id = deployment,
            execution.id = ?execution.id,
            "{why}; by hand, with the LifecycleEventHookExecutionId of this invocation's payload in EXECUTION_ID: \
             aws deploy put-lifecycle-event-hook-execution-status --region {region} --deployment-id {deployment} \
             --lifecycle-event-hook-execution-id \"$EXECUTION_ID\" --status {}; or stop the deployment: \
             aws deploy stop-deployment --region {region} --deployment-id {deployment} --auto-rollback-enabled",
            status.word(),
        );
        Error::AnswerNotSent { status: status.word(), deployment: deployment.to_owned(), why }
    }
}

/// The limits of a round's attempts, with so much time left for the answer.
fn limits(left: Duration) -> TimeoutConfig {
    let attempt = ATTEMPT.min(left / ATTEMPT_SHARE).max(LEAST_ATTEMPT);
    TimeoutConfig::builder()
        // These two belong to the connection: were they others in each round, so would the connection be.
        .connect_timeout(CONNECT)
        .read_timeout(ATTEMPT)
        .operation_attempt_timeout(attempt)
        // The function's deadline ends it, and not the limit of a read.
        .disable_operation_timeout()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_attempts_fit_into_what_is_left() {
        let attempt = |left| limits(left).operation_attempt_timeout().unwrap();
        assert_eq!(attempt(Duration::from_secs(30)), ATTEMPT);
        assert_eq!(attempt(Duration::from_secs(6)), Duration::from_millis(1500));
        assert_eq!(attempt(Duration::from_millis(600)), LEAST_ATTEMPT);
        assert_eq!(attempt(Duration::ZERO), LEAST_ATTEMPT);
    }
}
