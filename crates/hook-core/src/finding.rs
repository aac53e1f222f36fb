//! What a check found: an outcome with its evidence, never a finished sentence. `report` writes the sentences.

use std::time::Duration;

use crate::{
    code::ReasonCode,
    redact::{RedactedText, Redactor},
};

/// Each text of a finding is at most so long: a server or AWS may say anything, and a log line has to stay readable.
const MAX_TEXT: usize = 1000;

/// How a check ended. The order is from good to bad within what the policies tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Every condition was true.
    Passed,
    /// There is nothing here that the check could be about, by configuration.
    NotApplicable,
    /// It holds as far as could be seen, and there is something to be told: a certificate was not verified.
    Unverified,
    /// A condition was false.
    Failed,
    /// Nothing was there to judge.
    NoData,
    /// It could not be checked.
    Errored,
    /// It ran out of time before it could end.
    TimedOut,
    /// It was not started, because something that it needs did not hold.
    NotRun,
}

impl Outcome {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Passed,
        Self::NotApplicable,
        Self::Unverified,
        Self::Failed,
        Self::NoData,
        Self::Errored,
        Self::TimedOut,
        Self::NotRun,
    ];

    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The word in logs and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::NotApplicable => "not_applicable",
            Self::Unverified => "unverified",
            Self::Failed => "failed",
            Self::NoData => "no_data",
            Self::Errored => "errored",
            Self::TimedOut => "timed_out",
            Self::NotRun => "not_run",
        }
    }
}

/// A set of outcomes. A byte, as observations are handed around by value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeSet(u8);

impl OutcomeSet {
    /// Those that are in it.
    pub fn iter(self) -> impl Iterator<Item = Outcome> {
        Outcome::ALL.into_iter().filter(move |outcome| self.0 & outcome.bit() != 0)
    }
}

/// What one look at the world gave: the outcome and what was seen. Its texts are as they came, or [`Shown`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation<T = String> {
    /// How it ended.
    pub outcome: Outcome,
    /// Which fault, where there is one.
    pub code: Option<ReasonCode>,
    /// What was looked at: a target group's name, an alarm, a URL.
    pub resource: T,
    /// What should be: `healthy == registered`.
    pub expected: T,
    /// What is: `1, 2`.
    pub actual: T,
    /// Further evidence: stop reasons, exit codes, target states.
    pub details: Vec<T>,
    /// How else it ended, where it looked at several things. The worst of them speaks, but which one decides is for the
    /// policies to say, and one more fault may never help.
    pub other_outcomes: OutcomeSet,
    /// What to do next, where more is known than the code's own hint says.
    pub hint: Option<&'static str>,
}

impl Observation {
    /// Everything as it should be; `seen` says in words what was looked at.
    pub fn passed(resource: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(Outcome::Passed, None, resource, "", seen)
    }

    /// Nothing to check, by what is configured in AWS; `why` says so in words. If no other check passes, nothing was
    /// checked.
    pub fn not_applicable(resource: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Outcome::NotApplicable, Some(ReasonCode::NothingChecked), resource, "", why)
    }

    /// Nothing to check, and that is meant: the gate file says so.
    pub fn excluded(resource: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Outcome::NotApplicable, None, resource, "", why)
    }

    /// A condition was false.
    pub fn failed(
        code: ReasonCode,
        resource: impl Into<String>,
        expected: impl Into<String>,
        seen: impl Into<String>,
    ) -> Self {
        Self::new(Outcome::Failed, Some(code), resource, expected, seen)
    }

    /// Nothing to judge.
    pub fn no_data(
        code: ReasonCode,
        resource: impl Into<String>,
        expected: impl Into<String>,
        seen: impl Into<String>,
    ) -> Self {
        Self::new(Outcome::NoData, Some(code), resource, expected, seen)
    }

    /// It could not be checked.
    pub fn errored(code: ReasonCode, resource: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Outcome::Errored, Some(code), resource, "", why)
    }

    fn new(
        outcome: Outcome,
        code: Option<ReasonCode>,
        resource: impl Into<String>,
        expected: impl Into<String>,
        seen: impl Into<String>,
    ) -> Self {
        Self {
            outcome,
            code,
            resource: resource.into(),
            expected: expected.into(),
            actual: seen.into(),
            details: Vec::new(),
            other_outcomes: OutcomeSet::default(),
            hint: None,
        }
    }

    /// With further evidence.
    pub fn with_details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// With evidence that goes before what is there already: a stop reason says more than a second number.
    pub fn prepend_details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.splice(0..0, details);
        self
    }

    /// With another outcome and code, and the evidence as it was.
    pub fn with_outcome(self, outcome: Outcome, code: ReasonCode) -> Self {
        Self { outcome, code: Some(code), hint: None, ..self }
    }

    /// With a hint that fits better than that of its code.
    pub fn with_hint(self, hint: Option<&'static str>) -> Self {
        Self { hint: hint.or(self.hint), ..self }
    }

    /// As it may be shown.
    pub fn redacted(self, redactor: &Redactor) -> Observation<RedactedText> {
        let show = |text: String| redactor.redact(&text).shorten(MAX_TEXT);
        let Self { outcome, code, resource, expected, actual: seen, details, other_outcomes: also, hint } = self;
        let details = details.into_iter().map(show).collect();
        let (resource, expected, seen) = (show(resource), show(expected), show(seen));
        Observation { outcome, code, resource, expected, actual: seen, details, other_outcomes: also, hint }
    }
}

impl<T> Observation<T> {
    /// What to do next, where it has a fault.
    pub fn next_step(&self) -> Option<&'static str> {
        self.hint.or(self.code.map(ReasonCode::hint))
    }

    /// With another one that is not told by it, and counts all the same.
    pub fn merge_outcomes(mut self, other: &Self) -> Self {
        self.other_outcomes.0 |= other.outcomes().0;
        self
    }

    /// All ways in which it ended.
    pub const fn outcomes(&self) -> OutcomeSet {
        OutcomeSet(self.other_outcomes.0 | self.outcome.bit())
    }

    /// Whether the check can be content with it.
    pub fn is_ok(&self) -> bool {
        matches!(self.outcome, Outcome::Passed | Outcome::NotApplicable | Outcome::Unverified)
    }
}

/// A check's observation with what is needed to judge and to report it. One whose texts are [`Shown`] goes to the log and to
/// the verdict; no other can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<T = RedactedText> {
    /// The check's name, unique in its hook.
    pub check: T,
    /// The kind of check.
    pub kind: &'static str,
    /// What it saw.
    pub observation: Observation<T>,
    /// What its outcomes mean.
    pub policies: Policies,
    /// How long it took.
    pub elapsed: Duration,
    /// The check whose failure explains this one, so that it needs no remedy of its own.
    pub caused_by: Option<T>,
}

impl Finding<String> {
    /// As it may be shown.
    pub fn redacted(self, redactor: &Redactor) -> Finding {
        let Self { check, kind, observation, policies, elapsed: took, caused_by } = self;
        let show = |text: String| redactor.redact(&text).shorten(MAX_TEXT);
        let observation = observation.redacted(redactor);
        Finding { check: show(check), kind, observation, policies, elapsed: took, caused_by: caused_by.map(show) }
    }
}

/// What an outcome that is not a pass means for the deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// It stops the deployment.
    #[default]
    Fail,
    /// It is said, and does not stop it.
    Warn,
    /// It is recorded, and does not stop it.
    Ignore,
}

impl Policy {
    /// The words of a gate file.
    pub const VARIANTS: [(&'static str, Self); 3] =
        [("fail", Self::Fail), ("warn", Self::Warn), ("ignore", Self::Ignore)];
}

/// The three policies that every check has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// When a condition is false.
    pub on_fail: Policy,
    /// When it could not be checked, to its end.
    pub on_error: Policy,
    /// When there was nothing to judge.
    pub no_data: Policy,
}
