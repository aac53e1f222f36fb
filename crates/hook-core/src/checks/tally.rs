//! Combines the attempts of a check: the worst one is reported, and all of them count.

use std::time::Duration;

use gate::{ReasonCode, format_duration, kinds::PollPolicy};

use super::poll::describe_success;
use crate::{
    finding::{Observation, Outcome, Policies},
    verdict::{Decision, decide},
};

/// The attempts so far.
#[derive(Default)]
pub(super) struct Tally {
    attempts: u32,
    /// How many attempts did not pass.
    not_passed: u32,
    /// The newest attempt, good or bad.
    last: Option<Observation>,
    /// The newest observation of each outcome that is not a pass, the worst one first.
    problems: Vec<Observation>,
    /// The newest attempt, if it could not be made and the next one can show that this hides nothing.
    open_gap: Option<Observation>,
}

/// How bad an outcome is: a false condition says more than a check that could not be made, and that more than no data.
fn rank(observation: &Observation) -> u8 {
    match observation.outcome {
        Outcome::Failed => 0,
        Outcome::NoData => 2,
        _ => 1,
    }
}

impl Tally {
    pub fn record(&mut self, observation: Observation) {
        self.record_open_gap();
        self.attempts += 1;
        if !observation.is_ok() {
            self.not_passed += 1;
            self.add_problem(&observation);
        }
        self.last = Some(observation);
    }

    /// Records an attempt that counts unless the next one closes the gap.
    pub fn record_gap(&mut self, observation: Observation) {
        self.attempts += 1;
        self.not_passed += 1;
        self.last = Some(observation.clone());
        self.open_gap = Some(observation);
    }

    /// Removes the gap, because it is known what happened in it.
    pub fn close_gap(&mut self) {
        self.not_passed -= u32::from(self.open_gap.take().is_some());
    }

    fn record_open_gap(&mut self) {
        if let Some(gap) = self.open_gap.take() {
            self.add_problem(&gap);
        }
    }

    fn add_problem(&mut self, observation: &Observation) {
        let counted = self.problems.iter().find(|wrong| wrong.outcome == observation.outcome);
        // Other outcomes that the earlier observation had still count.
        let newest = counted.map_or(observation.clone(), |counted| observation.clone().merge_outcomes(counted));
        self.problems.retain(|wrong| wrong.outcome != newest.outcome);
        self.problems.push(newest);
        self.problems.sort_by_key(rank);
    }

    /// Records an attempt during which the service settles: neither a pass nor a failure.
    pub fn record_settling(&mut self, observation: Observation) {
        self.record_open_gap();
        self.attempts += 1;
        self.last = Some(observation);
    }

    /// A window begins. Failures before it meant "not yet".
    pub fn clear_before_first_pass(&mut self) {
        self.problems.clear();
        self.open_gap = None;
    }

    /// Whether the check is decided, so that no later attempt can change it.
    pub fn is_decided(&self, policies: Policies) -> bool {
        self.problems.iter().any(|wrong| decide(wrong, policies) == Decision::Fail)
    }

    /// The result at the end of the window: all its attempts count.
    pub fn finish(mut self, poll_policy: &PollPolicy, took: Duration) -> Observation {
        self.record_open_gap();
        let worst = self.problems.first().cloned();
        match worst {
            Some(worst) => self.with_other_problems(worst, took),
            None => self.into_pass(poll_policy, took),
        }
    }

    /// The result after an attempt that ends the check: it stands for all of them.
    pub fn finish_with_last(mut self, poll_policy: &PollPolicy, took: Duration) -> Observation {
        self.record_open_gap();
        match self.last.clone().filter(|last| !last.is_ok()) {
            Some(last) => self.with_other_problems(last, took),
            None => self.finish(poll_policy, took),
        }
    }

    fn into_pass(self, poll_policy: &PollPolicy, took: Duration) -> Observation {
        let Some(mut observation) = self.last else { return no_attempt_finished(took) };
        if observation.outcome == Outcome::Passed && self.attempts > 1 {
            observation.actual = format!("{} {}", observation.actual, describe_success(poll_policy, took));
        }
        observation
    }

    /// One attempt, with how often its outcome occurred, and with what the others found as evidence.
    fn with_other_problems(&self, decisive: Observation, took: Duration) -> Observation {
        let Self { attempts, not_passed: bad, problems: wrong, .. } = self;
        let outcome = decisive.outcome;
        let mut observation = wrong.iter().fold(decisive, |all, other| {
            let evidence = (other.outcome != outcome).then(|| format!("{}: {}", other.resource, other.actual));
            all.merge_outcomes(other).with_details(evidence)
        });
        if *attempts > 1 {
            let how_often =
                if bad == attempts { format!("after {attempts}") } else { format!("in {bad} of {attempts}") };
            observation.actual = format!("{} {how_often} attempts in {}", observation.actual, format_duration(took));
            let is_answer = matches!(
                observation.code,
                Some(ReasonCode::UnexpectedStatus | ReasonCode::UnexpectedHeader | ReasonCode::UnexpectedBody)
            );
            if bad < attempts && is_answer {
                observation = observation
                    .with_hint(Some("some responses were correct: one of the tasks may be bad, so compare their logs"));
            }
        }
        observation
    }

    /// The result when time ran out. What the last attempt found is reported too, and counts as it would have in time.
    pub fn finish_timed_out(mut self, took: Duration) -> Observation {
        self.record_open_gap();
        let Some(mut observation) = self.last.clone() else { return no_attempt_finished(took) };
        observation.actual = match observation.is_ok() {
            true => format!(
                "{}, but not for long enough when time ran out after {}",
                observation.actual,
                format_duration(took)
            ),
            false => format!("{} when time ran out after {}", observation.actual, format_duration(took)),
        };
        let last = observation.clone();
        let observation = observation.with_outcome(Outcome::TimedOut, ReasonCode::RanOutOfTime).merge_outcomes(&last);
        self.problems.iter().fold(observation, |all, wrong| all.merge_outcomes(wrong))
    }
}

/// Time ran out before the first attempt ended.
fn no_attempt_finished(took: Duration) -> Observation {
    let seen = format!("not finished after {}", format_duration(took));
    Observation::failed(ReasonCode::RanOutOfTime, "", "", seen)
        .with_outcome(Outcome::TimedOut, ReasonCode::RanOutOfTime)
}
