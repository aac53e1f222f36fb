//! Why a check or a phase did not finish.

use std::time::Duration;

use gate::ReasonCode;

use crate::finding::{Observation, Outcome};

/// Why a check did not finish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// Time ran out.
    Time(Duration),
    /// It panicked. The log says where and why.
    Panic,
}

impl Interruption {
    /// The observation for what was interrupted. `resource` is empty for a check.
    pub(super) fn observation(&self, resource: &str) -> Observation {
        match self {
            Self::Time(after) => {
                let seen = format!("did not finish within {}", gate::format_duration(*after));
                Observation::failed(ReasonCode::RanOutOfTime, resource, "", seen)
                    .with_outcome(Outcome::TimedOut, ReasonCode::RanOutOfTime)
            }
            Self::Panic => Observation::errored(ReasonCode::CheckPanicked, resource, "it panicked"),
        }
    }
}
