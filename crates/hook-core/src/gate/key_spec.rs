//! What a reader asked for: a key, what its value looks like, and the value that counts.

use super::{
    Subject,
    yaml::{MapKey, Position, YamlNode, YamlValue},
};

/// A key that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct KeySpec {
    /// The key.
    pub key: &'static str,
    /// What its value looks like.
    pub value_type: ValueType,
    /// The value that counts, as the file would write it. [`Data::Null`] where there is none.
    pub value: YamlValue,
}

/// What a value looks like.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueType {
    /// A text, or several.
    Any,
    /// A text.
    String,
    /// A text with facts in it.
    Template,
    /// A text, or a list of texts.
    Strings,
    /// A length of time.
    Duration,
    /// Two lengths of time, `200ms..2s`.
    DurationRange,
    /// A whole number.
    Integer(u32, u32),
    /// `true` or `false`.
    Bool,
    /// One of these words.
    OneOf(Vec<&'static str>),
    /// Conditions on these subjects.
    Conditions(&'static [Subject]),
    /// Names of the author's, and texts.
    StringMap,
    /// A list of anything.
    List,
    /// Keys of its own.
    Map(Vec<KeySpec>),
    /// A list of maps with these keys.
    Maps(Vec<KeySpec>),
    /// The checks of a hook, or `none`.
    Checks,
    /// Changes to built-in checks by name, or `none`.
    BuiltIn,
    /// One of several.
    AnyOf(Vec<ValueType>),
}

/// What was asked for, as a map of the file.
pub fn to_map(keys: &[KeySpec]) -> YamlValue {
    let at = Position::START;
    let given = keys.iter().filter(|asked| asked.value != YamlValue::Null);
    YamlValue::Map(
        given
            .map(|asked| (MapKey { at, name: asked.key.to_owned() }, YamlNode::new(at, asked.value.clone())))
            .collect(),
    )
}
