//! Values that conditions compare, and the interface that provides them.

use std::{collections::BTreeMap, fmt, time::Duration};

use lifecycle::format_duration;

use super::JsonPath;

/// An observed value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    /// A whole number beyond 2⁵³, such as a build number made from a date. A float would confuse it with its
    /// neighbour.
    LargeInteger(i128),
    Duration(Duration),
    Bool(bool),
    Text(String),
    /// The `null` of JSON.
    Null,
    List(Vec<Value>),
    /// A JSON map, with the number of its keys.
    Map(usize),
    /// The value of each item of a list, or of each line of a header.
    Multiple(Vec<Option<Value>>),
    /// A value that cannot be read. The text is the end of a sentence that starts with the subject.
    Unreadable(String),
}

/// A float represents every whole number up to 2⁵³.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

impl Value {
    /// A whole number of any size.
    pub fn from_integer(number: i128) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "the next line checks whether the conversion is exact")]
        let float = number as f64;
        if float.abs() <= MAX_EXACT_INTEGER { Self::Number(float) } else { Self::LargeInteger(number) }
    }

    /// The name of its type, with its article.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Number(_) | Self::LargeInteger(_) => "a number",
            Self::Duration(_) => "a duration",
            Self::Bool(_) => "true or false",
            Self::Text(_) => "a text",
            Self::Null => "null",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Multiple(_) => "several values",
            Self::Unreadable(_) => "not readable",
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::LargeInteger(number) => number.fmt(f),
            Self::Duration(span) => f.write_str(&format_duration(*span)),
            Self::Bool(flag) => flag.fmt(f),
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Null => f.write_str("null"),
            Self::List(items) => write!(f, "a list of {}", items.len()),
            Self::Map(keys) => write!(f, "a map of {keys}"),
            Self::Multiple(values) => write!(f, "{} values", values.len()),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}

/// Provides the values of subjects.
pub trait SubjectValues {
    /// The value of a subject, if it was observed.
    fn value_of(&self, subject: &str) -> Option<Value>;

    /// The value at a path of the JSON document, if it has one.
    fn json_at(&self, path: &JsonPath) -> Option<Value> {
        let _ = path;
        None
    }

    /// The value as a log may show it.
    fn loggable(&self, subject: &str, value: &Value) -> String {
        let _ = subject;
        value.to_string()
    }
}

impl SubjectValues for BTreeMap<&'static str, Value> {
    fn value_of(&self, subject: &str) -> Option<Value> {
        self.get(subject).cloned()
    }
}
