//! The keys that poll a check: within a time, for a duration, or a number of times in a row.

use std::time::Duration;

use crate::MapReader;

/// How often to make an attempt, and when the check has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollPolicy {
    /// `within`: how long the check may take until it passes.
    pub within: Duration,
    /// `for`: how long it must then keep passing.
    pub hold_for: Duration,
    /// `stable_for`: like `for`, but it starts again after a break.
    pub restart_on_failure: bool,
    /// `consecutive`: how many attempts in a row must pass.
    pub consecutive: u32,
    /// `every`: the pause between two attempts.
    pub every: Duration,
}

/// A shorter pause would be an attack on the service.
pub(super) const MIN_INTERVAL: Duration = Duration::from_millis(50);

impl PollPolicy {
    pub const SINGLE_ATTEMPT: Self = Self {
        within: Duration::ZERO,
        hold_for: Duration::ZERO,
        restart_on_failure: false,
        consecutive: 1,
        every: Duration::from_secs(5),
    };

    /// Reads `within`, `for`, `consecutive` and `every`.
    pub fn read(fields: &mut MapReader<'_>, default: &Self) -> Self {
        let hold_for = fields.duration_or("for", default.hold_for);
        // The default pause must not be longer than a short window, which would then have a single attempt.
        let every = if hold_for.is_zero() { default.every } else { default.every.min(hold_for) };
        Self {
            within: fields.duration_or("within", default.within),
            hold_for,
            restart_on_failure: default.restart_on_failure,
            consecutive: fields.number_or("consecutive", 1..=1000, default.consecutive),
            every: fields.duration_or_at_least("every", every, MIN_INTERVAL),
        }
    }

    /// The shortest time that the check takes if every attempt passes.
    pub fn min_duration(&self) -> Duration {
        self.hold_for.max(self.every * (self.consecutive - 1))
    }
}
