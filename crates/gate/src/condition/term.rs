//! One side of a comparison: a subject, its path in a JSON document, and what of it is compared.

use super::{Measure, Subject, SubjectType, operator, syntax};
use crate::{JsonPath, Message, SubjectValues, Value, reason_code::ReasonCode, suggest};

/// A subject as a condition names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The term as it is written: `json.items[0].id`, `version(json.version)`.
    pub(super) text: String,
    /// The name of the subject: `json.version`.
    pub(super) subject: String,
    /// The path in a JSON document.
    pub(super) path: Option<JsonPath>,
    pub(super) subject_type: SubjectType,
    pub(super) optional: bool,
    pub(super) code: ReasonCode,
}

impl Term {
    pub(super) fn parse(word: &str, subjects: &[Subject]) -> Result<(Self, Measure), Message> {
        let inner = syntax::version_argument(word);
        let name = inner.unwrap_or(word);
        let subject = subjects
            .iter()
            .find(|subject| subject.matches(name))
            .ok_or_else(|| unknown_subject_message(name, subjects))?;
        let path = if subject.subject_type == SubjectType::Json {
            let rest = name.strip_prefix(subject.name).unwrap_or_default();
            Some(JsonPath::parse(rest).map_err(|why| format!("`{name}` {why}"))?)
        } else {
            None
        };
        if inner.is_some() && !subject.subject_type.has_version() {
            return Err(format!("`{name}` is {}, not a version", subject.subject_type).into());
        }
        let (text, subject_name) = match (&path, inner) {
            (Some(path), None) => (format!("{}{path}", subject.name), format!("{}{path}", subject.name)),
            (Some(path), Some(_)) => (format!("version({}{path})", subject.name), format!("{}{path}", subject.name)),
            (None, None) => (name.to_owned(), name.to_owned()),
            (None, Some(_)) => (format!("version({name})"), name.to_owned()),
        };
        let measure = if inner.is_some() { Measure::Version } else { Measure::Value };
        let Subject { subject_type: of, optional, code, .. } = *subject;
        Ok((Self { text, subject: subject_name, path, subject_type: of, optional, code }, measure))
    }

    /// Whether it is this subject, or one of its family.
    pub(super) fn belongs_to(&self, subject: &str) -> bool {
        let rest = self.subject.strip_prefix(subject);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }

    pub(super) const fn is_json(&self) -> bool {
        self.path.is_some()
    }

    pub(super) fn value(&self, facts: &dyn SubjectValues) -> Option<Value> {
        match &self.path {
            Some(path) => facts.json_at(path),
            None => facts.value_of(&self.subject),
        }
    }
}

fn unknown_subject_message(word: &str, subjects: &[Subject]) -> Message {
    // Only `when` has the variables of the function.
    let owner = if subjects.iter().any(|it| it.name == "env") { "`when`" } else { "this kind of check" };
    let known = subjects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if word.is_empty() {
        return format!("a condition is `subject operator value`; {owner} has the subjects {known}").into();
    }
    // `status==200`, without spaces around the operator.
    if let Some((at, symbol)) = operator::first_symbol(word)
        && subjects.iter().any(|subject| subject.matches(&word[..at]))
    {
        let spaced = format!("{} {symbol} {}", &word[..at], &word[at + symbol.len()..]);
        return Message::did_you_mean(format_args!("`{word}`: the operator needs spaces around it"), spaced.trim_end());
    }
    let near = suggest(word, subjects.iter().map(|subject| subject.name));
    match near.and_then(|near| subjects.iter().find(|subject| subject.name == near)) {
        Some(near) => Message::did_you_mean(format_args!("`{word}` is not a subject of {owner}"), &near.to_string()),
        None => format!("`{word}` is not a subject of {owner}; use one of {known}").into(),
    }
}
