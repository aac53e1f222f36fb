//! Counts the attempts of a check and how they ended, for its report. The last attempt alone can hide the others.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gate::ReasonCode;

use super::{response::HttpResponse, transport_error::TransportError};
use crate::finding::{Observation, Outcome};

/// The attempts of one check. An attempt is a request that the verdict counts. It can take several requests on the
/// wire.
#[derive(Debug, Default)]
pub(super) struct AttemptCounter(Mutex<AttemptCounts>);

#[derive(Clone, Debug, Default)]
struct AttemptCounts {
    attempts: u32,
    passed: u32,
    /// Attempts that failed after one had passed, and what the last of them saw.
    failures_after_pass: u32,
    last_failure_after_pass: Option<(ReasonCode, String)>,
    /// Requests that failed in transport and were sent again.
    retried: u32,
    /// Why the last of those requests failed.
    last_transport_error: Option<(ReasonCode, String)>,
}

impl AttemptCounter {
    /// Counts an attempt by its observation.
    pub fn record(&self, observation: Observation) -> Observation {
        let mut counts = self.lock_counts();
        counts.attempts += 1;
        if observation.is_ok() {
            counts.passed += 1;
        } else if counts.passed > 0 {
            counts.failures_after_pass += 1;
            counts.last_failure_after_pass =
                Some((observation.code.unwrap_or(ReasonCode::CheckFailed), observation.actual.clone()));
        }
        observation
    }

    /// Counts the retries before this response or error.
    pub fn record_retries(&self, sent: &Result<HttpResponse, TransportError>) {
        let mut counts = self.lock_counts();
        match sent {
            Ok(response) => {
                counts.retried += response.failed_attempts.len() as u32;
                counts.last_transport_error = response
                    .failed_attempts
                    .last()
                    .map(|it| (it.code, it.describe_attempt()))
                    .or(counts.last_transport_error.take());
            }
            Err(transport_error) => counts.retried += transport_error.attempts - 1,
        }
    }

    /// How many attempts failed after one had passed.
    pub fn failures_after_pass(&self) -> u32 {
        self.lock_counts().failures_after_pass
    }

    /// The observation of a check that forgave such a failure: the check passes with a warning.
    pub fn warn_of_forgiven_failure(&self, observation: Observation) -> Observation {
        match self.lock_counts().last_failure_after_pass.clone() {
            Some((code, seen)) if observation.outcome == Outcome::Passed => {
                let lapse = format!("an attempt failed after one had passed: {seen}");
                observation.prepend_details([lapse]).with_outcome(Outcome::Unverified, code)
            }
            _ => observation,
        }
    }

    /// The check's observation with these counts as evidence. It is not a plain pass if requests had to be sent again.
    pub fn with_attempt_counts(&self, observation: Observation) -> Observation {
        let AttemptCounts { attempts: made, passed, retried, last_transport_error: trouble, .. } =
            self.lock_counts().clone();
        // For a check that fails, the poll reports how many of its attempts failed.
        let mixed = observation.is_ok() && passed < made;
        let observation = observation.prepend_details(mixed.then(|| format!("{passed} of {made} attempts passed")));
        let Some((code, why)) = trouble.filter(|_| observation.is_ok()) else { return observation };
        let sent = made + retried;
        let retries = format!("{retried} of {sent} requests failed and were sent again: {why}");
        let observation = observation.prepend_details([retries]);
        match observation.outcome {
            Outcome::Passed => observation.with_outcome(Outcome::Unverified, code),
            _ => observation,
        }
    }

    // The counts are complete even if a thread panicked while it held the lock.
    fn lock_counts(&self) -> MutexGuard<'_, AttemptCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
