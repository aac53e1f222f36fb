//! Polls a check: within a time, for a duration, or a number of times in a row.

use std::{future::Future, time::Duration};

use gate::{ReasonCode, format_duration, kinds::PollPolicy};
use tokio::time::{Instant, sleep, timeout_at};

use super::{CheckContext, tally::Tally};
use crate::finding::{Observation, Outcome};

/// The last attempt starts this long before the deadline. AWS responds in less.
const FINAL_ATTEMPT_MARGIN: Duration = Duration::from_millis(500);
/// This long before the deadline a pending attempt is abandoned, because the result must be reported by then.
const REPORT_MARGIN: Duration = Duration::from_millis(100);
/// How long a task set may take to settle again in the middle of a window. CodeDeploy waits just as long for one.
const MAX_SETTLING: Duration = Duration::from_secs(5 * 60);
/// Makes attempts with `look`. An attempt that `look` calls final ends the check at once.
///
/// The window begins with the first pass, or when `within` is over. Its result counts every attempt in the window,
/// and the strictest policy decides: a bad attempt in place of a good one can make the result worse but never
/// better. Failures before the first pass mean "not yet".
pub async fn poll<F>(policy: &PollPolicy, cx: &CheckContext, mut look: impl FnMut() -> F) -> Observation
where
    F: Future<Output = Attempt>,
{
    let started_at = Instant::now();
    let left = cx.deadline.saturating_duration_since(started_at);
    if policy.min_duration() > left {
        let expected = format!("at least {} for this check", format_duration(policy.min_duration()));
        return Observation::failed(ReasonCode::WindowTooLong, "time left", expected, format_duration(left))
            .with_outcome(Outcome::TimedOut, ReasonCode::WindowTooLong);
    }
    // A pending attempt is abandoned in time to report what the attempts before it found.
    let last_moment = cx.deadline.checked_sub(REPORT_MARGIN).unwrap_or(cx.deadline);
    // `for`: a window that has begun can end but not begin again.
    let starts_once = !policy.hold_for.is_zero() && !policy.restart_on_failure;
    let mut passing_since = None;
    let mut consecutive_passes = 0;
    let mut tally = Tally::default();
    // Since when the task set is settling again.
    let mut settling_since = None;
    loop {
        let attempt = async {
            // The semaphore is never closed.
            let _permit = cx.permits.acquire().await;
            look().await
        };
        let Ok(look) = timeout_at(last_moment, attempt).await else {
            return tally.finish_timed_out(started_at.elapsed()).with_hint(cx.out_of_time_hint);
        };
        let now = Instant::now();
        if let Attempt::Settling(observation) = &look {
            let has_time = now - *settling_since.get_or_insert(now) < MAX_SETTLING;
            if has_time && starts_once {
                tally.record_settling(observation.clone());
                let left = cx.deadline.saturating_duration_since(now);
                if left <= FINAL_ATTEMPT_MARGIN {
                    return tally.finish_timed_out(now - started_at).with_hint(cx.out_of_time_hint);
                }
                sleep(policy.every.min(left - FINAL_ATTEMPT_MARGIN)).await;
                continue;
            }
        } else {
            settling_since = None;
        }
        let is_gap = matches!(look, Attempt::Gap(_));
        let (observation, is_last) = match look {
            Attempt::Retryable(observation) | Attempt::Gap(observation) | Attempt::Settling(observation) => {
                (observation, false)
            }
            Attempt::Continuous(observation) => {
                tally.close_gap();
                (observation, false)
            }
            Attempt::Final(observation) => (observation, true),
        };
        // If AWS denies the first attempt, it will deny the next ones too. Minutes of requests would only add
        // noise.
        let is_refused = matches!(observation.code, Some(ReasonCode::AwsDenied | ReasonCode::AwsRejected))
            && passing_since.is_none();
        let holds = observation.is_ok();
        if holds && passing_since.is_none() {
            tally.clear_before_first_pass();
        }
        if is_gap {
            tally.record_gap(observation)
        } else {
            tally.record(observation)
        }
        if is_last || is_refused {
            return tally.finish_with_last(policy, now - started_at);
        }
        let may_wait = now - started_at < policy.within;
        if holds || !may_wait || (starts_once && passing_since.is_some()) {
            let since = *passing_since.get_or_insert(now);
            consecutive_passes += 1;
            let is_over = now - since >= policy.hold_for && consecutive_passes >= policy.consecutive;
            // A stricter policy may decide about a later failure, so only a decision ends a window early.
            if is_over || (!holds && tally.is_decided(cx.policies)) {
                return tally.finish(policy, now - started_at);
            }
        } else {
            passing_since = None;
            consecutive_passes = 0;
        }
        let left = cx.deadline.saturating_duration_since(now);
        if left <= FINAL_ATTEMPT_MARGIN {
            return tally.finish_timed_out(now - started_at).with_hint(cx.out_of_time_hint);
        }
        sleep(policy.every.min(left - FINAL_ATTEMPT_MARGIN)).await;
    }
}

/// Describes how the check passed, for the report.
pub(super) fn describe_success(policy: &PollPolicy, took: Duration) -> String {
    match (policy.hold_for.is_zero(), policy.consecutive) {
        (false, _) => format!("for {}", format_duration(took)),
        (true, 1) => format!("after {}", format_duration(took)),
        (true, row) => format!("{row} times in a row"),
    }
}

/// The result of one attempt.
pub enum Attempt {
    /// The next attempt can have another result.
    Retryable(Observation),
    /// It failed for a reason that goes away: the service scales out, or ECS replaces a task. With `for` this counts
    /// neither as a pass nor as a break, for five minutes at a time. Otherwise it is like `Retryable`.
    Settling(Observation),
    /// Like `Retryable`, and what happened since the attempt before is known too, so a gap between them hides nothing.
    Continuous(Observation),
    /// The attempt could not be made, and the next one can show that the gap hides nothing.
    Gap(Observation),
    /// The result will not change any more.
    Final(Observation),
}

#[cfg(test)]
mod tests;
