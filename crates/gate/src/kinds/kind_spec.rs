//! What every kind says about one of its checks, so that the rest of the crate needs no match over all kinds.

use std::time::Duration;

use lifecycle::{Colour, TrafficRoute};

use super::PollPolicy;
use crate::{Condition, Referenced, permissions::Requirement};

/// One check of a kind. The defaults are for kinds to which a question does not apply. A question whose answer protects a
/// deployment has no default, so that a new kind cannot forget it.
pub trait KindSpec {
    /// The key that names the kind in a gate file.
    fn key(&self) -> &'static str;

    /// The check's name if the file gives it none.
    fn default_name(&self) -> String;

    /// The listener whose barrier it waits for, in addition to those that its templates refer to.
    fn required_route(&self) -> Option<TrafficRoute>;

    /// How it polls. `None` for a kind that makes a single attempt and has no keys for more.
    fn poll_policy(&self) -> Option<&PollPolicy>;

    /// Whether a rehearsal can answer it. AWS and HTTP through the service's listeners are simulated; other hosts are not.
    fn is_simulated(&self) -> bool;

    /// The version that it checks, if it is about one of the two.
    fn colour(&self) -> Option<Colour> {
        None
    }

    /// The listener that it checks, if it is about one of the two.
    fn listener(&self) -> Option<TrafficRoute> {
        None
    }

    /// Whether other checks can use its listener only after it has passed.
    fn is_barrier(&self) -> bool {
        false
    }

    /// The resources that must exist so that it can find anything.
    fn references(&self) -> Vec<Referenced> {
        Vec::new()
    }

    /// What it reads from AWS, in addition to what every hook reads and what its templates need.
    fn requirements(&self) -> Vec<Requirement> {
        Vec::new()
    }

    /// The key that sets how long it must keep passing.
    fn window_key(&self) -> WindowKey {
        WindowKey::For
    }

    /// How many attempts, or how many responses, in a row must pass.
    fn consecutive(&self) -> u32 {
        self.poll_policy().map_or(1, |policy| policy.consecutive)
    }

    /// The limit of one request.
    fn timeout(&self) -> Option<Duration> {
        None
    }

    /// The limit for connecting, which is a part of [`Self::timeout`].
    fn connect_timeout(&self) -> Option<Duration> {
        None
    }

    /// The conditions of `expect`.
    fn expect(&self) -> &[Condition] {
        &[]
    }
}

/// A key that sets how long a check must keep passing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowKey {
    For,
    StableFor,
    Settle,
}

impl WindowKey {
    /// The key in the gate file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::For => "for",
            Self::StableFor => "stable_for",
            Self::Settle => "settle",
        }
    }
}
