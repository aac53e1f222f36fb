//! The language of the `expect` lines: `<subject> <operator> <operand>`, or `any: [...]` with several such lines. All
//! conditions of a list must be true.
//!
//! A subject has a type, and an operand is read as that type. A condition that can never be true, or never be false, is
//! therefore reported when the file is read, not during a deployment. `comparison` evaluates one line; `satisfiability`
//! finds conditions that no values can make true.

mod comparison;
pub(super) mod example;
mod foreign;
mod leading_not;
mod measure;
mod operand;
mod operator;
mod pattern;
mod result;
pub(super) mod satisfiability;
mod subject;
mod syntax;
mod term;

use std::fmt;

use self::{comparison::Comparison, measure::Measure, operand::Operand, operator::Operator, term::Term};
pub(super) use self::{
    foreign::{find_placeholder, translate},
    pattern::{DURATION, SubjectPattern, either, patterns},
};
pub use self::{
    result::{ConditionResult, Failure},
    subject::{Subject, SubjectType},
};
use super::{
    Fact, Message, Scope, SubjectValues, Value,
    template::{FactResolver, UnresolvedFact},
};

/// What must be true: one comparison, or at least one of several.
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

impl Condition {
    /// Parses one line, with the subjects of one kind of check.
    ///
    /// # Errors
    /// A sentence for the gate file's author.
    pub fn parse(text: &str, subjects: &'static [Subject]) -> Result<Self, Message> {
        Self::parse_in(text, subjects, &Scope::default())
    }

    /// Like [`Self::parse`], with the names that the file declares.
    ///
    /// # Errors
    /// A sentence for the gate file's author.
    pub fn parse_in(text: &str, subjects: &'static [Subject], scope: &Scope) -> Result<Self, Message> {
        let comparison = Comparison::parse(text, subjects, scope)
            .map_err(|why| foreign::explain(text, subjects, scope).unwrap_or(why))?;
        Ok(Self { text: comparison.text.clone(), alternatives: vec![comparison] })
    }

    /// A condition that is true if at least one of these is.
    pub fn any_of(conditions: Vec<Self>) -> Self {
        let alternatives = conditions.into_iter().flat_map(|condition| condition.alternatives).collect();
        Self::from_alternatives(alternatives, &[])
    }

    fn from_alternatives(alternatives: Vec<Comparison>, shown: &[String]) -> Self {
        let shown = if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) };
        let text = match &alternatives[..] {
            [one] => format!("{}{shown}", one.text),
            several => format!("any: [{}]{shown}", join_texts(several)),
        };
        Self { text, alternatives }
    }

    /// Its text in a sentence: `one of [a, b]` for `any: [a, b]`.
    pub(super) fn describe(&self) -> String {
        match &self.alternatives[..] {
            [_] => self.text.clone(),
            several => format!("one of [{}]", join_texts(several)),
        }
    }

    /// Whether its operand can be a list with commas.
    pub(super) fn takes_list(&self) -> bool {
        self.alternatives.iter().any(|it| it.operator == Operator::In)
    }

    /// The subjects whose values it needs.
    pub fn subjects(&self) -> impl Iterator<Item = &str> {
        let terms = self.alternatives.iter().flat_map(|it| std::iter::once(&it.term).chain(it.operand_terms()));
        terms.map(|term| term.subject.as_str())
    }

    pub fn is_equality(&self) -> bool {
        matches!(&self.alternatives[..], [only] if only.operator == Operator::Equal)
    }

    /// The facts in its operands.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        let operands = self.alternatives.iter().flat_map(|it| &it.operands);
        operands.filter_map(Operand::template).flat_map(|template| template.facts())
    }

    /// Replaces its facts with their values, so that it can be evaluated. Its text then also shows these values, except
    /// secrets.
    ///
    /// # Errors
    /// The value of a fact is not known.
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

    /// Whether it needs the value of `subject`, or of a subject in that family.
    pub fn uses_subject(&self, subject: &str) -> bool {
        self.alternatives.iter().any(|it| it.uses_subject(subject))
    }

    /// The condition without the comparisons that need one of these subjects, or `None` if all of them do.
    pub fn without_subjects(&self, subjects: &[&str]) -> Option<Self> {
        let needs = |it: &Comparison| subjects.iter().any(|subject| it.uses_subject(subject));
        if !self.alternatives.iter().any(needs) {
            return Some(self.clone());
        }
        let rest: Vec<_> = self.alternatives.iter().filter(|it| !needs(it)).cloned().collect();
        (!rest.is_empty()).then(|| Self::from_alternatives(rest, &[]))
    }

    /// Its text. Where it compares two subjects, their values are added: `running == desired (2)`.
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

    /// Whether one of its operands is this word.
    pub fn compares_with(&self, word: &str) -> bool {
        self.alternatives.iter().flat_map(|it| &it.operands).any(|operand| match operand {
            Operand::Value(Value::Text(text)) | Operand::FactValue(text) | Operand::BareWord(text) => text == word,
            _ => false,
        })
    }

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

fn join_texts(comparisons: &[Comparison]) -> String {
    comparisons.iter().map(|it| it.text.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
