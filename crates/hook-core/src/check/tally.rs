//! What the attempts of a check gave together: the worst of them speaks, and all of them count.

use std::time::Duration;

use super::poll::Pace;
use crate::{
    code::Code,
    finding::{Observation, Outcome, Policies},
    gate::in_words,
    verdict::{Decision, decide},
};

/// The attempts so far.
#[derive(Default)]
pub(super) struct Tally {
    attempts: u32,
    /// Those of them that did not pass.
    bad: u32,
    /// The newest attempt, good or bad.
    last: Option<Observation>,
    /// Of each outcome that is not a pass the newest observation, the worst one first.
    wrong: Vec<Observation>,
    /// The newest attempt, where it could not see anything and the next one can show that this hides nothing.
    gap: Option<Observation>,
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
    pub fn count(&mut self, observation: Observation) {
        self.count_open_gap();
        self.attempts += 1;
        if !observation.holds() {
            self.bad += 1;
            self.add(&observation);
        }
        self.last = Some(observation);
    }

    /// An attempt that counts unless the next one closes the gap.
    pub fn count_gap(&mut self, observation: Observation) {
        self.attempts += 1;
        self.bad += 1;
        self.last = Some(observation.clone());
        self.gap = Some(observation);
    }

    /// It is known what was in the gap.
    pub fn close_gap(&mut self) {
        self.bad -= u32::from(self.gap.take().is_some());
    }

    fn count_open_gap(&mut self) {
        if let Some(gap) = self.gap.take() {
            self.add(&gap);
        }
    }

    fn add(&mut self, observation: &Observation) {
        let counted = self.wrong.iter().find(|wrong| wrong.outcome == observation.outcome);
        // What else the one before it had seen still counts.
        let newest = counted.map_or(observation.clone(), |counted| observation.clone().counting(counted));
        self.wrong.retain(|wrong| wrong.outcome != newest.outcome);
        self.wrong.push(newest);
        self.wrong.sort_by_key(rank);
    }

    /// An attempt that found it settling: no pass, and no fault yet.
    pub fn settling(&mut self, observation: Observation) {
        self.count_open_gap();
        self.attempts += 1;
        self.last = Some(observation);
    }

    /// A window begins: what was not so before it was not so yet.
    pub fn forget_what_was_not_yet(&mut self) {
        self.wrong.clear();
        self.gap = None;
    }

    /// Whether the check is decided: no later attempt can turn it around.
    pub fn decides(&self, policies: Policies) -> bool {
        self.wrong.iter().any(|wrong| decide(wrong, policies) == Decision::Fail)
    }

    /// The end of the window: all attempts of it count.
    pub fn ended(mut self, pace: &Pace, took: Duration) -> Observation {
        self.count_open_gap();
        let worst = self.wrong.first().cloned();
        match worst {
            Some(worst) => self.with_others(worst, took),
            None => self.passed(pace, took),
        }
    }

    /// The last attempt says that there is no other: it speaks for all of them.
    pub fn ended_by_last(mut self, pace: &Pace, took: Duration) -> Observation {
        self.count_open_gap();
        match self.last.clone().filter(|last| !last.holds()) {
            Some(last) => self.with_others(last, took),
            None => self.ended(pace, took),
        }
    }

    fn passed(self, pace: &Pace, took: Duration) -> Observation {
        let Some(mut observation) = self.last else { return never_made(took) };
        if observation.outcome == Outcome::Passed && self.attempts > 1 {
            observation.seen = format!("{} {}", observation.seen, pace.manner(took));
        }
        observation
    }

    /// One attempt, with how often it was so, and with what the others saw as its evidence.
    fn with_others(&self, speaker: Observation, took: Duration) -> Observation {
        let Self { attempts, bad, wrong, .. } = self;
        let outcome = speaker.outcome;
        let mut observation = wrong.iter().fold(speaker, |all, other| {
            let evidence = (other.outcome != outcome).then(|| format!("{}: {}", other.resource, other.seen));
            all.counting(other).with(evidence)
        });
        if *attempts > 1 {
            let how_often =
                if bad == attempts { format!("after {attempts}") } else { format!("in {bad} of {attempts}") };
            observation.seen = format!("{} {how_often} looks in {}", observation.seen, in_words(took));
            let is_answer = matches!(
                observation.code,
                Some(Code::UnexpectedStatus | Code::UnexpectedHeader | Code::UnexpectedBody)
            );
            if bad < attempts && is_answer {
                observation = observation
                    .with_hint(Some("some answers were right: one of the tasks may be bad, so compare their logs"));
            }
        }
        observation
    }

    /// Time is up. What was seen last says more than that, and counts as it would have counted in time.
    pub fn timed_out(mut self, took: Duration) -> Observation {
        self.count_open_gap();
        let Some(mut observation) = self.last.clone() else { return never_made(took) };
        observation.seen = match observation.holds() {
            true => format!("{}, but not for long enough when time ran out after {}", observation.seen, in_words(took)),
            false => format!("{} when time ran out after {}", observation.seen, in_words(took)),
        };
        let last = observation.clone();
        let observation = observation.but(Outcome::TimedOut, Code::RanOutOfTime).counting(&last);
        self.wrong.iter().fold(observation, |all, wrong| all.counting(wrong))
    }
}

/// Time was up before the first attempt came back.
fn never_made(took: Duration) -> Observation {
    let seen = format!("not done after {}", in_words(took));
    Observation::failed(Code::RanOutOfTime, "check", "", seen).but(Outcome::TimedOut, Code::RanOutOfTime)
}
