//! How many attempts a check made and how they ended, for its report. The last attempt alone can hide the others.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{probe::Trouble, reply::Reply};
use crate::{
    code::Code,
    finding::{Observation, Outcome},
};

/// The attempts of one check. An attempt is a request that a verdict counts; it may take several requests on the wire.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<Counts>);

#[derive(Clone, Debug, Default)]
struct Counts {
    made: u32,
    passed: u32,
    /// Attempts that failed after one that had passed, and what the last of them saw.
    lapses: u32,
    lapse: Option<(Code, String)>,
    /// Requests that failed in transport and were sent again.
    retried: u32,
    /// Why the last of them failed.
    trouble: Option<(Code, String)>,
}

impl Attempts {
    /// Counts an attempt by its observation.
    pub fn count(&self, observation: Observation) -> Observation {
        let mut counts = self.counts();
        counts.made += 1;
        if observation.holds() {
            counts.passed += 1;
        } else if counts.passed > 0 {
            counts.lapses += 1;
            counts.lapse = Some((observation.code.unwrap_or(Code::CheckFailed), observation.seen.clone()));
        }
        observation
    }

    /// Counts the requests that it took to get this reply, or none.
    pub fn count_retries(&self, sent: &Result<Reply, Trouble>) {
        let mut counts = self.counts();
        match sent {
            Ok(reply) => {
                counts.retried += reply.failed.len() as u32;
                counts.trouble = reply.failed.last().map(|it| (it.code, it.once())).or(counts.trouble.take());
            }
            Err(trouble) => counts.retried += trouble.attempts - 1,
        }
    }

    /// How many attempts failed after one that had passed.
    pub fn lapses(&self) -> u32 {
        self.counts().lapses
    }

    /// The observation of a check that forgave such an attempt: it holds, and that is reported.
    pub fn forgiven(&self, observation: Observation) -> Observation {
        match self.counts().lapse.clone() {
            Some((code, seen)) if observation.outcome == Outcome::Passed => {
                let lapse = format!("an attempt after one that had passed saw {seen}");
                observation.led_by([lapse]).but(Outcome::Doubtful, code)
            }
            _ => observation,
        }
    }

    /// The check's observation with these counts as evidence. It is not a plain pass where requests had to be sent again.
    pub fn reported(&self, observation: Observation) -> Observation {
        let Counts { made, passed, retried, trouble, .. } = self.counts().clone();
        // Of a check that fails, the poll reports how many of its attempts did.
        let mixed = observation.holds() && passed < made;
        let observation = observation.led_by(mixed.then(|| format!("{passed} of {made} attempts passed")));
        let Some((code, why)) = trouble.filter(|_| observation.holds()) else { return observation };
        let sent = made + retried;
        let retries = format!("{retried} of {sent} requests failed and were sent again: {why}");
        let observation = observation.led_by([retries]);
        match observation.outcome {
            Outcome::Passed => observation.but(Outcome::Doubtful, code),
            _ => observation,
        }
    }

    // Counts are whole whatever happened to the thread that held them.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
