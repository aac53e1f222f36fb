//! The subjects that conditions can use, and their types.

use std::fmt;

use super::Operator;
use crate::{Value, diagnostic::join_or, reason_code::ReasonCode};

/// A value that a kind of check observes, with the reason code for a false condition on it.
#[derive(Debug, PartialEq, Eq)]
pub struct Subject {
    /// The word, or with `prefixed` the part before the dot.
    pub name: &'static str,
    /// Whether a dot and a name of the author's choice follow: `header.location`, `json.items[0].id`.
    pub prefixed: bool,
    pub code: ReasonCode,
    pub subject_type: SubjectType,
    /// Whether the value can be missing although the check ran.
    pub optional: bool,
}

/// The type of a subject's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectType {
    /// A whole number with its minimum and its maximum.
    Integer(u32, Option<u32>),
    Duration,
    Bool,
    /// One of these words.
    OneOf(&'static [&'static str]),
    Text,
    /// Text that is never empty, such as a name or an id.
    Name,
    Region,
    /// Text that can come several times.
    Header,
    /// Whatever a JSON body has at that path.
    Json,
}

impl Subject {
    const fn new(name: &'static str, code: ReasonCode, of: SubjectType) -> Self {
        Self { name, prefixed: false, code, subject_type: of, optional: false }
    }

    /// An HTTP status code.
    pub const fn status(name: &'static str, code: ReasonCode) -> Self {
        Self::new(name, code, SubjectType::Integer(100, Some(599)))
    }

    /// A number of items.
    pub const fn count(name: &'static str, code: ReasonCode) -> Self {
        Self::new(name, code, SubjectType::Integer(0, None))
    }

    pub const fn duration(name: &'static str, code: ReasonCode) -> Self {
        Self::new(name, code, SubjectType::Duration)
    }

    pub const fn bool(name: &'static str, code: ReasonCode) -> Self {
        Self::new(name, code, SubjectType::Bool)
    }

    /// One of the words that AWS uses.
    pub const fn one_of(name: &'static str, code: ReasonCode, words: &'static [&'static str]) -> Self {
        Self::new(name, code, SubjectType::OneOf(words))
    }

    pub const fn text(name: &'static str, code: ReasonCode) -> Self {
        Self::new(name, code, SubjectType::Text)
    }

    /// A name or an id.
    pub const fn name(name: &'static str, code: ReasonCode) -> Self {
        Self::new(name, code, SubjectType::Name)
    }

    pub const fn region(name: &'static str, code: ReasonCode) -> Self {
        Self::new(name, code, SubjectType::Region)
    }

    /// Names of the author's choice, each with a text: `env.STAGE`.
    pub const fn names(name: &'static str, code: ReasonCode) -> Self {
        Self { prefixed: true, optional: true, ..Self::new(name, code, SubjectType::Name) }
    }

    /// Headers by name.
    pub const fn headers(name: &'static str, code: ReasonCode) -> Self {
        Self { prefixed: true, optional: true, ..Self::new(name, code, SubjectType::Header) }
    }

    /// A JSON document, and values in it by path.
    pub const fn json(name: &'static str, code: ReasonCode) -> Self {
        Self { prefixed: true, optional: true, ..Self::new(name, code, SubjectType::Json) }
    }

    /// Marks a subject whose value can be missing although the check ran.
    pub const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Whether the word is this subject, or one of its family.
    pub(crate) fn matches(&self, word: &str) -> bool {
        match word.strip_prefix(self.name) {
            Some("") => !self.prefixed || self.subject_type == SubjectType::Json,
            Some(rest) if self.subject_type == SubjectType::Json => {
                rest.starts_with('[') || rest.len() > 1 && rest.starts_with('.')
            }
            Some(rest) => self.prefixed && rest.len() > 1 && rest.starts_with('.'),
            None => false,
        }
    }
}

/// Its form in a list of subjects: `header.…`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        f.write_str(if self.prefixed { ".…" } else { "" })
    }
}

impl SubjectType {
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Integer(..))
    }

    /// Whether it is always text, even if it looks like something else.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Name | Self::Region | Self::Header)
    }

    /// Whether its value can have several items.
    pub(super) const fn is_countable(self) -> bool {
        matches!(self, Self::Json | Self::Header)
    }

    /// Whether `version(…)` can read it.
    pub(super) const fn has_version(self) -> bool {
        self.is_text() || matches!(self, Self::Json)
    }

    /// Whether values of the two types can be equal.
    pub const fn compares_with(self, other: Self) -> bool {
        match (self, other) {
            (Self::Json, _) | (_, Self::Json) | (Self::Duration, Self::Duration) | (Self::Bool, Self::Bool) => true,
            _ => {
                self.is_number() && other.is_number()
                    || (self.is_text() || matches!(self, Self::OneOf(_)))
                        && (other.is_text() || matches!(other, Self::OneOf(_)))
            }
        }
    }

    /// Whether the number is a value of this type.
    pub(super) fn includes(self, number: &Value) -> bool {
        let number = match number {
            Value::Number(number) => *number,
            #[expect(clippy::cast_precision_loss, reason = "beyond 2⁵³ it is larger than any limit")]
            Value::LargeInteger(number) => *number as f64,
            _ => return false,
        };
        match self {
            Self::Integer(least, most) => {
                number.fract() == 0.0 && number >= f64::from(least) && most.is_none_or(|most| number <= f64::from(most))
            }
            _ => true,
        }
    }

    /// Why the operator is not valid for this type.
    pub(super) fn operator_error(self, operator: Operator) -> Option<&'static str> {
        match (self, operator) {
            (Self::Bool | Self::OneOf(_), _) if operator.is_ordering() => {
                Some("has no order; compare it with == or !=")
            }
            (Self::Integer(..) | Self::Duration, Operator::Contains | Operator::Matches) => {
                Some("is not a text; compare it with == != < <= > >= or in")
            }
            (Self::Bool, Operator::Contains | Operator::Matches) => Some("is not a text; compare it with == or !="),
            _ => None,
        }
    }
}

/// The end of a sentence that starts with the subject.
impl fmt::Display for SubjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(least, Some(most)) => write!(f, "a whole number from {least} to {most}"),
            Self::Integer(least, None) => write!(f, "a whole number, {least} or more"),
            Self::Duration => f.write_str("a duration such as 300ms or 2s"),
            Self::Bool => f.write_str("true or false"),
            Self::OneOf(words) => f.write_str(&join_or(words)),
            Self::Text | Self::Name | Self::Header => f.write_str("a text"),
            Self::Region => f.write_str("a Region such as eu-west-1"),
            Self::Json => f.write_str("a JSON value"),
        }
    }
}
