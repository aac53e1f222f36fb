//! What the attempts of a check gave together: the worst of them speaks, and all of them count.

use std::time::Duration;

use super::poll::PollPolicy;
use crate::{
    code::ReasonCode,
    finding::{Observation, Outcome, Policies},
    gate::format_duration,
    verdict::{Decision, decide},
};

/// The attempts so far.
#[derive(Default)]
pub(super) struct Tally {
    attempts: u32,
    /// Those of them that did not pass.
    not_passed: u32,
    /// The newest attempt, good or bad.
    last: Option<Observation>,
    /// Of each outcome that is not a pass the newest observation, the worst one first.
    problems: Vec<Observation>,
    /// The newest attempt, where it could not see anything and the next one can show that this hides nothing.
    open_gap: Option<Observation>,
}

/// How bad an outcome is: what was false says more than what could not be checked, and that more than no data.
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

    /// An attempt that counts unless the next one closes the gap.
    pub fn record_gap(&mut self, observation: Observation) {
        self.attempts += 1;
        self.not_passed += 1;
        self.last = Some(observation.clone());
        self.open_gap = Some(observation);
    }

    /// It is known what was in the gap.
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
        // What else the one before it had seen still counts.
        let newest = counted.map_or(observation.clone(), |counted| observation.clone().merge_outcomes(counted));
        self.problems.retain(|wrong| wrong.outcome != newest.outcome);
        self.problems.push(newest);
        self.problems.sort_by_key(rank);
    }

    /// An attempt that found it settling: no pass, and no fault yet.
    pub fn record_settling(&mut self, observation: Observation) {
        self.record_open_gap();
        self.attempts += 1;
        self.last = Some(observation);
    }

    /// A window begins: what was not so before it was not so yet.
    pub fn clear_before_first_pass(&mut self) {
        self.problems.clear();
        self.open_gap = None;
    }

    /// Whether the check is decided: no later attempt can turn it around.
    pub fn is_decided(&self, policies: Policies) -> bool {
        self.problems.iter().any(|wrong| decide(wrong, policies) == Decision::Fail)
    }

    /// The end of the window: all attempts of it count.
    pub fn finish(mut self, poll_policy: &PollPolicy, took: Duration) -> Observation {
        self.record_open_gap();
        let worst = self.problems.first().cloned();
        match worst {
            Some(worst) => self.with_other_problems(worst, took),
            None => self.into_pass(poll_policy, took),
        }
    }

    /// The last attempt says that there is no other: it speaks for all of them.
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
            observation.actual = format!("{} {}", observation.actual, poll_policy.describe_success(took));
        }
        observation
    }

    /// One attempt, with how often it was so, and with what the others saw as its evidence.
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
            observation.actual = format!("{} {how_often} looks in {}", observation.actual, format_duration(took));
            let is_answer = matches!(
                observation.code,
                Some(ReasonCode::UnexpectedStatus | ReasonCode::UnexpectedHeader | ReasonCode::UnexpectedBody)
            );
            if bad < attempts && is_answer {
                observation = observation
                    .with_hint(Some("some answers were right: one of the tasks may be bad, so compare their logs"));
            }
        }
        observation
    }

    /// Time is up. What was seen last says more than that, and counts as it would have counted in time.
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

/// Time was up before the first attempt came back.
fn no_attempt_finished(took: Duration) -> Observation {
    let seen = format!("not done after {}", format_duration(took));
    Observation::failed(ReasonCode::RanOutOfTime, "check", "", seen)
        .with_outcome(Outcome::TimedOut, ReasonCode::RanOutOfTime)
}
