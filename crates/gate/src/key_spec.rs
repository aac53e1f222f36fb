//! The keys that a reader accepts: the type of each value, and its effective value.

use super::{
    Subject,
    yaml::{MapKey, Position, YamlNode, YamlValue},
};

/// A key that the reader accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct KeySpec {
    pub key: &'static str,
    pub value_type: ValueType,
    /// The effective value, as a gate file would write it, or [`YamlValue::Null`] if it has none or is not printed.
    pub value: YamlValue,
}

/// The type of a value in the file.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueType {
    /// Any value.
    Any,
    String,
    /// A text with facts.
    Template,
    /// A text, or a list of texts.
    Strings,
    Duration,
    /// Two durations, `200ms..2s`.
    DurationRange,
    /// A whole number, with its minimum and maximum.
    Integer(u32, u32),
    Bool,
    /// One of these words.
    OneOf(Vec<&'static str>),
    /// Conditions on these subjects.
    Conditions(&'static [Subject]),
    /// A map from names of the author's choice to texts.
    StringMap,
    List,
    /// A map with these keys.
    Map(Vec<KeySpec>),
    /// A list of maps with these keys.
    Maps(Vec<KeySpec>),
    /// The checks of a hook, or `none`.
    Checks,
    /// Changes to built-in checks, or `none`. For the schema, each check has its name and the key of its kind.
    BuiltIn(Vec<(String, &'static str)>),
    /// One of several types.
    AnyOf(Vec<ValueType>),
}

/// The effective values of the keys, as a map of the file.
pub fn to_map(keys: &[KeySpec]) -> YamlValue {
    let at = Position::START;
    let given = keys.iter().filter(|spec| spec.value != YamlValue::Null);
    YamlValue::Map(
        given.map(|spec| (MapKey { at, name: spec.key.to_owned() }, YamlNode::new(at, spec.value.clone()))).collect(),
    )
}
