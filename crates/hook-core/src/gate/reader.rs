//! Reads the keys of one map, each once, and collects what is wrong with them: a key nobody asked for is a fault too.
//!
//! What was asked for is kept: its key, its shape, and the value that counts, be it the file's or a default. So the reader
//! of a kind of check is the only table of its keys there is; suggestions, `explain`, the canonical form and the JSON
//! Schema come from it. The schema's way is a sketch: a reading of nothing, in which every key answers something.

mod conditions;
mod nested;

use std::{collections::BTreeSet, ops::RangeInclusive, time::Duration};

pub(super) use self::conditions::to_line as conditions_line;
pub use super::key_spec::{KeySpec, ValueType, to_map};
use super::{
    Diagnostic, Fact, Scope, Subject, Template, duration, renamed, suggest, timing,
    yaml::{MapKey, Position, YamlNode, YamlValue},
};

/// What goes along while a file is read: its faults, and what its top says about the rest.
#[derive(Debug, Default)]
pub struct ReadContext {
    /// What is wrong, in the order in which it was found.
    pub(super) errors: Vec<Diagnostic>,
    /// What is probably not meant, and can be used all the same.
    pub(super) warnings: Vec<Diagnostic>,
    /// Secrets, defaults, captures.
    pub(super) scope: Scope,
    /// Nothing is read: every key is asked for, and answers something.
    pub(super) schema_only: bool,
}

impl ReadContext {
    /// A name that later steps of the same check may use.
    pub fn capture(&mut self, name: &str) {
        self.scope.captures.push(name.to_owned());
    }

    /// The check with its steps is over.
    pub fn clear_captures(&mut self) {
        self.scope.captures.clear();
    }

    /// Reports a fault.
    pub fn error(&mut self, at: Position, message: impl Into<String>) {
        self.errors.push(Diagnostic::new(at, message));
    }

    /// Reports what is probably not meant.
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
    /// Subjects beside those of the kind; with a hint where they are not to be had.
    extra_subjects: (&'static [Subject], Option<&'static str>),
    context: &'a mut ReadContext,
}

impl<'a> MapReader<'a> {
    /// Begins to read `node`, which has to be a map. An empty value counts as an empty map.
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

    /// Where the map begins.
    pub fn at(&self) -> Position {
        self.at
    }

    /// Reports a fault.
    pub fn error(&mut self, at: Position, message: impl Into<String>) {
        self.context.error(at, message);
    }

    /// Reports what is probably not meant, and can be used all the same.
    pub fn warn(&mut self, at: Position, message: impl Into<String>) {
        self.context.warn(at, message);
    }

    /// Reports that a hook would be left without a check.
    pub(super) fn error_gate_empty(&mut self, at: Position, message: &str) {
        self.context.errors.push(Diagnostic::gate_empty(at, message));
    }

    /// Refuses a key that this version cannot execute: nothing in a valid file is without effect.
    pub fn error_not_supported(&mut self, key: &str) {
        let at = self.key_position(key);
        let message = format!("`{key}` is not supported yet: this version of the hooks cannot execute it; remove it");
        self.context.errors.push(Diagnostic::not_supported(at, message));
    }

    /// For a map inside this one that no other method reads.
    pub fn context(&mut self) -> &mut ReadContext {
        self.context
    }

    /// Secrets, captures and defaults of the file.
    pub fn scope(&self) -> &Scope {
        &self.context.scope
    }

    /// Whether the file gives the key. Asks for nothing. A sketch gives every key, so that no way through is left out.
    pub fn has(&self, key: &str) -> bool {
        self.context.schema_only || self.entries.iter().any(|(own, _)| own.name == key)
    }

    /// Whether the file gives the key; never in a sketch. For what no schema and no suggestion is to name.
    pub fn is_in_file(&self, key: &str) -> bool {
        self.entries.iter().any(|(own, _)| own.name == key)
    }

    /// The facts that its templates need.
    pub fn facts(&self) -> &BTreeSet<Fact> {
        &self.facts
    }

    /// Where a key's value stands, else where the map begins.
    pub fn position_of(&self, key: &str) -> Position {
        self.entries.iter().find(|(own, _)| own.name == key).map_or(self.at, |(_, node)| node.at)
    }

    /// Where a key stands, else where the map begins.
    fn key_position(&self, key: &str) -> Position {
        self.entries.iter().find(|(own, _)| own.name == key).map_or(self.at, |(own, _)| own.at)
    }

    /// A key's value, as it stands. Prefer a method that knows what it should look like.
    pub fn node(&mut self, key: &'static str) -> Option<&'a YamlNode> {
        self.take(key, ValueType::Any)
    }

    /// The same, for what has a shape of its own.
    pub(super) fn node_with_type(&mut self, key: &'static str, shape: ValueType) -> Option<&'a YamlNode> {
        self.take(key, shape)
    }

    /// Further subjects for the conditions, and what to say where they are named and not to be had.
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

    /// The value that counts for a key.
    fn set_effective(&mut self, key: &str, value: YamlValue) {
        if let Some(asked) = self.key_specs.iter_mut().find(|asked| asked.key == key) {
            asked.value = value;
        }
    }

    /// Another key says what this one would, so that it is not written beside it.
    pub fn mark_overridden(&mut self, key: &str) {
        self.set_effective(key, YamlValue::Null);
    }

    fn type_error(&mut self, key: &str, node: &YamlNode, expected: &str) {
        self.error(node.at, format!("`{key}` is {expected}, not {}", node.data));
    }

    /// A string.
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

    /// A string with facts in it.
    pub fn template(&mut self, key: &'static str) -> Option<Template> {
        let at = self.position_of(key);
        let text = self.read_string(key, ValueType::Template)?;
        self.parse_template(at, &text)
    }

    /// Any string of this map as a template, such as one deep inside a body.
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

    /// Facts that are used here. One that has no value yet at this hook is a fault, and is told once for each text.
    fn record_facts<'f>(&mut self, at: Position, facts: impl Iterator<Item = &'f Fact>) {
        for fact in facts {
            if let Some(why) = self.context.scope.hook.and_then(|hook| timing::why_fact_too_early(fact, hook)) {
                self.error(at, why);
            }
            self.facts.insert(fact.clone());
        }
    }

    /// A map of names to texts with facts in them, such as headers.
    pub fn template_map(&mut self, key: &'static str) -> Vec<(MapKey, Template)> {
        let names = self.string_map(key);
        names
            .into_iter()
            .filter_map(|(name, (at, text))| self.parse_template(at, &text).map(|template| (name, template)))
            .collect()
    }

    /// A map of names of the author's to texts. A number is the text that stands there.
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

    /// One string or several.
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

    /// A length of time such as `30s`.
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
                self.type_error(key, node, "a day at most");
                None
            }
            None => {
                self.type_error(key, node, "a length of time such as 500ms, 30s or 5m");
                None
            }
        }
    }

    /// A length of time, or this one.
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

    /// Two lengths of time, `200ms..2s`, or these.
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

    /// A whole number in a range, or this one.
    pub fn number_or(&mut self, key: &'static str, range: RangeInclusive<u32>, default: u32) -> u32 {
        let absent = !self.has(key);
        let number = self.number(key, range).filter(|_| !absent).unwrap_or(default);
        self.set_effective(key, YamlValue::Integer(number.into()));
        number
    }

    /// `true` or `false`.
    pub fn bool(&mut self, key: &'static str) -> Option<bool> {
        let Some(node) = self.take(key, ValueType::Bool) else { return self.context.schema_only.then_some(false) };
        if let YamlValue::Bool(flag) = node.data {
            return Some(flag);
        }
        self.type_error(key, node, "true or false");
        None
    }

    /// `true` or `false`, or this.
    pub fn bool_or(&mut self, key: &'static str, default: bool) -> bool {
        let absent = !self.has(key);
        let flag = self.bool(key).filter(|_| !absent).unwrap_or(default);
        self.set_effective(key, YamlValue::Bool(flag));
        flag
    }

    /// One of some words.
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

    /// One of some words, or this.
    pub fn variant_or<T: Copy + PartialEq>(&mut self, key: &'static str, words: &[(&'static str, T)], default: T) -> T {
        let absent = !self.has(key);
        let value = self.variant(key, words).filter(|_| !absent).unwrap_or(default);
        if let Some((word, _)) = words.iter().find(|(_, known)| *known == value) {
            self.set_effective(key, YamlValue::Text((*word).to_owned()));
        }
        value
    }

    /// Several of some words.
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
            self.error(at, format!("`{key}` knows {}, not {word:?}{near}", known.join(", ")));
        }
        values
    }

    /// What was asked for so far, as a map of the file, with the values that count.
    pub(super) fn to_map(&self) -> YamlValue {
        to_map(&self.key_specs)
    }

    /// Ends the reading: a key that nobody asked for is a fault. Gives what was asked for.
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
                    format!("`{}` is not a key of {}; there are {}", key.name, self.description, known_keys.join(", "))
                }
            };
            self.context.error(key.at, message);
        }
        self.key_specs
    }
}
