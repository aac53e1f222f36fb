//! When the checks must have ended.

use std::time::{Duration, SystemTime};

use aws_client::model::LifecycleProgress;
use lifecycle::Hook;
use tokio::time::Instant;

use crate::deadline;

/// When the checks must have ended, and what to do if they needed longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimit {
    pub until: Instant,
    /// None if the function's timeout is the limit: then the hint of the reason code is right.
    pub hint: Option<&'static str>,
}

const GATE_FILE_HINT: &str =
    "fix what the check reports; if it only needed longer, raise `deadline` of this hook in the gate file";
const HOUR_HINT: &str =
    "CodeDeploy's hour for this hook was nearly over when the function got the event; read why it was invoked so late";

impl TimeLimit {
    /// The limit of the function, `until`.
    pub fn of_function(until: Instant) -> Self {
        Self { until, hint: None }
    }
}

/// The earliest of three: the function's deadline (`until`), the end of the hour for which CodeDeploy waits, and
/// `deadline` of the gate file, which counts from now.
pub fn for_checks(hook: Hook, progress: &LifecycleProgress, gate_limit: Option<Duration>, until: Instant) -> TimeLimit {
    let clocks = (SystemTime::now(), Instant::now());
    earliest(until, progress.own_event_started_at(hook), gate_limit, clocks)
}

fn earliest(
    until: Instant,
    event_started_at: Option<SystemTime>,
    gate_limit: Option<Duration>,
    (wall, now): (SystemTime, Instant),
) -> TimeLimit {
    let event_expires_at = event_started_at.map(|at| deadline::event_expires_at(at, wall, now));
    let gate_ends_at = gate_limit.map(|limit| now + limit);
    let event = event_expires_at.map(|until| TimeLimit { until, hint: Some(HOUR_HINT) });
    let gate = gate_ends_at.map(|until| TimeLimit { until, hint: Some(GATE_FILE_HINT) });
    let earlier = |first: TimeLimit, second: TimeLimit| if second.until < first.until { second } else { first };
    [event, gate].into_iter().flatten().fold(TimeLimit::of_function(until), earlier)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn limit(event_age: Option<Duration>, gate_limit: Option<Duration>) -> (Duration, Option<&'static str>) {
        let (wall, now) = (SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000), Instant::now());
        let limit = earliest(now + 10 * MINUTE, event_age.map(|age| wall - age), gate_limit, (wall, now));
        (limit.until - now, limit.hint)
    }

    #[test]
    fn function_s_deadline_counts_if_nothing_ends_earlier() {
        assert_eq!(limit(None, None), (10 * MINUTE, None));
        assert_eq!(limit(Some(MINUTE), Some(20 * MINUTE)), (10 * MINUTE, None));
    }

    #[test]
    fn late_event_has_the_rest_of_its_hour() {
        assert_eq!(limit(Some(55 * MINUTE), None), (4 * MINUTE, Some(HOUR_HINT)));
        assert_eq!(limit(Some(300 * MINUTE), None), (Duration::ZERO, Some(HOUR_HINT)));
    }

    #[test]
    fn gate_file_can_only_shorten_it() {
        assert_eq!(limit(None, Some(2 * MINUTE)), (2 * MINUTE, Some(GATE_FILE_HINT)));
    }
}
