//! Reads the keys of one map, and collects its errors. A key that no reader accepts is an error.
//!
//! The reader records each key that it accepts, with its type and its effective value from the file or the default. The
//! reader of a kind of check is therefore the only table of its keys: suggestions, `explain`, `print` and the JSON
//! Schema use this record. The schema comes from reading an empty document with `schema_only`, in which every key
//! returns a value.

mod conditions;
mod nested;

use std::{collections::BTreeSet, ops::RangeInclusive, time::Duration};

pub use super::key_spec::{KeySpec, ValueType, to_map};
use super::{
    Diagnostic, Fact, Scope, Subject, Template, duration, renamed, suggest, timing,
    yaml::{MapKey, Position, YamlNode, YamlValue},
};

/// The state while a file is read: its diagnostics, and the settings from its header.
#[derive(Debug, Default)]
pub struct ReadContext {
    /// Errors, in the order in which they are found.
    pub(super) errors: Vec<Diagnostic>,
    /// Mistakes that do not prevent the use of the file.
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) scope: Scope,
    /// There is no file: every key counts as present, to record the keys that the readers accept.
    pub(super) schema_only: bool,
}

impl ReadContext {
    /// Declares a name that later steps of the same check can use.
    pub fn capture(&mut self, name: &str) {
        self.scope.captures.push(name.to_owned());
    }

    /// Ends the steps of a check.
    pub fn clear_captures(&mut self) {
        self.scope.captures.clear();
    }

    /// Reports an error.
    pub fn error(&mut self, at: Position, message: impl Into<String>) {
        self.errors.push(Diagnostic::new(at, message));
    }

    /// Reports a warning.
    pub fn warn(&mut self, at: Position, message: impl Into<String>) {
        self.warnings.push(Diagnostic::new(at, message));
    }
}

/// A map that is being read.
pub struct MapReader<'a> {
    description: String,
    at: Position,
    entries: &'a [(MapKey, YamlNode)],
    key_specs: Vec<KeySpec>,
    facts: BTreeSet<Fact>,
    /// Additional subjects for conditions. With a hint, they are not available, and the hint says why.
    extra_subjects: (&'static [Subject], Option<&'static str>),
    context: &'a mut ReadContext,
}

impl<'a> MapReader<'a> {
    /// Starts to read `node`, which must be a map. An empty value counts as an empty map.
    pub fn new(node: &'a YamlNode, what: &str, context: &'a mut ReadContext) -> Option<Self> {
        let entries: &[(MapKey, YamlNode)] = match &node.data {
            YamlValue::Map(entries) => entries,
            YamlValue::Null => &[],
            other => {
                context.error(node.at, format!("{what} is a map of keys, not {other}"));
                return None;
            }
        };
        let (asked, facts) = (Vec::new(), BTreeSet::new());
        Some(Self {
            description: what.to_owned(),
            at: node.at,
            entries,
            key_specs: asked,
            facts,
            extra_subjects: (&[], None),
            context,
        })
    }

    /// The position of the map.
    pub fn at(&self) -> Position {
        self.at
    }

    /// Reports an error.
    pub fn error(&mut self, at: Position, message: impl Into<String>) {
        self.context.error(at, message);
    }

    /// Reports a warning.
    pub fn warn(&mut self, at: Position, message: impl Into<String>) {
        self.context.warn(at, message);
    }

    /// Reports that a hook would have no check.
    pub(super) fn error_gate_empty(&mut self, at: Position, message: &str) {
        self.context.errors.push(Diagnostic::gate_empty(at, message));
    }

    /// Refuses a key that this version does not support: every key of a valid file has an effect.
    pub fn error_not_supported(&mut self, key: &str) {
        let at = self.key_position(key);
        let message = format!("`{key}` is not supported yet: this version of the hooks cannot execute it; remove it");
        self.context.errors.push(Diagnostic::not_supported(at, message));
    }

    /// The context, to read a nested map with another reader.
    pub fn context(&mut self) -> &mut ReadContext {
        self.context
    }

    /// Secrets, captures and defaults of the file.
    pub fn scope(&self) -> &Scope {
        &self.context.scope
    }

    /// Whether the file has the key. It does not record the key. With `schema_only` it is always true, so that every
    /// branch of a reader runs.
    pub fn has(&self, key: &str) -> bool {
        self.context.schema_only || self.entries.iter().any(|(own, _)| own.name == key)
    }

    /// Whether the file has the key. It does not record the key, and with `schema_only` it is always false: for keys
    /// that are not part of the schema or of suggestions.
    pub fn is_in_file(&self, key: &str) -> bool {
        self.entries.iter().any(|(own, _)| own.name == key)
    }

    /// The facts in its templates.
    pub fn facts(&self) -> &BTreeSet<Fact> {
        &self.facts
    }

    /// The position of a key's value, or of the map.
    pub fn position_of(&self, key: &str) -> Position {
        self.entries.iter().find(|(own, _)| own.name == key).map_or(self.at, |(_, node)| node.at)
    }

    /// The position of a key, or of the map.
    fn key_position(&self, key: &str) -> Position {
        self.entries.iter().find(|(own, _)| own.name == key).map_or(self.at, |(own, _)| own.at)
    }

    /// The value of a key as a node. Prefer a method that checks its type.
    pub fn node(&mut self, key: &'static str) -> Option<&'a YamlNode> {
        self.take(key, ValueType::Any)
    }

    /// Like [`Self::node`], for a key with its own type.
    pub(super) fn node_with_type(&mut self, key: &'static str, shape: ValueType) -> Option<&'a YamlNode> {
        self.take(key, shape)
    }

    /// Adds subjects for the conditions. If they are not available, a condition that uses one is an error with this
    /// hint.
    pub fn extend_subjects(&mut self, subjects: &'static [Subject], hint: &'static str, is_available: bool) {
        self.extra_subjects = (subjects, (!is_available).then_some(hint));
    }

    fn take(&mut self, key: &'static str, shape: ValueType) -> Option<&'a YamlNode> {
        let node = self.entries.iter().find(|(own, _)| own.name == key).map(|(_, node)| node);
        if !self.key_specs.iter().any(|asked| asked.key == key) {
            let value = node.map_or(YamlValue::Null, |node| node.data.clone());
            self.key_specs.push(KeySpec { key, value_type: shape, value });
        }
        node
    }

    /// Records the effective value of a key.
    fn set_effective(&mut self, key: &str, value: YamlValue) {
        if let Some(asked) = self.key_specs.iter_mut().find(|asked| asked.key == key) {
            asked.value = value;
        }
    }

    /// Removes the effective value of a key that another key replaces, so that both are not written.
    pub fn mark_overridden(&mut self, key: &str) {
        self.set_effective(key, YamlValue::Null);
    }

    fn type_error(&mut self, key: &str, node: &YamlNode, expected: &str) {
        self.error(node.at, format!("`{key}` is {expected}, not {}", node.data));
    }

    pub fn string(&mut self, key: &'static str) -> Option<String> {
        self.read_string(key, ValueType::String)
    }

    fn read_string(&mut self, key: &'static str, shape: ValueType) -> Option<String> {
        let Some(node) = self.take(key, shape) else { return self.context.schema_only.then(String::new) };
        let text = node.source_text().filter(|_| matches!(node.data, YamlValue::Text(_) | YamlValue::Integer(_)));
        match &text {
            Some(text) => self.set_effective(key, YamlValue::Text(text.clone())),
            None => self.type_error(key, node, "a text"),
        }
        text
    }

    /// A string with facts.
    pub fn template(&mut self, key: &'static str) -> Option<Template> {
        let at = self.position_of(key);
        let text = self.read_string(key, ValueType::Template)?;
        self.parse_template(at, &text)
    }

    /// Parses any string of this map as a template, such as one deep inside a body.
    pub fn parse_template(&mut self, at: Position, text: &str) -> Option<Template> {
        match Template::parse(text, &self.context.scope) {
            Ok(template) => {
                self.record_facts(at, template.facts());
                Some(template)
            }
            Err(why) => {
                self.error(at, why);
                None
            }
        }
    }

    /// Records the facts of a text. A fact that has no value yet at this hook is an error, reported once for each text.
    fn record_facts<'f>(&mut self, at: Position, facts: impl Iterator<Item = &'f Fact>) {
        for fact in facts {
            if let Some(why) = self.context.scope.hook.and_then(|hook| timing::why_fact_too_early(fact, hook)) {
                self.error(at, why);
            }
            self.facts.insert(fact.clone());
        }
    }

    /// A map from names to texts with facts, such as headers.
    pub fn template_map(&mut self, key: &'static str) -> Vec<(MapKey, Template)> {
        let names = self.string_map(key);
        names
            .into_iter()
            .filter_map(|(name, (at, text))| self.parse_template(at, &text).map(|template| (name, template)))
            .collect()
    }

    /// A map from names of the author's choice to texts. A number counts as its text in the file.
    pub fn string_map(&mut self, key: &'static str) -> Vec<(MapKey, (Position, String))> {
        let Some(node) = self.take(key, ValueType::StringMap) else { return Vec::new() };
        let YamlValue::Map(entries) = &node.data else {
            self.type_error(key, node, "a map of names to texts");
            return Vec::new();
        };
        let (mut names, mut written) = (Vec::new(), Vec::new());
        for (name, value) in entries {
            let Some(text) = value.source_text() else {
                self.type_error(&name.name, value, "a text");
                continue;
            };
            written.push((name.clone(), YamlNode::new(value.at, YamlValue::Text(text.clone()))));
            names.push((name.clone(), (value.at, text)));
        }
        self.set_effective(key, YamlValue::Map(written));
        names
    }

    /// One string, or several.
    pub fn strings(&mut self, key: &'static str) -> Vec<(Position, String)> {
        self.read_strings(key, ValueType::Strings)
    }

    fn read_strings(&mut self, key: &'static str, shape: ValueType) -> Vec<(Position, String)> {
        let Some(node) = self.take(key, shape) else { return Vec::new() };
        let items = if let YamlValue::List(items) = &node.data { items.as_slice() } else { std::slice::from_ref(node) };
        let mut texts = Vec::new();
        for item in items {
            match &item.data {
                YamlValue::Text(text) => texts.push((item.at, text.clone())),
                _ => self.type_error(key, item, "a text"),
            }
        }
        texts
    }

    /// A duration such as `30s`.
    pub fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let Some(node) = self.take(key, ValueType::Duration) else {
            return self.context.schema_only.then_some(Duration::ZERO);
        };
        let duration = match &node.data {
            YamlValue::Text(text) => match duration::parse_duration(text) {
                Ok(duration) => Some(duration),
                Err(why) => {
                    self.error(node.at, format!("`{key}` {why}"));
                    return None;
                }
            },
            YamlValue::Integer(0) => Some(Duration::ZERO),
            _ => None,
        };
        match duration {
            Some(duration) if duration <= duration::MAX => {
                self.set_effective(key, YamlValue::Text(duration::format_exact(duration)));
                Some(duration)
            }
            Some(_) => {
                self.type_error(key, node, "at most one day");
                None
            }
            None => {
                self.type_error(key, node, "a length of time such as 500ms, 30s or 5m");
                None
            }
        }
    }

    /// A duration, with a default.
    pub fn duration_or(&mut self, key: &'static str, default: Duration) -> Duration {
        match self.has(key).then(|| self.duration(key)) {
            Some(given) => given.unwrap_or(default),
            None => {
                self.take(key, ValueType::Duration);
                self.set_effective(key, YamlValue::Text(duration::format_exact(default)));
                default
            }
        }
    }

    /// A duration, with a default, that is raised to `least` if it is shorter.
    pub fn duration_or_at_least(&mut self, key: &'static str, default: Duration, least: Duration) -> Duration {
        let duration = self.duration_or(key, default).max(least);
        self.set_effective(key, YamlValue::Text(duration::format_exact(duration)));
        duration
    }

    /// Two durations such as `200ms..2s`, with a default.
    pub fn duration_range_or(&mut self, key: &'static str, default: (Duration, Duration)) -> (Duration, Duration) {
        let node = self.take(key, ValueType::DurationRange);
        let span = node.and_then(|node| {
            let ends = node.as_text().and_then(|text| text.split_once(".."));
            let span = ends.and_then(|(from, to)| {
                Some((duration::parse_duration(from.trim()).ok()?, duration::parse_duration(to.trim()).ok()?))
            });
            let span = span.filter(|(from, to)| from <= to && *to <= duration::MAX);
            if span.is_none() {
                self.type_error(key, node, "two lengths of time such as 200ms..2s");
            }
            span
        });
        let (from, to) = span.unwrap_or(default);
        self.set_effective(
            key,
            YamlValue::Text(format!("{}..{}", duration::format_exact(from), duration::format_exact(to))),
        );
        (from, to)
    }

    /// A whole number in a range.
    pub fn number(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let (least, most) = (*range.start(), *range.end());
        let Some(node) = self.take(key, ValueType::Integer(least, most)) else {
            return self.context.schema_only.then_some(least);
        };
        if let YamlValue::Integer(number) = node.data
            && let Some(number) = u32::try_from(number).ok().filter(|number| range.contains(number))
        {
            return Some(number);
        }
        self.type_error(key, node, &format!("a whole number from {least} to {most}"));
        None
    }

    /// A whole number in a range, with a default.
    pub fn number_or(&mut self, key: &'static str, range: RangeInclusive<u32>, default: u32) -> u32 {
        let absent = !self.has(key);
        let number = self.number(key, range).filter(|_| !absent).unwrap_or(default);
        self.set_effective(key, YamlValue::Integer(number.into()));
        number
    }

    pub fn bool(&mut self, key: &'static str) -> Option<bool> {
        let Some(node) = self.take(key, ValueType::Bool) else { return self.context.schema_only.then_some(false) };
        if let YamlValue::Bool(flag) = node.data {
            return Some(flag);
        }
        self.type_error(key, node, "true or false");
        None
    }

    /// `true` or `false`, with a default.
    pub fn bool_or(&mut self, key: &'static str, default: bool) -> bool {
        let absent = !self.has(key);
        let flag = self.bool(key).filter(|_| !absent).unwrap_or(default);
        self.set_effective(key, YamlValue::Bool(flag));
        flag
    }

    /// One of these words.
    pub fn variant<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let Some(node) = self.take(key, ValueType::OneOf(known.clone())) else {
            return words.first().filter(|_| self.context.schema_only).map(|(_, value)| *value);
        };
        let word = node.as_text().unwrap_or_default();
        if let Some((_, value)) = words.iter().find(|(known, _)| *known == word) {
            return Some(*value);
        }
        let near = suggest(word, known.iter().copied());
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        self.error(node.at, format!("`{key}` is {}, not {}{near}", known.join(" or "), node.data));
        None
    }

    /// One of these words, with a default.
    pub fn variant_or<T: Copy + PartialEq>(&mut self, key: &'static str, words: &[(&'static str, T)], default: T) -> T {
        let absent = !self.has(key);
        let value = self.variant(key, words).filter(|_| !absent).unwrap_or(default);
        if let Some((word, _)) = words.iter().find(|(_, known)| *known == value) {
            self.set_effective(key, YamlValue::Text((*word).to_owned()));
        }
        value
    }

    /// A list of these words.
    pub fn variants<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Vec<T> {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let shape = ValueType::AnyOf(vec![ValueType::OneOf(known.clone()), ValueType::List]);
        let mut values = Vec::new();
        for (at, word) in self.read_strings(key, shape) {
            if let Some((_, value)) = words.iter().find(|(known, _)| *known == word) {
                values.push(*value);
                continue;
            }
            let near = suggest(&word, known.iter().copied());
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            self.error(at, format!("`{key}` accepts {}, not {word:?}{near}", known.join(", ")));
        }
        values
    }

    /// The keys that were read so far, as a map of the file with effective values.
    pub(super) fn to_map(&self) -> YamlValue {
        to_map(&self.key_specs)
    }

    /// Ends the reading and returns the accepted keys. Any other key in the file is an error.
    pub fn finish(self) -> Vec<KeySpec> {
        let known_keys: Vec<_> = self.key_specs.iter().map(|asked| asked.key).collect();
        for (key, _) in self.entries {
            if known_keys.contains(&key.name.as_str()) {
                continue;
            }
            if let Some(new) = renamed(&key.name, known_keys.iter().copied()) {
                self.context.error(key.at, format!("`{}` is now `{new}`", key.name));
                continue;
            }
            let message = match suggest(&key.name, known_keys.iter().copied()) {
                Some(near) => format!("`{}` is not a key of {}; did you mean `{near}`?", key.name, self.description),
                None => {
                    format!("`{}` is not a key of {}; use one of {}", key.name, self.description, known_keys.join(", "))
                }
            };
            self.context.error(key.at, message);
        }
        self.key_specs
    }
}
