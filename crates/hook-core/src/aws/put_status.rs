//! The answer: PutLifecycleEventHookExecutionStatus, the one call that counts.
//!
//! It has a client of its own, so that nothing a check does to its connections can delay it, and makes short attempts until
//! the deadline. An answer counts as accepted only if the reply names this execution. Any other reply may come from
//! something on the way, so the status is put again, and "already completed" then means that the first one had arrived.

use std::time::Duration;

use aws_sdk_codedeploy::{
    config::retry::RetryConfig,
    operation::put_lifecycle_event_hook_execution_status::PutLifecycleEventHookExecutionStatusError as PutError,
    types::LifecycleEventStatus,
};
use aws_smithy_types::timeout::TimeoutConfig;
use tokio::{task::JoinSet, time::Instant};

use super::{AwsError, AwsOperation, CONNECT_TIMEOUT, sdk_config};
use crate::{
    code::ReasonCode,
    error::Error,
    event::HookExecution,
    log_context::{LogContext, log_line},
    permissions::Requirement,
    redact::Redactor,
    settings::AwsSettings,
    shell::quote,
    verdict::Status,
};

pub(super) const PUT_STATUS: &str = "codedeploy:PutLifecycleEventHookExecutionStatus";

/// One attempt: a healthy Put takes well under a second.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
/// Several attempts have to fit into the time that is left, so one may take this share of it.
const ATTEMPT_SHARE: u32 = 4;
/// But so long at least: a connection to a distant endpoint has to be made first.
const MIN_ATTEMPT: Duration = Duration::from_millis(500);
/// The pause after the first attempt; each further one is twice as long.
const MIN_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// With less time than this no further attempt can be sent.
const MIN_LEFT: Duration = Duration::from_millis(50);
/// A role that was just made is refused for some seconds, until IAM has spread it.
const NEW_ROLE_GRACE: Duration = Duration::from_secs(30);

/// What AWS says has so many characters at most, so that the commands after it are still seen.
const MAX_REASON_CHARS: usize = 300;

/// What the answer takes.
pub fn requirements_for_put_status() -> Vec<Requirement> {
    vec![Requirement::new(AwsOperation::PutStatus, "to answer CodeDeploy: Succeeded or Failed")]
}

/// Puts statuses.
#[derive(Clone, Debug)]
pub struct StatusClient {
    client: aws_sdk_codedeploy::Client,
    region: String,
    dead_letter_queue: Option<String>,
    redactor: Redactor,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// CodeDeploy took it.
    Accepted,
    /// CodeDeploy had an answer already, perhaps this one: its reply may have been lost.
    AlreadyCompleted,
}

impl StatusClient {
    /// A client for answering. Connects to nothing yet.
    pub fn new(settings: &AwsSettings) -> Self {
        let mut config = aws_sdk_codedeploy::config::Builder::from(&sdk_config(settings))
            // `put` repeats an attempt itself, because it has to know what became of each.
            .retry_config(RetryConfig::disabled());
        if let Some(url) = settings.service_endpoints.get("CODEDEPLOY") {
            config = config.endpoint_url(url);
        }
        let region = settings.region.clone().unwrap_or_default();
        let client = aws_sdk_codedeploy::Client::from_conf(config.build());
        Self { client, region, dead_letter_queue: settings.dead_letter_queue.clone(), redactor: settings.redactor() }
    }

    /// Puts `status` for `execution`, until CodeDeploy accepts it, refuses it for good, or `until` has come.
    ///
    /// # Errors
    /// [`Error::StatusNotSent`]; the line with what to do by hand is logged here.
    pub async fn put(
        &self,
        execution: &HookExecution,
        status: Status,
        until: Instant,
        context: &LogContext,
    ) -> Result<PutOutcome, Error> {
        let started_at = Instant::now();
        let mut why = format!("{PUT_STATUS}: no answer before the function's deadline");
        let mut pause = MIN_PAUSE;
        let mut may_be_accepted = false;
        // A process that was paused for long may wake when its time is nearly over: what is left is enough for an attempt.
        let until = until.max(started_at + MIN_ATTEMPT);
        while let Ok(attempt) = tokio::time::timeout_at(until, self.attempt(execution, status, until)).await {
            let fault = match attempt {
                Ok(PutOutcome::AlreadyCompleted) if may_be_accepted => return Ok(PutOutcome::Accepted),
                Ok(sent) => return Ok(sent),
                Err(fault) => fault,
            };
            may_be_accepted |= may_have_arrived(&fault);
            why = fault.to_string();
            let is_new_role = fault.code == ReasonCode::AwsDenied && started_at.elapsed() < NEW_ROLE_GRACE;
            let left = until.saturating_duration_since(Instant::now());
            if !(fault.is_retryable() || is_new_role) || left < MIN_LEFT {
                break;
            }
            // Near the deadline the pauses become shorter, so that no time is left unused.
            tokio::time::sleep(pause.min(left / ATTEMPT_SHARE)).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
        Err(self.not_sent_error(execution, status, &why, context))
    }

    /// One attempt.
    async fn attempt(&self, execution: &HookExecution, status: Status, until: Instant) -> Result<PutOutcome, AwsError> {
        let timeouts = attempt_timeouts(until.saturating_duration_since(Instant::now()));
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
            .config_override(aws_sdk_codedeploy::Config::builder().timeout_config(timeouts))
            .send();
        // On a task of its own: where no thread can be started to look up a name, what panics is the attempt alone.
        let mut own = JoinSet::new();
        own.spawn(put);
        let Some(Ok(put)) = own.join_next().await else {
            let detail = "the attempt panicked".to_owned();
            return Err(AwsError { operation: PUT_STATUS, code: ReasonCode::AwsUnreachable, detail });
        };
        match put {
            Ok(reply) => confirm_accepted(reply.lifecycle_event_hook_execution_id(), execution),
            Err(error) => match error.as_service_error() {
                Some(PutError::LifecycleEventAlreadyCompletedException(_)) => Ok(PutOutcome::AlreadyCompleted),
                _ => Err(AwsError::from_sdk(PUT_STATUS, &error)),
            },
        }
    }

    /// What a person can do instead. To stop the deployment needs nothing but its id, so it comes first; the execution id
    /// must not be in a log, so the second command takes it from where the event is stored.
    fn not_sent_error(&self, execution: &HookExecution, status: Status, why: &str, context: &LogContext) -> Error {
        // AWS may quote what it refuses.
        let why = execution.id.extend_redactor(&self.redactor).redact(why).shorten(MAX_REASON_CHARS);
        let deployment = execution.deployment.as_str();
        let (region, id) = (quote(&self.region), quote(deployment));
        let stored = match &self.dead_letter_queue {
            Some(url) => format!(
                "its event is in the dead-letter queue once on-failure has failed too, after some minutes (aws sqs \
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

/// Whether a good reply is CodeDeploy's: it returns the id of the execution. A proxy's or a gateway's JSON does not have it.
fn confirm_accepted(id: Option<&str>, execution: &HookExecution) -> Result<PutOutcome, AwsError> {
    let why = match id {
        Some(id) if id == execution.id.expose() => return Ok(PutOutcome::Accepted),
        Some(_) => "a reply of status 200 that names another execution, so it is not known whether CodeDeploy has it",
        None => "a reply of status 200 that names no execution, so it is not known whether CodeDeploy has it",
    };
    Err(AwsError { operation: PUT_STATUS, code: ReasonCode::AwsFailed, detail: why.to_owned() })
}

/// Whether CodeDeploy may have accepted the status although no reply says so.
const fn may_have_arrived(fault: &AwsError) -> bool {
    matches!(fault.code, ReasonCode::AwsFailed | ReasonCode::AwsUnreachable)
}

/// The limits of an attempt, with so much time left for the answer.
fn attempt_timeouts(left: Duration) -> TimeoutConfig {
    let attempt = ATTEMPT_TIMEOUT.min(left / ATTEMPT_SHARE).max(MIN_ATTEMPT);
    TimeoutConfig::builder()
        // These two belong to the connection: were they others in each attempt, so would the connection be.
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(ATTEMPT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        // The function's deadline ends it, and not the limit of a read.
        .disable_operation_timeout()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{DeploymentId, ExecutionId};

    #[test]
    fn a_reply_counts_only_if_it_names_this_execution() {
        let execution = HookExecution {
            deployment: DeploymentId::try_from("d-1".to_owned()).unwrap(),
            id: ExecutionId::try_from("own".to_owned()).unwrap(),
        };
        assert_eq!(confirm_accepted(Some("own"), &execution), Ok(PutOutcome::Accepted));
        for other in [None, Some(""), Some("other"), Some("own ")] {
            let fault = confirm_accepted(other, &execution).unwrap_err();
            assert!(fault.is_retryable() && may_have_arrived(&fault), "{other:?}: {fault}");
        }
    }

    #[test]
    fn what_refuses_has_not_taken_the_status() {
        let fault = |code| AwsError { operation: PUT_STATUS, code, detail: String::new() };
        assert!([ReasonCode::AwsFailed, ReasonCode::AwsUnreachable].map(fault).iter().all(may_have_arrived));
        assert!(
            ![ReasonCode::AwsThrottled, ReasonCode::AwsDenied, ReasonCode::AwsRejected]
                .map(fault)
                .iter()
                .any(may_have_arrived)
        );
    }

    #[test]
    fn several_attempts_fit_into_what_is_left() {
        let attempt = |left| attempt_timeouts(left).operation_attempt_timeout().unwrap();
        assert_eq!(attempt(Duration::from_secs(30)), ATTEMPT_TIMEOUT);
        assert_eq!(attempt(Duration::from_secs(6)), Duration::from_millis(1500));
        assert_eq!(attempt(Duration::from_millis(600)), MIN_ATTEMPT);
        assert_eq!(attempt(Duration::ZERO), MIN_ATTEMPT);
    }
}
