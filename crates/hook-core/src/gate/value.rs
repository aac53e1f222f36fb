//! Values that conditions compare, and where they look them up.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::JsonPath;

/// A value that was seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number, also of per cent.
    Number(f64),
    /// A whole number beyond 2⁵³, such as a build's that is made of a date: there a float would take one for its
    /// neighbour.
    LargeInteger(i128),
    /// A length of time.
    Duration(Duration),
    /// True or false.
    Bool(bool),
    /// Text.
    Text(String),
    /// The `null` of JSON.
    Null,
    /// A list of JSON.
    List(Vec<Value>),
    /// A map of JSON with so many keys.
    Map(usize),
    /// What each of several has there: the items of a list, or the lines of one header.
    Multiple(Vec<Option<Value>>),
    /// There may be something, and it cannot be read: the end of a sentence that begins with the subject.
    Unreadable(String),
}

/// Up to here a float holds every whole number, 2⁵³.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

impl Value {
    /// A whole number of any size.
    pub fn from_integer(number: i128) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "that is what is looked at")]
        let float = number as f64;
        if float.abs() <= MAX_EXACT_INTEGER { Self::Number(float) } else { Self::LargeInteger(number) }
    }

    /// What it is, with its article.
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

/// A length of time as a person reads it: two units at most, milliseconds below ten seconds.
pub fn format_duration(span: Duration) -> String {
    let span = if span < Duration::from_secs(10) {
        Duration::from_millis(span.as_millis().try_into().unwrap_or(u64::MAX))
    } else {
        Duration::from_secs(span.as_secs())
    };
    humantime::format_duration(span).to_string()
}

/// Where conditions look values up.
pub trait SubjectValues {
    /// The subject's value, if there is one to see.
    fn value_of(&self, subject: &str) -> Option<Value>;

    /// What is at a path of the JSON document, if there is one.
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
