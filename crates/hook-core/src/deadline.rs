//! How long the checks can take: until Lambda's deadline, minus a reserve for putting the status.

use std::time::{Duration, SystemTime};

pub use gate::{MAX_FUNCTION_TIMEOUT, check_budget};
use tokio::time::Instant;

/// If the status could not be put, this leaves time to log it before Lambda ends the process.
const FINAL_LOG_RESERVE: Duration = Duration::from_millis(500);
/// But at most this share of the time.
const FINAL_LOG_RESERVE_SHARE: u32 = 20;
/// If no time is left at delivery, the hook still tries to put the status for this long.
const MIN_ANSWER_TIME: Duration = Duration::from_secs(2);
/// A deadline further in the past than this is not a real deadline: some emulators send one in 1970.
const MAX_PAST_DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);
/// The time that is assumed then. Short enough to end, long enough to check something.
const FALLBACK_BUDGET: Duration = Duration::from_secs(60);

/// How long CodeDeploy waits for a hook's status, minus the time to put it. If Lambda delivers an event late, it has
/// less time than the function's timeout.
const HOOK_TIMEOUT: Duration = Duration::from_secs(59 * 60);

/// When CodeDeploy stops waiting for an event that started at `started_at`.
pub fn event_expires_at(started_at: SystemTime, wall: SystemTime, now: Instant) -> Instant {
    // A start in the future comes from another machine's clock.
    let elapsed = wall.duration_since(started_at).unwrap_or_default();
    now + HOOK_TIMEOUT.saturating_sub(elapsed)
}

/// The two deadlines of an invocation, both in this process's monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When the checks must have ended.
    pub checks: Instant,
    /// When the status must have been put.
    pub status: Instant,
}

impl Deadline {
    /// Computes both from Lambda's deadline (wall clock) and the current time of both clocks. A deadline in the past
    /// leaves no time for the checks, and a little for the status.
    pub fn new(lambda: SystemTime, wall: SystemTime, now: Instant) -> Self {
        let left = match lambda.duration_since(wall) {
            Ok(left) => left,
            Err(past) if past.duration() > MAX_PAST_DEADLINE => {
                tracing::warn!(
                    assumed_ms = FALLBACK_BUDGET.as_millis(),
                    "the runtime's deadline is more than a day in the past; using a default instead"
                );
                FALLBACK_BUDGET
            }
            Err(_) => Duration::ZERO,
        };
        // A deadline beyond Lambda's limit comes from a clock that jumped. An Instant must not overflow because of it.
        let left = left.min(MAX_FUNCTION_TIMEOUT);
        let log_reserve = FINAL_LOG_RESERVE.min(left / FINAL_LOG_RESERVE_SHARE);
        // If Lambda's clock says that no time is left, only trying shows whether that is true.
        let answer = if left.is_zero() { MIN_ANSWER_TIME } else { left - log_reserve };
        Self { checks: now + check_budget(left), status: now + answer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(lambda: SystemTime, wall: SystemTime) -> (Duration, Duration) {
        let now = Instant::now();
        let deadline = Deadline::new(lambda, wall, now);
        (deadline.checks - now, deadline.status - now)
    }

    #[test]
    fn thirty_seconds_are_kept_back_but_never_more_than_a_fifth() {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let seconds = Duration::from_secs;
        assert_eq!(left(wall + seconds(900), wall), (seconds(870), seconds(900) - FINAL_LOG_RESERVE));
        assert_eq!(left(wall + seconds(60), wall), (seconds(48), seconds(60) - FINAL_LOG_RESERVE));
    }

    #[test]
    fn lambdas_default_of_three_seconds_leaves_room_for_an_answer() {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let millis = Duration::from_millis;
        assert_eq!(left(wall + millis(3000), wall), (millis(2400), millis(2850)));
    }

    #[test]
    fn an_event_that_came_late_has_what_is_left_of_the_hour() {
        let (wall, now) = (SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000), Instant::now());
        let ago = |minutes: u64| event_expires_at(wall - Duration::from_secs(60 * minutes), wall, now) - now;
        assert_eq!(ago(0), HOOK_TIMEOUT);
        assert_eq!(ago(58), Duration::from_secs(60));
        assert_eq!(ago(180), Duration::ZERO);
        assert_eq!(event_expires_at(wall + Duration::from_secs(60), wall, now) - now, HOOK_TIMEOUT);
    }

    #[test]
    fn a_deadline_in_the_past_still_leaves_time_to_answer() {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        assert_eq!(left(wall - Duration::from_secs(3), wall), (Duration::ZERO, MIN_ANSWER_TIME));
    }

    #[test]
    fn a_deadline_in_1970_or_in_a_far_future_is_survived() {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let watch = SystemTime::UNIX_EPOCH + Duration::from_secs(600);
        assert_eq!(left(watch, wall), (Duration::from_secs(48), FALLBACK_BUDGET - FINAL_LOG_RESERVE));
        assert_eq!(left(wall + Duration::from_secs(1 << 40), wall).1, Duration::from_secs(900) - FINAL_LOG_RESERVE);
    }
}
