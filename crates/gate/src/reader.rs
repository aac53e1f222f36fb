//! Reads the keys of one map, and collects its errors. A key that no reader accepts is an error.
//!
//! The reader records each key that it accepts, with its type and its effective value from the file or the default. The
//! reader of a kind of check is therefore the only table of its keys: suggestions, `explain`, `print` and the JSON
//! Schema use this record. The schema comes from reading an empty document with `Reading::Schema`, in which every key
//! returns a value.
//!
//! A hook keeps only the tree of the file, with the positions for errors. Effective values are a second tree, because it
//! also has the defaults and the built-in checks; it is built only for [`Reading::Print`].

mod conditions;
mod context;
mod nested;
mod scalars;
mod texts;

use std::collections::BTreeSet;

pub use self::context::ReadContext;
pub(super) use self::context::Reading;
pub use super::key_spec::{KeySpec, ValueType, to_map};
use super::{
    Diagnostic, Fact, Message, Scope,
    foreign_words::{self, KeyUse},
    suggest,
    yaml::{MapKey, Position, YamlNode, YamlValue},
};

/// A map that is being read.
pub struct MapReader<'a> {
    description: String,
    at: Position,
    entries: &'a [(MapKey, YamlNode)],
    key_specs: Vec<KeySpec>,
    facts: BTreeSet<Fact>,
    context: &'a mut ReadContext,
}

impl<'a> MapReader<'a> {
    /// Starts to read `node`, which must be a map. An empty value counts as an empty map.
    pub fn new(node: &'a YamlNode, what: &str, context: &'a mut ReadContext) -> Option<Self> {
        let entries: &[(MapKey, YamlNode)] = match &node.data {
            YamlValue::Map(entries) => entries,
            YamlValue::Null => &[],
            other => {
                context.error(node.at, Message::wrong_value(what, "a map of keys", other));
                return None;
            }
        };
        Some(Self {
            description: what.to_owned(),
            at: node.at,
            entries,
            key_specs: Vec::new(),
            facts: BTreeSet::new(),
            context,
        })
    }

    pub fn at(&self) -> Position {
        self.at
    }

    pub fn error(&mut self, at: Position, message: impl Into<Message>) {
        self.context.error(at, message);
    }

    pub fn warn(&mut self, at: Position, message: impl Into<Message>) {
        self.context.warn(at, message);
    }

    /// Reports that a hook would have no check.
    pub(super) fn error_gate_empty(&mut self, at: Position, message: &str) {
        self.context.errors.push(Diagnostic::gate_empty(at, message));
    }

    /// Rejects a key that this version does not support: every key of a valid file has an effect.
    pub(super) fn reject_key(&mut self, key: &'static str) {
        self.take(key, ValueType::Any);
        self.error_not_supported(self.key_position(key), key);
    }

    fn error_not_supported(&mut self, at: Position, what: &str) {
        let message = format!("`{what}` is not supported by this version of the hooks; remove it");
        self.context.errors.push(Diagnostic::not_supported(at, message));
    }

    /// The context, to read a nested map with another reader.
    pub fn context(&mut self) -> &mut ReadContext {
        self.context
    }

    /// Secrets and defaults of the file.
    pub fn scope(&self) -> &Scope {
        &self.context.scope
    }

    /// Whether the file has the key. It does not record the key. With `Reading::Schema` it is always true, so that every
    /// branch of a reader runs.
    pub fn has(&self, key: &str) -> bool {
        self.context.is_schema() || self.is_in_file(key)
    }

    /// Whether the file has the key. It does not record the key, and with `Reading::Schema` it is always false: for keys
    /// that are not part of the schema or of suggestions.
    pub fn is_in_file(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// The entry of a key. An old name of the key is an error, which [`Self::finish`] reports. Its value is read like that
    /// of the key, so that the errors in both are reported in the same run.
    fn entry(&self, key: &str) -> Option<&'a (MapKey, YamlNode)> {
        let find = |name: &str| self.entries.iter().find(|(own, _)| own.name == name);
        find(key).or_else(|| find(foreign_words::old_name(key)?))
    }

    /// The facts in its templates.
    pub fn facts(&self) -> &BTreeSet<Fact> {
        &self.facts
    }

    /// The position of a key's value, or of the map.
    pub fn position_of(&self, key: &str) -> Position {
        self.entry(key).map_or(self.at, |(_, node)| node.at)
    }

    /// The position of a key, or of the map.
    fn key_position(&self, key: &str) -> Position {
        self.entry(key).map_or(self.at, |(own, _)| own.at)
    }

    /// The value of a key as a node. Prefer a method that checks its type.
    pub fn node(&mut self, key: &'static str) -> Option<&'a YamlNode> {
        self.take(key, ValueType::Any)
    }

    /// Like [`Self::node`], for a key with its own type.
    pub(super) fn node_with_type(&mut self, key: &'static str, shape: ValueType) -> Option<&'a YamlNode> {
        self.take(key, shape)
    }

    fn take(&mut self, key: &'static str, shape: ValueType) -> Option<&'a YamlNode> {
        let node = self.entry(key).map(|(_, node)| node);
        if !self.key_specs.iter().any(|spec| spec.key == key) {
            let kept = node.filter(|_| self.context.keeps_effective());
            let value = kept.map_or(YamlValue::Null, |node| node.data.clone());
            self.key_specs.push(KeySpec { key, value_type: shape, value });
        }
        node
    }

    /// Records the effective value of a key, if the file is read to be printed.
    fn set_effective(&mut self, key: &str, value: impl FnOnce() -> YamlValue) {
        if self.context.keeps_effective()
            && let Some(spec) = self.key_specs.iter_mut().find(|spec| spec.key == key)
        {
            spec.value = value();
        }
    }

    /// Removes the effective value of a key that another key replaces, so that both are not written.
    pub fn mark_overridden(&mut self, key: &str) {
        self.set_effective(key, || YamlValue::Null);
    }

    fn type_error(&mut self, key: &str, node: &YamlNode, expected: &str) {
        self.error(node.at, Message::wrong_value(format_args!("`{key}`"), expected, &node.data));
    }

    /// The keys that were read so far, as a map of the file with effective values.
    pub(super) fn to_map(&self) -> YamlValue {
        to_map(&self.key_specs)
    }

    /// Ends the reading and returns the accepted keys. Any other key in the file is an error.
    pub fn finish(self) -> Vec<KeySpec> {
        let known_keys: Vec<_> = self.key_specs.iter().map(|spec| spec.key).collect();
        for (key, node) in self.entries {
            if known_keys.contains(&key.name.as_str()) {
                continue;
            }
            let foreign = KeyUse { name: &key.name, node, entries: self.entries };
            if let Some(message) = foreign_words::explain(foreign, &known_keys) {
                self.context.error(key.at, message);
                continue;
            }
            let message = match suggest(&key.name, known_keys.iter().copied()) {
                Some(near) => {
                    Message::did_you_mean(format_args!("`{}` is not a key of {}", key.name, self.description), near)
                }
                None => {
                    format!("`{}` is not a key of {}; use one of {}", key.name, self.description, known_keys.join(", "))
                        .into()
                }
            };
            self.context.error(key.at, message);
        }
        self.key_specs
    }
}
