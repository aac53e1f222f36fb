//! When the checks must have ended.

use std::time::{Duration, SystemTime};

use aws_client::model::LifecycleProgress;
use lifecycle::Hook;
use tokio::time::Instant;

use crate::deadline;

/// The earliest of three: the function's deadline (`until`), the end of the hour for which CodeDeploy waits, and
/// `deadline` of the gate file, which counts from now.
pub fn for_checks(hook: Hook, progress: &LifecycleProgress, gate_limit: Option<Duration>, until: Instant) -> Instant {
    let clocks = (SystemTime::now(), Instant::now());
    earliest(until, progress.own_event_started_at(hook), gate_limit, clocks)
}

fn earliest(
    until: Instant,
    event_started_at: Option<SystemTime>,
    gate_limit: Option<Duration>,
    (wall, now): (SystemTime, Instant),
) -> Instant {
    let event_expires_at = event_started_at.map(|at| deadline::event_expires_at(at, wall, now));
    let gate_ends_at = gate_limit.map(|limit| now + limit);
    [event_expires_at, gate_ends_at].into_iter().flatten().fold(until, Instant::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn left(event_age: Option<Duration>, gate_limit: Option<Duration>) -> Duration {
        let (wall, now) = (SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000), Instant::now());
        earliest(now + 10 * MINUTE, event_age.map(|age| wall - age), gate_limit, (wall, now)) - now
    }

    #[test]
    fn function_s_deadline_counts_if_nothing_ends_earlier() {
        assert_eq!(left(None, None), 10 * MINUTE);
        assert_eq!(left(Some(MINUTE), Some(20 * MINUTE)), 10 * MINUTE);
    }

    #[test]
    fn late_event_has_the_rest_of_its_hour() {
        assert_eq!(left(Some(55 * MINUTE), None), 4 * MINUTE);
        assert_eq!(left(Some(300 * MINUTE), None), Duration::ZERO);
    }

    #[test]
    fn gate_file_can_only_shorten_it() {
        assert_eq!(left(None, Some(2 * MINUTE)), 2 * MINUTE);
    }
}
