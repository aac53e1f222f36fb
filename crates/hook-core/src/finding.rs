//! What a check found: an outcome with its evidence, never a finished sentence. `report` writes the sentences.

use std::time::Duration;

use crate::{
    code::ReasonCode,
    phase::FindingKind,
    redact::{RedactedText, Redactor},
};

/// The longest text of a finding. A server or AWS can return anything, and a log line must stay readable.
const MAX_TEXT: usize = 1000;

/// How a check ended. Within what the policies distinguish, the order is from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Every condition was true.
    Passed,
    /// The check does not apply, by configuration.
    NotApplicable,
    /// It passed as far as the hook could see, with something to report: for example, a certificate was not verified.
    Unverified,
    /// A condition was false.
    Failed,
    /// There was nothing to evaluate.
    NoData,
    /// The check could not be made.
    Errored,
    /// Time ran out before the check ended.
    TimedOut,
    /// The check did not start, because something that it needs did not pass.
    NotRun,
}

impl Outcome {
    /// All outcomes, in order.
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

/// A set of outcomes, in one byte because observations are passed by value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeSet(u8);

impl OutcomeSet {
    /// The outcomes in the set.
    pub fn iter(self) -> impl Iterator<Item = Outcome> {
        Outcome::ALL.into_iter().filter(move |outcome| self.0 & outcome.bit() != 0)
    }
}

/// What one attempt of a check found: the outcome and the evidence. Its texts are as they came, or [`RedactedText`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation<T = String> {
    /// How the attempt ended.
    pub outcome: Outcome,
    /// Which failure, if there is one.
    pub code: Option<ReasonCode>,
    /// What was checked: a target group's name, an alarm, a URL. Empty if the check itself is meant.
    pub resource: T,
    /// The expected value: `healthy == registered`.
    pub expected: T,
    /// The actual value: `1, 2`.
    pub actual: T,
    /// Further evidence: stop reasons, exit codes, target states.
    pub details: Vec<T>,
    /// The other outcomes, if the check covers several resources. The worst one is reported, but the policies say which
    /// one decides, so a further failure can never improve the result.
    pub other_outcomes: OutcomeSet,
    /// What to do next, if more is known than the hint of the code.
    pub hint: Option<&'static str>,
}

impl Observation {
    /// Every condition was true. `seen` describes what was checked.
    pub fn passed(resource: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(Outcome::Passed, None, resource, "", seen)
    }

    /// The check does not apply because of the configuration in AWS. `why` explains it. If no other check passes,
    /// nothing was checked.
    pub fn not_applicable(resource: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Outcome::NotApplicable, Some(ReasonCode::NothingChecked), resource, "", why)
    }

    /// The check does not apply because the gate file excludes it.
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

    /// There was nothing to evaluate.
    pub fn no_data(
        code: ReasonCode,
        resource: impl Into<String>,
        expected: impl Into<String>,
        seen: impl Into<String>,
    ) -> Self {
        Self::new(Outcome::NoData, Some(code), resource, expected, seen)
    }

    /// The check could not be made.
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

    /// Adds evidence.
    pub fn with_details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// Adds evidence before the existing evidence: a stop reason says more than a second number.
    pub fn prepend_details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.splice(0..0, details);
        self
    }

    /// Replaces the outcome and the code, and keeps the evidence.
    pub fn with_outcome(self, outcome: Outcome, code: ReasonCode) -> Self {
        Self { outcome, code: Some(code), hint: None, ..self }
    }

    /// Sets a hint that fits better than the one of its code.
    pub fn with_hint(self, hint: Option<&'static str>) -> Self {
        Self { hint: hint.or(self.hint), ..self }
    }

    /// Redacts and shortens all texts.
    pub fn redacted(self, redactor: &Redactor) -> Observation<RedactedText> {
        let show = |text: String| redactor.redact(&text).shorten(MAX_TEXT);
        let Self { outcome, code, resource, expected, actual: seen, details, other_outcomes: also, hint } = self;
        let details = details.into_iter().map(show).collect();
        let (resource, expected, seen) = (show(resource), show(expected), show(seen));
        Observation { outcome, code, resource, expected, actual: seen, details, other_outcomes: also, hint }
    }
}

impl<T> Observation<T> {
    /// What to do next, if there is a failure.
    pub fn next_step(&self) -> Option<&'static str> {
        self.hint.or(self.code.map(ReasonCode::hint))
    }

    /// Adds the outcomes of another observation. Its texts are not reported, but its outcomes count.
    pub fn merge_outcomes(mut self, other: &Self) -> Self {
        self.other_outcomes.0 |= other.outcomes().0;
        self
    }

    /// All outcomes together.
    pub const fn outcomes(&self) -> OutcomeSet {
        OutcomeSet(self.other_outcomes.0 | self.outcome.bit())
    }

    /// Whether the check passed or does not apply.
    pub fn is_ok(&self) -> bool {
        matches!(self.outcome, Outcome::Passed | Outcome::NotApplicable | Outcome::Unverified)
    }
}

/// A check's observation with what is needed to decide on it and to report it. Only one with [`RedactedText`] can go to
/// the log and to the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<T = RedactedText> {
    /// The check's name, unique in its hook.
    pub check: T,
    /// The kind of check, or the phase.
    pub kind: FindingKind,
    /// What it observed.
    pub observation: Observation<T>,
    /// What its outcomes mean for the deployment.
    pub policies: Policies,
    /// How long the check took.
    pub elapsed: Duration,
    /// The check whose failure explains this one, so that this one needs no fix.
    pub caused_by: Option<T>,
}

impl Finding<String> {
    /// Redacts and shortens all texts.
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
    /// It is reported, and does not stop the deployment.
    Warn,
    /// It is recorded, and does not stop the deployment.
    Ignore,
}

impl Policy {
    /// The words in a gate file.
    pub const VARIANTS: [(&'static str, Self); 3] =
        [("fail", Self::Fail), ("warn", Self::Warn), ("ignore", Self::Ignore)];
}

/// The three policies that every check has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// If a condition is false.
    pub on_fail: Policy,
    /// If the check could not be made or did not finish.
    pub on_error: Policy,
    /// If there was nothing to evaluate.
    pub no_data: Policy,
}
