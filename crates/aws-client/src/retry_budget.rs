//! How long a hook retries AWS calls. Temporary errors are retried for as long as the hook has time.

use std::{future::Future, time::Duration};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use gate::ReasonCode;
use tokio::time::{Instant, sleep, timeout_at};

use super::AwsError;

/// Throttling, status 5xx and lost connections are retried for this long. Most AWS problems are over by then.
const MAX_RETRY_TIME: Duration = Duration::from_secs(60);
/// A denial is retried until the hook has run for this long, because IAM takes time to propagate a new role.
const NEW_ROLE_GRACE: Duration = Duration::from_secs(30);
/// Retries take at most this share of the time of the checks, which also need time.
const MAX_RETRY_SHARE: u32 = 4;
/// The pause between two calls. Each call also makes its own attempts.
const ROUND_PAUSE: Duration = Duration::from_secs(2);
/// A repeated call ends this long before the time is up, so that the previous error can still be reported.
const REPORT_MARGIN: Duration = Duration::from_millis(300);

/// The time for retries. The default allows only the attempts inside a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RetryBudget(Option<RetryLimits>);

#[derive(Clone, Copy, Debug)]
struct RetryLimits {
    started_at: Instant,
    until: Instant,
    /// Retry until the end, because the result decides more than one check.
    uses_all_time: bool,
    /// A denial is a valid result, so it is not retried.
    denials_are_final: bool,
}

impl RetryBudget {
    /// For a hook that started at `started_at` and whose checks must end at `until`.
    pub fn new(started_at: Instant, until: Instant) -> Self {
        Self(Some(RetryLimits { started_at, until, uses_all_time: false, denials_are_final: false }))
    }

    /// Allows retries of temporary errors until the end.
    pub fn until_deadline(self) -> Self {
        Self(self.0.map(|limits| RetryLimits { uses_all_time: true, ..limits }))
    }

    /// Does not retry a denial, for calls in which it is a valid result.
    pub fn with_final_denials(self) -> Self {
        Self(self.0.map(|limits| RetryLimits { denials_are_final: true, ..limits }))
    }

    /// Makes a call, and repeats it while its error is temporary and there is time.
    pub async fn retry<T, F>(self, call: impl Fn() -> F) -> Result<T, AwsError>
    where
        F: Future<Output = Result<T, AwsError>>,
    {
        let Self(Some(limits)) = self else { return call().await };
        let since = Instant::now();
        let last_moment = limits.until.checked_sub(REPORT_MARGIN).unwrap_or(limits.until);
        let mut before: Option<AwsError> = None;
        loop {
            let fault = match &before {
                None => call().await,
                Some(before) => timeout_at(last_moment, call()).await.unwrap_or_else(|_| Err(before.clone())),
            };
            let fault = match fault {
                Ok(reply) => return Ok(reply),
                Err(fault) => fault,
            };
            if Instant::now() + ROUND_PAUSE >= limits.retry_until(&fault, since) {
                return Err(fault);
            }
            before = Some(fault);
            sleep(ROUND_PAUSE).await;
        }
    }
}

impl RetryLimits {
    /// The time until which this error of a call that first ran at `since` is worth another call.
    fn retry_until(&self, fault: &AwsError, since: Instant) -> Instant {
        let share = self.until.saturating_duration_since(self.started_at) / MAX_RETRY_SHARE;
        let limit = match fault.code {
            ReasonCode::AwsDenied if !self.denials_are_final => self.started_at + NEW_ROLE_GRACE.min(share),
            _ if !fault.is_retryable() => since,
            _ if self.uses_all_time => self.until,
            _ => since + MAX_RETRY_TIME.min(share),
        };
        limit.min(self.until)
    }
}

impl super::Aws {
    /// Sends an SDK request within the retry budget of the client.
    pub(super) async fn send<T, E, F>(&self, operation: &'static str, request: impl Fn() -> F) -> Result<T, AwsError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        self.send_within(self.retry_budget, operation, request).await
    }

    /// Sends an SDK request within another retry budget.
    pub(super) async fn send_within<T, E, F>(
        &self,
        retry_budget: RetryBudget,
        operation: &'static str,
        request: impl Fn() -> F,
    ) -> Result<T, AwsError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let call = || {
            // Boxed, because the SDK's futures take many kilobytes, checks nest them, and a thread has one stack.
            let sent = Box::pin(request());
            async move { sent.await.map_err(|error| AwsError::from_sdk(operation, &error)) }
        };
        retry_budget.retry(call).await
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The seconds that a call took which fails until `heals`, and whether it succeeded. `left` is the time for the
    /// checks, of which `elapsed` has passed.
    async fn retried(
        configure: fn(RetryBudget) -> RetryBudget,
        left: u64,
        elapsed: u64,
        code: ReasonCode,
        heals: u64,
    ) -> (u64, bool) {
        let started_at = Instant::now();
        tokio::time::sleep(seconds(elapsed)).await;
        let since = Instant::now();
        let call = || async {
            match since.elapsed() >= seconds(heals) {
                true => Ok(()),
                false => Err(AwsError::new("ecs:DescribeServices", code, "no")),
            }
        };
        let patience = configure(RetryBudget::new(started_at, started_at + seconds(left)));
        let reply = patience.retry(call).await;
        (since.elapsed().as_secs(), reply.is_ok())
    }

    const AS_IS: fn(RetryBudget) -> RetryBudget = |patience| patience;

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_asked_again_for_a_minute() {
        for code in [ReasonCode::AwsThrottled, ReasonCode::AwsFailed, ReasonCode::AwsUnreachable] {
            assert_eq!(retried(AS_IS, 870, 0, code, 8).await, (8, true));
            assert_eq!(retried(AS_IS, 870, 300, code, 55).await, (56, true), "one minute, whenever the call starts");
            assert_eq!(retried(AS_IS, 870, 0, code, 900).await, (58, false));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_denial_is_asked_again_while_the_hook_is_young() {
        assert_eq!(retried(AS_IS, 870, 0, ReasonCode::AwsDenied, 20).await, (20, true));
        assert_eq!(retried(AS_IS, 870, 0, ReasonCode::AwsDenied, 900).await, (28, false));
        assert_eq!(
            retried(AS_IS, 870, 25, ReasonCode::AwsDenied, 900).await,
            (4, false),
            "several denials together take at most this long"
        );
        assert_eq!(retried(AS_IS, 870, 300, ReasonCode::AwsDenied, 2).await, (0, false));
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_as_it_is_is_asked_once() {
        assert_eq!(retried(RetryBudget::with_final_denials, 870, 0, ReasonCode::AwsDenied, 2).await, (0, false));
        for code in [ReasonCode::AwsRejected, ReasonCode::UnexpectedReply, ReasonCode::PlatformUnsupported] {
            assert_eq!(retried(AS_IS, 870, 0, code, 2).await, (0, false));
        }
        assert_eq!(retried(|_| RetryBudget::default(), 870, 0, ReasonCode::AwsThrottled, 2).await, (0, false));
    }

    #[tokio::test(start_paused = true)]
    async fn little_time_is_mostly_for_the_checks() {
        assert_eq!(retried(AS_IS, 48, 0, ReasonCode::AwsThrottled, 900).await, (10, false));
        assert_eq!(retried(AS_IS, 48, 0, ReasonCode::AwsDenied, 900).await, (10, false));
        assert_eq!(retried(AS_IS, 6, 0, ReasonCode::AwsThrottled, 2).await, (0, false));
        assert_eq!(retried(AS_IS, 870, 869, ReasonCode::AwsThrottled, 900).await, (0, false), "no time is left");
    }

    #[tokio::test(start_paused = true)]
    async fn what_decides_about_a_rollback_has_all_the_time_that_there_is() {
        assert_eq!(retried(RetryBudget::until_deadline, 870, 0, ReasonCode::AwsUnreachable, 700).await, (700, true));
        assert_eq!(retried(RetryBudget::until_deadline, 870, 0, ReasonCode::AwsUnreachable, 900).await, (868, false));
        assert_eq!(retried(RetryBudget::until_deadline, 870, 0, ReasonCode::AwsDenied, 900).await, (28, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_does_not_come_back_is_given_up_in_time_with_what_came_before() {
        let now = Instant::now();
        let calls = Cell::new(0);
        let call = || {
            calls.set(calls.get() + 1);
            let first = calls.get() == 1;
            async move {
                if first {
                    return Err::<(), _>(AwsError::new("ecs:DescribeServices", ReasonCode::AwsThrottled, "no"));
                }
                std::future::pending().await
            }
        };
        let patience = RetryBudget::new(now, now + seconds(20));
        let fault = patience.retry(call).await.unwrap_err();
        assert_eq!((fault.code, now.elapsed()), (ReasonCode::AwsThrottled, seconds(20) - REPORT_MARGIN));
    }
}
