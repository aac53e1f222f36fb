//! Reads the keys of one map, each once, and collects what is wrong with them: a key nobody asked for is a fault too.

use std::time::Duration;

use super::{
    Condition, Fault,
    condition::Subject,
    suggest,
    yaml::{Data, Key, Node, Place},
};

/// A day: longer than Lambda, CodeDeploy's hour, and any mistake should wait.
const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

/// A map that is being read.
pub struct Fields<'a> {
    what: String,
    at: Place,
    entries: &'a [(Key, Node)],
    asked: Vec<&'static str>,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Fields<'a> {
    /// Begins to read `node`, which has to be a map. An empty value counts as an empty map.
    pub fn of(node: &'a Node, what: &str, faults: &'a mut Vec<Fault>) -> Option<Self> {
        let entries: &[(Key, Node)] = match &node.data {
            Data::Map(entries) => entries,
            Data::Null => &[],
            other => {
                faults.push(Fault { at: node.at, message: format!("{what} is a map of keys, not {other}") });
                return None;
            }
        };
        Some(Self { what: what.to_owned(), at: node.at, entries, asked: Vec::new(), faults })
    }

    /// Where the map begins.
    pub fn at(&self) -> Place {
        self.at
    }

    /// Reports a fault.
    pub fn fault(&mut self, at: Place, message: impl Into<String>) {
        self.faults.push(Fault { at, message: message.into() });
    }

    /// Where faults go, for a map inside this one.
    pub fn faults(&mut self) -> &mut Vec<Fault> {
        self.faults
    }

    /// A key's value, as it stands.
    pub fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        self.entries.iter().find(|(own, _)| own.name == key).map(|(_, node)| node)
    }

    fn wrong(&mut self, key: &str, node: &Node, wanted: &str) {
        self.fault(node.at, format!("`{key}` is {wanted}, not {}", node.data));
    }

    /// A list.
    pub fn list(&mut self, key: &'static str) -> Option<Vec<&'a Node>> {
        let node = self.node(key)?;
        if let Data::List(items) = &node.data {
            return Some(items.iter().collect());
        }
        self.wrong(key, node, "a list");
        None
    }

    /// A string.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        let node = self.node(key)?;
        match &node.data {
            Data::Text(text) => Some(text.clone()),
            Data::Integer(number) => Some(number.to_string()),
            _ => {
                self.wrong(key, node, "a text");
                None
            }
        }
    }

    /// One string or several.
    pub fn texts(&mut self, key: &'static str) -> Vec<(Place, String)> {
        let Some(node) = self.node(key) else { return Vec::new() };
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
        let node = self.node(key)?;
        let duration = match &node.data {
            Data::Text(text) => humantime::parse_duration(text).ok(),
            Data::Integer(0) => Some(Duration::ZERO),
            _ => None,
        };
        match duration {
            Some(duration) if duration <= MAX_DURATION => duration.into(),
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

    /// A whole number from 1 to `most`.
    pub fn count(&mut self, key: &'static str, most: u32) -> Option<u32> {
        let node = self.node(key)?;
        if let Data::Integer(number) = node.data
            && let Some(number) = u32::try_from(number).ok().filter(|number| (1..=most).contains(number))
        {
            return Some(number);
        }
        self.wrong(key, node, &format!("a whole number from 1 to {most}"));
        None
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        if let Data::Bool(flag) = node.data {
            return Some(flag);
        }
        self.wrong(key, node, "true or false");
        None
    }

    /// One of some words.
    pub fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let node = self.node(key)?;
        let word = node.as_text().unwrap_or_default();
        if let Some((_, value)) = words.iter().find(|(known, _)| *known == word) {
            return Some(*value);
        }
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let near = suggest(word, known.iter().copied());
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        self.fault(node.at, format!("`{key}` is {}, not {}{near}", known.join(" or "), node.data));
        None
    }

    /// The conditions of `expect`, over a kind's subjects.
    pub fn expect(&mut self, subjects: &'static [Subject]) -> Vec<Condition> {
        let mut conditions = Vec::new();
        for (at, text) in self.texts("expect") {
            match Condition::parse(&text, subjects) {
                Ok(condition) => conditions.push(condition),
                Err(message) => self.fault(at, message),
            }
        }
        conditions
    }

    /// Like [`Self::expect`], for a kind that has nothing to say without a condition.
    pub fn expect_some(&mut self, subjects: &'static [Subject]) -> Vec<Condition> {
        let faults = self.faults.len();
        let conditions = self.expect(subjects);
        if conditions.is_empty() && self.faults.len() == faults {
            let example = subjects.first().map_or("", |subject| subject.name);
            self.fault(
                self.at,
                format!("this check expects nothing; add `expect`, with conditions on {example} and the like"),
            );
        }
        conditions
    }

    /// Ends the reading: a key that nobody asked for is a fault.
    pub fn finish(mut self) {
        let asked = std::mem::take(&mut self.asked);
        for (key, _) in self.entries {
            if asked.contains(&key.name.as_str()) {
                continue;
            }
            let message = match suggest(&key.name, asked.iter().copied()) {
                Some(near) => format!("`{}` is not a key of {}; did you mean `{near}`?", key.name, self.what),
                None => format!("`{}` is not a key of {}; there are {}", key.name, self.what, asked.join(", ")),
            };
            self.faults.push(Fault { at: key.at, message });
        }
    }
}
