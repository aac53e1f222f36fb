//! What a check found: an outcome with its evidence, never a finished sentence. `report` writes the sentences.

use std::{ops::Deref, time::Duration};

use aws_client::AwsError;
pub use gate::{Outcome, OutcomeSet, Policies, Policy};
use gate::{Preset, ReasonCode, UnresolvedFact};

use crate::{
    phase::FindingKind,
    redact::{RedactedText, Redactor},
};

/// The longest text of a finding. A server or AWS can return anything, and a log line must stay readable.
const MAX_TEXT: usize = 1000;

/// What one attempt of a check found: the outcome and the evidence. Its texts are as they came, or [`RedactedText`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation<T = String> {
    /// How the attempt ended.
    pub outcome: Outcome,
    /// Which failure, if there is one.
    pub code: Option<ReasonCode>,
    /// What happened, in one clause, if the check knows more than which condition was false: `2 of 2 tasks could not
    /// start: … not found (CannotPullContainerError)`. It leads every line.
    pub cause: Option<T>,
    /// What was checked: a target group's name, an alarm, a URL. Empty if the check itself is meant.
    pub resource: T,
    /// The expected value: `healthy == registered`.
    pub expected: T,
    /// The actual value: `healthy 1 and registered 2`.
    pub actual: T,
    /// Further evidence: stopped reasons, exit codes, target states.
    pub details: Vec<T>,
    /// The id of the task set, which helps nobody at a glance: it ends the check's line, and the verdict lacks it. Boxed,
    /// because few observations have one.
    pub task_set: Option<Box<T>>,
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

    /// The result of a check that needs this fact: the check could not run.
    pub fn unresolved(fact: UnresolvedFact, resource: impl Into<String>) -> Self {
        Self::errored(fact.code, resource, fact.message).with_hint(fact.hint)
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
            cause: None,
            resource: resource.into(),
            expected: expected.into(),
            actual: seen.into(),
            details: Vec::new(),
            task_set: None,
            other_outcomes: OutcomeSet::default(),
            hint: None,
        }
    }

    /// Adds evidence.
    pub fn with_details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// Adds evidence before the existing evidence: a stopped reason says more than a second number.
    pub fn prepend_details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.splice(0..0, details);
        self
    }

    /// Replaces the outcome and the code, and keeps the evidence.
    pub fn with_outcome(self, outcome: Outcome, code: ReasonCode) -> Self {
        Self { outcome, code: Some(code), hint: None, ..self }
    }

    /// Sets the task set, by the id that ECS reports: `ecs-svc/123`.
    pub fn with_task_set(self, id: &str) -> Self {
        Self { task_set: Some(Box::new(id.trim_start_matches("ecs-svc/").to_owned())), ..self }
    }

    /// Sets what happened, if it is known.
    pub fn with_cause(self, cause: Option<String>) -> Self {
        Self { cause: cause.or(self.cause), ..self }
    }

    /// Sets a hint that fits better than the one of its code.
    pub fn with_hint(self, hint: Option<&'static str>) -> Self {
        Self { hint: hint.or(self.hint), ..self }
    }

    /// Redacts and shortens all texts.
    pub fn redacted(self, redactor: &Redactor) -> Observation<RedactedText> {
        let show = |text: String| redactor.redact(&text).shorten(MAX_TEXT);
        Observation {
            outcome: self.outcome,
            code: self.code,
            cause: self.cause.map(show),
            resource: show(self.resource),
            expected: show(self.expected),
            actual: show(self.actual),
            details: self.details.into_iter().map(show).collect(),
            task_set: self.task_set.map(|id| Box::new(show(*id))),
            other_outcomes: self.other_outcomes,
            hint: self.hint,
        }
    }
}

impl<T: Deref<Target = str>> Observation<T> {
    /// `expected steady == true, was false`, or only what was seen, if that is a sentence of its own.
    pub fn difference(&self) -> String {
        match &*self.expected {
            "" => self.actual.to_string(),
            expected => format!("expected {expected}, was {}", &*self.actual),
        }
    }
}

impl<T> Observation<T> {
    /// What to do next, if there is a failure.
    pub fn next_step(&self) -> Option<&'static str> {
        self.hint.or(self.code.map(ReasonCode::hint))
    }

    /// Adds the outcomes of another observation. Its texts are not reported, but its outcomes count.
    pub fn merge_outcomes(mut self, other: &Self) -> Self {
        self.other_outcomes = self.other_outcomes.union(other.outcomes());
        self
    }

    /// All outcomes together.
    pub const fn outcomes(&self) -> OutcomeSet {
        self.other_outcomes.with(self.outcome)
    }

    /// Whether the check passed or does not apply.
    pub fn is_ok(&self) -> bool {
        matches!(self.outcome, Outcome::Passed | Outcome::NotApplicable | Outcome::Unverified)
    }
}

/// The result of a check that could not run because of this error.
impl From<AwsError> for Observation {
    fn from(AwsError { operation, code, detail, .. }: AwsError) -> Self {
        Self::errored(code, operation, detail)
    }
}

/// The result of a check that is known without running it.
impl From<Preset> for Observation {
    fn from(preset: Preset) -> Self {
        match preset {
            Preset::Excluded { why } => Self::excluded("gate file", why),
            Preset::Undecided { why } => Self::errored(ReasonCode::FactUnknown, "gate file", why),
        }
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
