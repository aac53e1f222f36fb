//! The language of the `expect` lines: `<subject> <operator> <operand>`, or `any: [...]` of several such lines. Lines of one
//! list mean "and".
//!
//! A subject has a type, and an operand is read as that type: what can never be true, or never be false, is a fault of the
//! file and not a surprise at night. `comparison` evaluates one line, `possible` finds what no world could make true.

mod comparison;
mod operand;
mod operator;
mod satisfiability;
mod subject;
mod syntax;
mod term;

use std::fmt;

pub(super) use self::satisfiability::review;
pub use self::subject::{Subject, SubjectType};
use self::{
    comparison::Comparison,
    operand::Operand,
    operator::Operator,
    term::{Measure, Term},
};
use super::{
    Fact, Scope, SubjectValues, Value,
    template::{FactResolver, UnresolvedFact},
};
use crate::code::ReasonCode;

/// What has to be true: one comparison, or one of several.
#[derive(Clone)]
pub struct Condition {
    text: String,
    alternatives: Vec<Comparison>,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({})", self.text)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How a condition came out.
#[derive(Clone, Debug, PartialEq)]
pub enum ConditionResult {
    /// True.
    True,
    /// Not true, and why: of several comparisons each has its reason.
    NotTrue(Vec<Failure>),
}

/// Why a comparison is not true.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// False, and what was seen.
    False {
        /// The values of the subjects, in words.
        actual: String,
        /// The fault.
        code: ReasonCode,
    },
    /// There was no value to compare.
    Missing {
        /// The subject that had none.
        subject: String,
        /// The fault.
        code: ReasonCode,
    },
    /// The value cannot be read, or not be compared like this.
    Undecided {
        /// What is the matter, in words.
        reason: String,
        /// The fault.
        code: ReasonCode,
    },
}

impl Condition {
    /// Parses one line over the subjects of a kind of check.
    ///
    /// # Errors
    /// A sentence for the gate file's author.
    pub fn parse(text: &str, subjects: &'static [Subject]) -> Result<Self, String> {
        Self::parse_in(text, &[subjects], &Scope::default())
    }

    /// The same, with what the file says around it, and several lists of subjects.
    ///
    /// # Errors
    /// A sentence for the gate file's author.
    pub fn parse_in(text: &str, subjects: &[&'static [Subject]], scope: &Scope) -> Result<Self, String> {
        let subjects: Vec<&Subject> = subjects.iter().flat_map(|list| *list).collect();
        let comparison = Comparison::parse(text, &subjects, scope)?;
        Ok(Self { text: comparison.text.clone(), alternatives: vec![comparison] })
    }

    /// One of several: true where one of them is.
    pub(crate) fn any_of(conditions: Vec<Self>) -> Self {
        let alternatives = conditions.into_iter().flat_map(|condition| condition.alternatives).collect();
        Self::from_alternatives(alternatives, &[])
    }

    fn from_alternatives(alternatives: Vec<Comparison>, shown: &[String]) -> Self {
        let shown = if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) };
        let text = match &alternatives[..] {
            [one] => format!("{}{shown}", one.text),
            several => {
                let texts: Vec<_> = several.iter().map(|it| it.text.as_str()).collect();
                format!("any: [{}]{shown}", texts.join(", "))
            }
        };
        Self { text, alternatives }
    }

    /// Whether it may have several values, with commas between them.
    pub(super) fn takes_list(&self) -> bool {
        self.alternatives.iter().any(|it| it.operator == Operator::In)
    }

    /// The subjects that it needs.
    pub fn subjects(&self) -> impl Iterator<Item = &str> {
        let terms = self.alternatives.iter().flat_map(|it| std::iter::once(&it.term).chain(it.operand_terms()));
        terms.map(|term| term.subject.as_str())
    }

    /// Whether it is one comparison by `==`.
    pub fn is_equality(&self) -> bool {
        matches!(&self.alternatives[..], [only] if only.operator == Operator::Equal)
    }

    /// The facts that it compares with.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        let operands = self.alternatives.iter().flat_map(|it| &it.operands);
        operands.filter_map(Operand::template).flat_map(|template| template.facts())
    }

    /// Itself with the values of its facts, to be judged. They are told with it, if they are no secret.
    ///
    /// # Errors
    /// One of them is not known.
    pub fn bind(&self, known: &dyn FactResolver) -> Result<Self, UnresolvedFact> {
        if self.facts().next().is_none() {
            return Ok(self.clone());
        }
        let (mut alternatives, mut all_shown) = (Vec::new(), Vec::new());
        for comparison in &self.alternatives {
            let (comparison, shown) = comparison.bind(known)?;
            all_shown.extend(shown);
            alternatives.push(comparison);
        }
        Ok(Self::from_alternatives(alternatives, &all_shown))
    }

    /// Whether it needs the value of `subject`, or of one of that family.
    pub fn uses_subject(&self, subject: &str) -> bool {
        self.alternatives.iter().any(|it| it.uses_subject(subject))
    }

    /// What is left of it without the comparisons that need one of these subjects; none where all of them do.
    pub fn without_subjects(&self, subjects: &[&str]) -> Option<Self> {
        let needs = |it: &Comparison| subjects.iter().any(|subject| it.uses_subject(subject));
        if !self.alternatives.iter().any(needs) {
            return Some(self.clone());
        }
        let rest: Vec<_> = self.alternatives.iter().filter(|it| !needs(it)).cloned().collect();
        (!rest.is_empty()).then(|| Self::from_alternatives(rest, &[]))
    }

    /// Itself, with the values of its subjects where it compares two: `running == desired (2)`.
    pub fn render_with_values(&self, facts: &dyn SubjectValues) -> String {
        let shown = |term: &Term| term.value(facts).map(|value| facts.loggable(&term.subject, &value));
        let [comparison] = &self.alternatives[..] else { return self.to_string() };
        let other = comparison.operand_terms().next().and_then(shown);
        match (shown(&comparison.term), other) {
            (Some(left), Some(right)) if left == right => format!("{self} ({left})"),
            (Some(left), Some(right)) => format!("{self} ({left} and {right})"),
            _ => self.to_string(),
        }
    }

    /// Whether it compares with this word.
    pub fn compares_with(&self, word: &str) -> bool {
        self.alternatives.iter().flat_map(|it| &it.operands).any(|operand| match operand {
            Operand::Value(Value::Text(text)) | Operand::FactValue(text) | Operand::BareWord(text) => text == word,
            _ => false,
        })
    }

    /// Whether it is true.
    pub fn evaluate(&self, facts: &dyn SubjectValues) -> ConditionResult {
        let mut failures = Vec::new();
        for comparison in &self.alternatives {
            match comparison.evaluate(facts) {
                Ok(()) => return ConditionResult::True,
                Err(why) => failures.extend(why),
            }
        }
        ConditionResult::NotTrue(failures)
    }
}

#[cfg(test)]
mod tests;
