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
    Whole(i128),
    /// A length of time.
    Span(Duration),
    /// True or false.
    Flag(bool),
    /// Text.
    Text(String),
    /// The `null` of JSON.
    Null,
    /// A list of JSON.
    List(Vec<Value>),
    /// A map of JSON with so many keys.
    Map(usize),
    /// What each of several has there: the items of a list, or the lines of one header.
    Every(Vec<Option<Value>>),
    /// There may be something, and it cannot be read: the end of a sentence that begins with the subject.
    Unreadable(String),
}

/// Up to here a float holds every whole number, 2⁵³.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Value {
    /// A whole number of any size.
    pub fn whole(number: i128) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "that is what is looked at")]
        let float = number as f64;
        if float.abs() <= EXACT { Self::Number(float) } else { Self::Whole(number) }
    }

    /// What it is, with its article.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Number(_) | Self::Whole(_) => "a number",
            Self::Span(_) => "a duration",
            Self::Flag(_) => "true or false",
            Self::Text(_) => "a text",
            Self::Null => "null",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Every(_) => "several values",
            Self::Unreadable(_) => "not readable",
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Whole(number) => number.fmt(f),
            Self::Span(span) => f.write_str(&in_words(*span)),
            Self::Flag(flag) => flag.fmt(f),
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Null => f.write_str("null"),
            Self::List(items) => write!(f, "a list of {}", items.len()),
            Self::Map(keys) => write!(f, "a map of {keys}"),
            Self::Every(values) => write!(f, "{} values", values.len()),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}

/// A length of time as a person reads it: two units at most, milliseconds below ten seconds.
pub fn in_words(span: Duration) -> String {
    let span = if span < Duration::from_secs(10) {
        Duration::from_millis(span.as_millis().try_into().unwrap_or(u64::MAX))
    } else {
        Duration::from_secs(span.as_secs())
    };
    humantime::format_duration(span).to_string()
}

/// Where conditions look values up.
pub trait Facts {
    /// The subject's value, if there is one to see.
    fn fact(&self, subject: &str) -> Option<Value>;

    /// What is at a path of the JSON document, if there is one.
    fn json(&self, path: &JsonPath) -> Option<Value> {
        let _ = path;
        None
    }

    /// The value as a log may show it.
    fn shown(&self, subject: &str, value: &Value) -> String {
        let _ = subject;
        value.to_string()
    }
}

impl Facts for BTreeMap<&'static str, Value> {
    fn fact(&self, subject: &str) -> Option<Value> {
        self.get(subject).cloned()
    }
}
