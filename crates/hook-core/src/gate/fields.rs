//! Reads the keys of one map, each once, and collects what is wrong with them: a key nobody asked for is a fault too.
//!
//! What was asked for is kept: its key, its shape, and the value that counts, be it the file's or a default. So the reader
//! of a kind of check is the only table of its keys there is; suggestions, `explain`, the canonical form and the JSON
//! Schema come from it. The schema's way is a sketch: a reading of nothing, in which every key answers something.

mod conditions;
mod nested;

use std::{collections::BTreeSet, ops::RangeInclusive, time::Duration};

pub(super) use self::conditions::line as conditions_line;
pub use super::asked::{Asked, Shape, written_map};
use super::{
    Fact, Fault, Scope, Subject, Template, length, suggest, timing,
    yaml::{Data, Key, Node, Place},
};

/// What goes along while a file is read: its faults, and what its top says about the rest.
#[derive(Debug, Default)]
pub struct Reading {
    /// What is wrong, in the order in which it was found.
    pub(super) faults: Vec<Fault>,
    /// What is probably not meant, and can be used all the same.
    pub(super) warnings: Vec<Fault>,
    /// Secrets, defaults, captures.
    pub(super) scope: Scope,
    /// Nothing is read: every key is asked for, and answers something.
    pub(super) sketch: bool,
}

impl Reading {
    /// A name that later steps of the same check may use.
    pub fn capture(&mut self, name: &str) {
        self.scope.captures.push(name.to_owned());
    }

    /// The check with its steps is over.
    pub fn forget_captures(&mut self) {
        self.scope.captures.clear();
    }

    /// Reports a fault.
    pub fn fault(&mut self, at: Place, message: impl Into<String>) {
        self.faults.push(Fault::new(at, message));
    }

    /// Reports what is probably not meant.
    pub fn warn(&mut self, at: Place, message: impl Into<String>) {
        self.warnings.push(Fault::new(at, message));
    }
}

/// A map that is being read.
pub struct Fields<'a> {
    what: String,
    at: Place,
    entries: &'a [(Key, Node)],
    asked: Vec<Asked>,
    facts: BTreeSet<Fact>,
    /// Subjects beside those of the kind; with a hint where they are not to be had.
    more: (&'static [Subject], Option<&'static str>),
    reading: &'a mut Reading,
}

impl<'a> Fields<'a> {
    /// Begins to read `node`, which has to be a map. An empty value counts as an empty map.
    pub fn of(node: &'a Node, what: &str, reading: &'a mut Reading) -> Option<Self> {
        let entries: &[(Key, Node)] = match &node.data {
            Data::Map(entries) => entries,
            Data::Null => &[],
            other => {
                reading.fault(node.at, format!("{what} is a map of keys, not {other}"));
                return None;
            }
        };
        let (asked, facts) = (Vec::new(), BTreeSet::new());
        Some(Self { what: what.to_owned(), at: node.at, entries, asked, facts, more: (&[], None), reading })
    }

    /// Where the map begins.
    pub fn at(&self) -> Place {
        self.at
    }

    /// Reports a fault.
    pub fn fault(&mut self, at: Place, message: impl Into<String>) {
        self.reading.fault(at, message);
    }

    /// Reports what is probably not meant, and can be used all the same.
    pub fn warn(&mut self, at: Place, message: impl Into<String>) {
        self.reading.warn(at, message);
    }

    /// Reports that a hook would be left without a check.
    pub(super) fn empty(&mut self, at: Place, message: &str) {
        self.reading.faults.push(Fault::empty(at, message));
    }

    /// Refuses a key that this version cannot execute: nothing in a valid file is without effect.
    pub fn not_supported(&mut self, key: &str) {
        let at = self.key_at(key);
        let message = format!("`{key}` is not supported yet: this version of the hooks cannot execute it; remove it");
        self.reading.faults.push(Fault::not_supported(at, message));
    }

    /// For a map inside this one that no other method reads.
    pub fn reading(&mut self) -> &mut Reading {
        self.reading
    }

    /// Secrets, captures and defaults of the file.
    pub fn scope(&self) -> &Scope {
        &self.reading.scope
    }

    /// Whether the file gives the key. Asks for nothing. A sketch gives every key, so that no way through is left out.
    pub fn has(&self, key: &str) -> bool {
        self.reading.sketch || self.entries.iter().any(|(own, _)| own.name == key)
    }

    /// Whether the file gives the key; never in a sketch. For what no schema and no suggestion is to name.
    pub fn gives(&self, key: &str) -> bool {
        self.entries.iter().any(|(own, _)| own.name == key)
    }

    /// The facts that its templates need.
    pub fn facts(&self) -> &BTreeSet<Fact> {
        &self.facts
    }

    /// Where a key's value stands, else where the map begins.
    pub fn place_of(&self, key: &str) -> Place {
        self.entries.iter().find(|(own, _)| own.name == key).map_or(self.at, |(_, node)| node.at)
    }

    /// Where a key stands, else where the map begins.
    fn key_at(&self, key: &str) -> Place {
        self.entries.iter().find(|(own, _)| own.name == key).map_or(self.at, |(own, _)| own.at)
    }

    /// A key's value, as it stands. Prefer a method that knows what it should look like.
    pub fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.ask(key, Shape::Any)
    }

    /// The same, for what has a shape of its own.
    pub(super) fn node_as(&mut self, key: &'static str, shape: Shape) -> Option<&'a Node> {
        self.ask(key, shape)
    }

    /// Further subjects for the conditions, and what to say where they are named and not to be had.
    pub fn also(&mut self, subjects: &'static [Subject], hint: &'static str, to_be_had: bool) {
        self.more = (subjects, (!to_be_had).then_some(hint));
    }

    fn ask(&mut self, key: &'static str, shape: Shape) -> Option<&'a Node> {
        let node = self.entries.iter().find(|(own, _)| own.name == key).map(|(_, node)| node);
        if !self.asked.iter().any(|asked| asked.key == key) {
            let value = node.map_or(Data::Null, |node| node.data.clone());
            self.asked.push(Asked { key, shape, value });
        }
        node
    }

    /// The value that counts for a key.
    fn counts(&mut self, key: &str, value: Data) {
        if let Some(asked) = self.asked.iter_mut().find(|asked| asked.key == key) {
            asked.value = value;
        }
    }

    /// Another key says what this one would, so that it is not written beside it.
    pub fn said_elsewhere(&mut self, key: &str) {
        self.counts(key, Data::Null);
    }

    fn wrong(&mut self, key: &str, node: &Node, wanted: &str) {
        self.fault(node.at, format!("`{key}` is {wanted}, not {}", node.data));
    }

    /// A string.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        self.one(key, Shape::Text)
    }

    fn one(&mut self, key: &'static str, shape: Shape) -> Option<String> {
        let Some(node) = self.ask(key, shape) else { return self.reading.sketch.then(String::new) };
        let text = node.as_written().filter(|_| matches!(node.data, Data::Text(_) | Data::Integer(_)));
        match &text {
            Some(text) => self.counts(key, Data::Text(text.clone())),
            None => self.wrong(key, node, "a text"),
        }
        text
    }

    /// A string with facts in it.
    pub fn template(&mut self, key: &'static str) -> Option<Template> {
        let at = self.place_of(key);
        let text = self.one(key, Shape::Template)?;
        self.template_of(at, &text)
    }

    /// Any string of this map as a template, such as one deep inside a body.
    pub fn template_of(&mut self, at: Place, text: &str) -> Option<Template> {
        match Template::parse(text, &self.reading.scope) {
            Ok(template) => {
                self.uses(at, template.facts());
                Some(template)
            }
            Err(why) => {
                self.fault(at, why);
                None
            }
        }
    }

    /// Facts that are used here. One that has no value yet at this hook is a fault, and is told once for each text.
    fn uses<'f>(&mut self, at: Place, facts: impl Iterator<Item = &'f Fact>) {
        for fact in facts {
            if let Some(why) = self.reading.scope.hook.and_then(|hook| timing::fact_is_early(fact, hook)) {
                self.fault(at, why);
            }
            self.facts.insert(fact.clone());
        }
    }

    /// A map of names to texts with facts in them, such as headers.
    pub fn templates(&mut self, key: &'static str) -> Vec<(Key, Template)> {
        let names = self.names(key);
        names
            .into_iter()
            .filter_map(|(name, (at, text))| self.template_of(at, &text).map(|template| (name, template)))
            .collect()
    }

    /// A map of names of the author's to texts. A number is the text that stands there.
    pub fn names(&mut self, key: &'static str) -> Vec<(Key, (Place, String))> {
        let Some(node) = self.ask(key, Shape::Names) else { return Vec::new() };
        let Data::Map(entries) = &node.data else {
            self.wrong(key, node, "a map of names to texts");
            return Vec::new();
        };
        let (mut names, mut written) = (Vec::new(), Vec::new());
        for (name, value) in entries {
            let Some(text) = value.as_written() else {
                self.wrong(&name.name, value, "a text");
                continue;
            };
            written.push((name.clone(), Node::new(value.at, Data::Text(text.clone()))));
            names.push((name.clone(), (value.at, text)));
        }
        self.counts(key, Data::Map(written));
        names
    }

    /// One string or several.
    pub fn texts(&mut self, key: &'static str) -> Vec<(Place, String)> {
        self.several(key, Shape::Texts)
    }

    fn several(&mut self, key: &'static str, shape: Shape) -> Vec<(Place, String)> {
        let Some(node) = self.ask(key, shape) else { return Vec::new() };
        let items = if let Data::List(items) = &node.data { items.as_slice() } else { std::slice::from_ref(node) };
        let mut texts = Vec::new();
        for item in items {
            match &item.data {
                Data::Text(text) => texts.push((item.at, text.clone())),
                _ => self.wrong(key, item, "a text"),
            }
        }
        texts
    }

    /// A length of time such as `30s`.
    pub fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let Some(node) = self.ask(key, Shape::Duration) else { return self.reading.sketch.then_some(Duration::ZERO) };
        let duration = match &node.data {
            Data::Text(text) => match length::length(text) {
                Ok(duration) => Some(duration),
                Err(why) => {
                    self.fault(node.at, format!("`{key}` {why}"));
                    return None;
                }
            },
            Data::Integer(0) => Some(Duration::ZERO),
            _ => None,
        };
        match duration {
            Some(duration) if duration <= length::MOST => {
                self.counts(key, Data::Text(length::written(duration)));
                Some(duration)
            }
            Some(_) => {
                self.wrong(key, node, "a day at most");
                None
            }
            None => {
                self.wrong(key, node, "a length of time such as 500ms, 30s or 5m");
                None
            }
        }
    }

    /// A length of time, or this one.
    pub fn duration_or(&mut self, key: &'static str, default: Duration) -> Duration {
        match self.has(key).then(|| self.duration(key)) {
            Some(given) => given.unwrap_or(default),
            None => {
                self.ask(key, Shape::Duration);
                self.counts(key, Data::Text(length::written(default)));
                default
            }
        }
    }

    /// Two lengths of time, `200ms..2s`, or these.
    pub fn span_or(&mut self, key: &'static str, default: (Duration, Duration)) -> (Duration, Duration) {
        let node = self.ask(key, Shape::Span);
        let span = node.and_then(|node| {
            let ends = node.as_text().and_then(|text| text.split_once(".."));
            let span =
                ends.and_then(|(from, to)| Some((length::length(from.trim()).ok()?, length::length(to.trim()).ok()?)));
            let span = span.filter(|(from, to)| from <= to && *to <= length::MOST);
            if span.is_none() {
                self.wrong(key, node, "two lengths of time such as 200ms..2s");
            }
            span
        });
        let (from, to) = span.unwrap_or(default);
        self.counts(key, Data::Text(format!("{}..{}", length::written(from), length::written(to))));
        (from, to)
    }

    /// A whole number in a range.
    pub fn number(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let (least, most) = (*range.start(), *range.end());
        let Some(node) = self.ask(key, Shape::Number(least, most)) else {
            return self.reading.sketch.then_some(least);
        };
        if let Data::Integer(number) = node.data
            && let Some(number) = u32::try_from(number).ok().filter(|number| range.contains(number))
        {
            return Some(number);
        }
        self.wrong(key, node, &format!("a whole number from {least} to {most}"));
        None
    }

    /// A whole number in a range, or this one.
    pub fn number_or(&mut self, key: &'static str, range: RangeInclusive<u32>, default: u32) -> u32 {
        let absent = !self.has(key);
        let number = self.number(key, range).filter(|_| !absent).unwrap_or(default);
        self.counts(key, Data::Integer(number.into()));
        number
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        let Some(node) = self.ask(key, Shape::Flag) else { return self.reading.sketch.then_some(false) };
        if let Data::Bool(flag) = node.data {
            return Some(flag);
        }
        self.wrong(key, node, "true or false");
        None
    }

    /// `true` or `false`, or this.
    pub fn flag_or(&mut self, key: &'static str, default: bool) -> bool {
        let absent = !self.has(key);
        let flag = self.flag(key).filter(|_| !absent).unwrap_or(default);
        self.counts(key, Data::Bool(flag));
        flag
    }

    /// One of some words.
    pub fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let Some(node) = self.ask(key, Shape::Choice(known.clone())) else {
            return words.first().filter(|_| self.reading.sketch).map(|(_, value)| *value);
        };
        let word = node.as_text().unwrap_or_default();
        if let Some((_, value)) = words.iter().find(|(known, _)| *known == word) {
            return Some(*value);
        }
        let near = suggest(word, known.iter().copied());
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        self.fault(node.at, format!("`{key}` is {}, not {}{near}", known.join(" or "), node.data));
        None
    }

    /// One of some words, or this.
    pub fn choice_or<T: Copy + PartialEq>(&mut self, key: &'static str, words: &[(&'static str, T)], default: T) -> T {
        let absent = !self.has(key);
        let value = self.choice(key, words).filter(|_| !absent).unwrap_or(default);
        if let Some((word, _)) = words.iter().find(|(_, known)| *known == value) {
            self.counts(key, Data::Text((*word).to_owned()));
        }
        value
    }

    /// Several of some words.
    pub fn choices<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Vec<T> {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let shape = Shape::Either(vec![Shape::Choice(known.clone()), Shape::List]);
        let mut values = Vec::new();
        for (at, word) in self.several(key, shape) {
            if let Some((_, value)) = words.iter().find(|(known, _)| *known == word) {
                values.push(*value);
                continue;
            }
            let near = suggest(&word, known.iter().copied());
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            self.fault(at, format!("`{key}` knows {}, not {word:?}{near}", known.join(", ")));
        }
        values
    }

    /// What was asked for so far, as a map of the file, with the values that count.
    pub(super) fn written(&self) -> Data {
        written_map(&self.asked)
    }

    /// Ends the reading: a key that nobody asked for is a fault. Gives what was asked for.
    pub fn finish(self) -> Vec<Asked> {
        let asked: Vec<_> = self.asked.iter().map(|asked| asked.key).collect();
        for (key, _) in self.entries {
            if asked.contains(&key.name.as_str()) {
                continue;
            }
            let message = match suggest(&key.name, asked.iter().copied()) {
                Some(near) => format!("`{}` is not a key of {}; did you mean `{near}`?", key.name, self.what),
                None => format!("`{}` is not a key of {}; there are {}", key.name, self.what, asked.join(", ")),
            };
            self.reading.fault(key.at, message);
        }
        self.asked
    }
}
