//! How long a hook waits for AWS to recover: what may pass is asked again, for as long as the hook can afford.

use std::{future::Future, time::Duration};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::time::{Instant, sleep, timeout_at};

use super::Fault;
use crate::code::Code;

/// Throttling, status 5xx and lost connections are asked again for so long: most of AWS's own trouble is over by then.
const TROUBLE: Duration = Duration::from_secs(60);
/// A denial is asked again until the hook has run for so long: IAM spreads a role that was just made slowly.
const FRESH_ROLE: Duration = Duration::from_secs(30);
/// Neither takes more than this share of the time of the checks, which have to be made as well.
const SHARE: u32 = 4;
/// Between two calls. Each of them makes several attempts of its own.
const PAUSE: Duration = Duration::from_secs(2);
/// So long before time is up a call that was made again is given up, in time to report what was wrong before it.
const LAST_MOMENT: Duration = Duration::from_millis(300);

/// How long to wait. The default waits for nothing beyond a call's own attempts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience(Option<Limits>);

#[derive(Clone, Copy, Debug)]
struct Limits {
    began: Instant,
    until: Instant,
    /// Trouble is waited for as long as there is time, since what is asked decides more than a check.
    to_the_end: bool,
    /// A denial is an answer, and not asked again.
    takes_denials: bool,
}

impl Patience {
    /// For a hook that began at `began` and whose checks have to be over at `until`.
    pub fn new(began: Instant, until: Instant) -> Self {
        Self(Some(Limits { began, until, to_the_end: false, takes_denials: false }))
    }

    /// The same, with all the time that there is for what may pass.
    pub fn to_the_end(self) -> Self {
        Self(self.0.map(|limits| Limits { to_the_end: true, ..limits }))
    }

    /// The same for what is told by a denial as well.
    pub fn with_denials(self) -> Self {
        Self(self.0.map(|limits| Limits { takes_denials: true, ..limits }))
    }

    /// Makes a call, and again while its fault may pass and there is time.
    pub async fn ask<T, F>(self, call: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let Self(Some(limits)) = self else { return call().await };
        let since = Instant::now();
        let last_moment = limits.until.checked_sub(LAST_MOMENT).unwrap_or(limits.until);
        let mut before: Option<Fault> = None;
        loop {
            let fault = match &before {
                None => call().await,
                Some(before) => timeout_at(last_moment, call()).await.unwrap_or_else(|_| Err(before.clone())),
            };
            let fault = match fault {
                Ok(reply) => return Ok(reply),
                Err(fault) => fault,
            };
            if Instant::now() + PAUSE >= limits.of(&fault, since) {
                return Err(fault);
            }
            before = Some(fault);
            sleep(PAUSE).await;
        }
    }
}

impl Limits {
    /// Until when this fault of a call that was first made at `since` is worth another call.
    fn of(&self, fault: &Fault, since: Instant) -> Instant {
        let share = self.until.saturating_duration_since(self.began) / SHARE;
        let limit = match fault.code {
            Code::AwsDenied if !self.takes_denials => self.began + FRESH_ROLE.min(share),
            _ if !fault.may_pass() => since,
            _ if self.to_the_end => self.until,
            _ => since + TROUBLE.min(share),
        };
        limit.min(self.until)
    }
}

impl super::Aws {
    /// Sends a request of the SDK's, again as long as its trouble is worth waiting for.
    pub(super) async fn send<T, E, F>(&self, operation: &'static str, request: impl Fn() -> F) -> Result<T, Fault>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        self.send_for(self.patience, operation, request).await
    }

    /// The same with another patience.
    pub(super) async fn send_for<T, E, F>(
        &self,
        patience: Patience,
        operation: &'static str,
        request: impl Fn() -> F,
    ) -> Result<T, Fault>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let call = || {
            let sent = request();
            async move { sent.await.map_err(|error| Fault::of(operation, &error)) }
        };
        patience.ask(call).await
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// When a call that fails so until `heals` comes back, and whether well: with so much time for the checks, of which
    /// a part is gone.
    async fn asked(patience: fn(Patience) -> Patience, left: u64, gone: u64, code: Code, heals: u64) -> (u64, bool) {
        let began = Instant::now();
        tokio::time::sleep(seconds(gone)).await;
        let since = Instant::now();
        let call = || async {
            match since.elapsed() >= seconds(heals) {
                true => Ok(()),
                false => Err(Fault { operation: "ecs:DescribeServices", code, detail: "no".into() }),
            }
        };
        let patience = patience(Patience::new(began, began + seconds(left)));
        let reply = patience.ask(call).await;
        (since.elapsed().as_secs(), reply.is_ok())
    }

    const AS_IS: fn(Patience) -> Patience = |patience| patience;

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_asked_again_for_a_minute() {
        for code in [Code::AwsThrottled, Code::AwsFailed, Code::AwsUnreachable] {
            assert_eq!(asked(AS_IS, 870, 0, code, 8).await, (8, true));
            assert_eq!(asked(AS_IS, 870, 300, code, 55).await, (56, true), "a minute at any time");
            assert_eq!(asked(AS_IS, 870, 0, code, 900).await, (58, false));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_denial_is_asked_again_while_the_hook_is_young() {
        assert_eq!(asked(AS_IS, 870, 0, Code::AwsDenied, 20).await, (20, true));
        assert_eq!(asked(AS_IS, 870, 0, Code::AwsDenied, 900).await, (28, false));
        assert_eq!(asked(AS_IS, 870, 25, Code::AwsDenied, 900).await, (4, false), "several denials take no longer");
        assert_eq!(asked(AS_IS, 870, 300, Code::AwsDenied, 2).await, (0, false));
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_as_it_is_is_asked_once() {
        assert_eq!(asked(Patience::with_denials, 870, 0, Code::AwsDenied, 2).await, (0, false));
        for code in [Code::AwsRefused, Code::UnexpectedReply, Code::PlatformUnsupported] {
            assert_eq!(asked(AS_IS, 870, 0, code, 2).await, (0, false));
        }
        assert_eq!(asked(|_| Patience::default(), 870, 0, Code::AwsThrottled, 2).await, (0, false));
    }

    #[tokio::test(start_paused = true)]
    async fn little_time_is_mostly_for_the_checks() {
        assert_eq!(asked(AS_IS, 48, 0, Code::AwsThrottled, 900).await, (10, false));
        assert_eq!(asked(AS_IS, 48, 0, Code::AwsDenied, 900).await, (10, false));
        assert_eq!(asked(AS_IS, 6, 0, Code::AwsThrottled, 2).await, (0, false));
        assert_eq!(asked(AS_IS, 870, 869, Code::AwsThrottled, 900).await, (0, false), "nothing is left");
    }

    #[tokio::test(start_paused = true)]
    async fn what_decides_about_a_rollback_has_all_the_time_that_there_is() {
        assert_eq!(asked(Patience::to_the_end, 870, 0, Code::AwsUnreachable, 700).await, (700, true));
        assert_eq!(asked(Patience::to_the_end, 870, 0, Code::AwsUnreachable, 900).await, (868, false));
        assert_eq!(asked(Patience::to_the_end, 870, 0, Code::AwsDenied, 900).await, (28, false));
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
                    return Err::<(), _>(Fault {
                        operation: "ecs:DescribeServices",
                        code: Code::AwsThrottled,
                        detail: "no".into(),
                    });
                }
                std::future::pending().await
            }
        };
        let patience = Patience::new(now, now + seconds(20));
        let fault = patience.ask(call).await.unwrap_err();
        assert_eq!((fault.code, now.elapsed()), (Code::AwsThrottled, seconds(20) - LAST_MOMENT));
    }
}
