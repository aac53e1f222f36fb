//! What a reader asked for: a key, what its value looks like, and the value that counts.

use super::{
    Subject,
    yaml::{Data, Key, Node, Place},
};

/// A key that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The key.
    pub key: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// The value that counts, as the file would write it. [`Data::Null`] where there is none.
    pub value: Data,
}

/// What a value looks like.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A text, or several.
    Any,
    /// A text.
    Text,
    /// A text with facts in it.
    Template,
    /// A text, or a list of texts.
    Texts,
    /// A length of time.
    Duration,
    /// Two lengths of time, `200ms..2s`.
    Span,
    /// A whole number.
    Number(u32, u32),
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(Vec<&'static str>),
    /// Conditions on these subjects.
    Conditions(&'static [Subject]),
    /// Names of the author's, and texts.
    Names,
    /// A list of anything.
    List,
    /// Keys of its own.
    Map(Vec<Asked>),
    /// A list of maps with these keys.
    Items(Vec<Asked>),
    /// The checks of a hook, or `none`.
    Checks,
    /// Changes to built-in checks by name, or `none`.
    BuiltIn,
    /// One of several.
    Either(Vec<Shape>),
}

/// What was asked for, as a map of the file.
pub fn written_map(asked: &[Asked]) -> Data {
    let at = Place::START;
    let given = asked.iter().filter(|asked| asked.value != Data::Null);
    Data::Map(given.map(|asked| (Key { at, name: asked.key.to_owned() }, Node::new(at, asked.value.clone()))).collect())
}
