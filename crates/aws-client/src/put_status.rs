//! Puts the status: PutLifecycleEventHookExecutionStatus, the call that everything depends on.
//!
//! It has its own client, so that the connections of a check cannot delay it, and makes short attempts until the
//! deadline. A status counts as accepted only if the reply names this execution. Any other reply may come from a proxy,
//! so the status is put again. An "already completed" error then means that the first attempt had arrived.
#![expect(clippy::disallowed_types, reason = "the client that the lint keeps away from the checks")]

use std::{sync::Arc, time::Duration};

use aws_sdk_codedeploy::{
    config::retry::RetryConfig,
    operation::put_lifecycle_event_hook_execution_status::PutLifecycleEventHookExecutionStatusError as PutError,
    types::LifecycleEventStatus,
};
use aws_smithy_types::timeout::TimeoutConfig;
use gate::{ReasonCode, permissions::actions::PUT_STATUS};
use lifecycle::{DeploymentId, ExecutionId, Status};
use tokio::{task::JoinSet, time::Instant};

use super::{
    AwsError, CONNECT_TIMEOUT, RECONNECT, connection_pool::ConnectionPool, endpoint::codedeploy_endpoint,
    error::root_cause, sdk_config,
};
use crate::settings::AwsSettings;

/// The limit for one attempt. A healthy call takes well under a second.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
/// One attempt can take at most this share of the time that is left, so that several attempts fit.
const ATTEMPT_SHARE: u32 = 4;
/// The minimum for one attempt, because connecting to a distant endpoint takes time.
const MIN_ATTEMPT: Duration = Duration::from_millis(500);
/// The pause after the first attempt. Each further pause is twice as long.
const MIN_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// With less time than this, no further attempt is sent.
const MIN_LEFT: Duration = Duration::from_millis(50);
/// AWS denies a role that was just created for some seconds, until IAM has propagated it.
const NEW_ROLE_GRACE: Duration = Duration::from_secs(30);

/// One execution of one hook: the deployment, and the id with which to put the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookExecution {
    pub deployment: DeploymentId,
    /// The execution id that CodeDeploy requires with the status.
    pub id: ExecutionId,
}

/// Puts statuses. `clippy.toml` disallows this type, so that no check can reach it.
#[derive(Clone, Debug)]
pub struct StatusClient {
    client: aws_sdk_codedeploy::Client,
    pool: Arc<ConnectionPool>,
    endpoint: String,
}

/// The result of putting a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    Accepted,
    /// CodeDeploy already had a status, perhaps this one, if an earlier reply was lost.
    AlreadyCompleted,
}

impl StatusClient {
    /// Creates the client. It does not connect yet.
    pub fn new(settings: &AwsSettings) -> Self {
        let pool = Arc::new(ConnectionPool::new(settings.tls.get(settings)));
        let mut config = aws_sdk_codedeploy::config::Builder::from(&sdk_config(settings, &pool))
            // `put` makes the retries itself, because it must know the result of each attempt.
            .retry_config(RetryConfig::disabled().with_reconnect_mode(RECONNECT));
        if let Some(url) = settings.service_endpoints.get("CODEDEPLOY") {
            config = config.endpoint_url(url);
        }
        let client = aws_sdk_codedeploy::Client::from_conf(config.build());
        Self { client, pool, endpoint: codedeploy_endpoint(settings) }
    }

    /// Opens the connection to CodeDeploy before it is needed, in the background: the status then needs no handshake,
    /// and the connection keeps its file descriptor. A connection that is still usable is kept. Nothing depends on the
    /// result.
    pub fn connect_early(&self) {
        let (pool, endpoint) = (self.pool.clone(), self.endpoint.clone());
        tokio::spawn(async move {
            if let Err(error) = pool.connect_early(&endpoint, CONNECT_TIMEOUT).await {
                tracing::debug!("no connection to CodeDeploy yet: {}", root_cause(&error));
            }
        });
    }

    /// Puts `status` for `execution` until CodeDeploy accepts it, refuses it permanently, or the time is `until`.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub async fn put(&self, execution: &HookExecution, status: Status, until: Instant) -> Result<PutOutcome, AwsError> {
        let started_at = Instant::now();
        let mut last_error =
            AwsError::new(PUT_STATUS, ReasonCode::AwsUnreachable, "no reply before the function's deadline");
        let mut pause = MIN_PAUSE;
        let mut may_be_accepted = false;
        // A process that was frozen for long may wake up when its time is nearly over. There is still enough time for
        // one attempt.
        let until = until.max(started_at + MIN_ATTEMPT);
        while let Ok(attempt) = tokio::time::timeout_at(until, self.attempt(execution, status, until)).await {
            let fault = match attempt {
                Ok(PutOutcome::AlreadyCompleted) if may_be_accepted => return Ok(PutOutcome::Accepted),
                Ok(sent) => return Ok(sent),
                Err(fault) => fault,
            };
            may_be_accepted |= may_have_arrived(&fault);
            let is_new_role = fault.code == ReasonCode::AwsDenied && started_at.elapsed() < NEW_ROLE_GRACE;
            let left = until.saturating_duration_since(Instant::now());
            if !(fault.is_retryable() || is_new_role) || left < MIN_LEFT {
                return Err(fault);
            }
            last_error = fault;
            // Near the deadline the pauses become shorter, so that no time is unused.
            tokio::time::sleep(pause.min(left / ATTEMPT_SHARE)).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
        Err(last_error)
    }

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
        // If no thread can be started to resolve a host name, the SDK panics. In its own task, only this attempt fails.
        let mut own = JoinSet::new();
        own.spawn(put);
        let Some(Ok(put)) = own.join_next().await else {
            let detail = "the attempt panicked".to_owned();
            return Err(AwsError::new(PUT_STATUS, ReasonCode::AwsUnreachable, detail));
        };
        match put {
            Ok(reply) => confirm_accepted(reply.lifecycle_event_hook_execution_id(), execution),
            Err(error) => match error.as_service_error() {
                Some(PutError::LifecycleEventAlreadyCompletedException(_)) => Ok(PutOutcome::AlreadyCompleted),
                _ => Err(AwsError::from_sdk(PUT_STATUS, &error)),
            },
        }
    }
}

/// Whether a successful reply is from CodeDeploy, which returns the id of the execution. JSON from a proxy or a gateway
/// does not contain it.
fn confirm_accepted(id: Option<&str>, execution: &HookExecution) -> Result<PutOutcome, AwsError> {
    let why = match id {
        Some(id) if id == execution.id.expose() => return Ok(PutOutcome::Accepted),
        Some(_) => "a reply of status 200 that names another execution, so it is not known whether CodeDeploy has it",
        None => "a reply of status 200 that names no execution, so it is not known whether CodeDeploy has it",
    };
    Err(AwsError::new(PUT_STATUS, ReasonCode::AwsFailed, why.to_owned()))
}

/// Whether CodeDeploy may have accepted the status although no reply confirms it.
const fn may_have_arrived(fault: &AwsError) -> bool {
    matches!(fault.code, ReasonCode::AwsFailed | ReasonCode::AwsUnreachable)
}

/// The timeouts for an attempt, given the time that is left.
fn attempt_timeouts(left: Duration) -> TimeoutConfig {
    let attempt = ATTEMPT_TIMEOUT.min(left / ATTEMPT_SHARE).max(MIN_ATTEMPT);
    TimeoutConfig::builder()
        // These two belong to the connection. If they differed between attempts, each attempt would need a new
        // connection.
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(ATTEMPT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        // The function's deadline ends the call, not the timeout of a read operation.
        .disable_operation_timeout()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let fault = |code| AwsError::new(PUT_STATUS, code, "");
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
