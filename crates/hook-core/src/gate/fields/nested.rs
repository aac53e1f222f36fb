//! Maps and lists inside a map, and the conditions of a check.

use std::collections::BTreeSet;

use super::{Asked, Fields, Shape, written_map};
use crate::gate::{
    Condition, Subject, suggest,
    yaml::{Data, Key, Node},
};

impl Fields<'_> {
    /// A map inside this one, if it is there.
    pub fn map<T>(&mut self, key: &'static str, what: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Option<T> {
        if !self.has(key) {
            self.ask(key, Shape::Any);
            return None;
        }
        Some(self.map_or(key, what, read))
    }

    /// A map inside this one, all of whose keys have a default.
    pub fn map_or<T>(&mut self, key: &'static str, what: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> T {
        let empty = Node::new(self.at, Data::Null);
        let node = self.ask(key, Shape::Any).unwrap_or(&empty);
        let (value, keys) = self.inner(node, what, read);
        if let Some(asked) = self.asked.iter_mut().find(|asked| asked.key == key) {
            asked.value = written_map(&keys);
            asked.shape = Shape::Map(keys);
        }
        value
    }

    /// A list of maps, if it is there.
    pub fn items<T>(&mut self, key: &'static str, what: &str, read: impl Fn(&mut Fields<'_>) -> T) -> Vec<T> {
        let node = self.ask(key, Shape::Items(Vec::new()));
        let sketch = [Node::new(self.at, Data::Null)];
        let items: &[Node] = match node.map(|node| (node, &node.data)) {
            Some((_, Data::List(items))) => items,
            Some((node, _)) => {
                self.wrong(key, node, "a list");
                &[]
            }
            None if self.reading.sketch => &sketch,
            None => return Vec::new(),
        };
        let (mut values, mut written, mut shape) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            let (value, keys) = self.inner(item, what, &read);
            values.push(value);
            written.push(Node::new(item.at, written_map(&keys)));
            shape = keys;
        }
        if let Some(asked) = self.asked.iter_mut().find(|asked| asked.key == key) {
            (asked.value, asked.shape) = (Data::List(written), Shape::Items(shape));
        }
        values
    }

    /// Reads a map inside this one. What is no map is a fault, and is read as an empty one.
    fn inner<T>(&mut self, node: &Node, what: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> (T, Vec<Asked>) {
        let entries: &[(Key, Node)] = match &node.data {
            Data::Map(entries) => entries,
            Data::Null => &[],
            other => {
                self.fault(node.at, format!("{what} is a map of keys, not {other}"));
                &[]
            }
        };
        let mut inner = Fields {
            what: what.to_owned(),
            at: node.at,
            entries,
            asked: Vec::new(),
            facts: BTreeSet::new(),
            more: (&[], None),
            reading: self.reading,
        };
        let value = read(&mut inner);
        self.facts.append(&mut inner.facts);
        (value, inner.finish())
    }

    /// The conditions of `expect`, over a kind's subjects.
    pub fn expect(&mut self, subjects: &'static [Subject]) -> Vec<Condition> {
        self.conditions("expect", subjects)
    }

    /// The conditions of any key.
    pub fn conditions(&mut self, key: &'static str, subjects: &'static [Subject]) -> Vec<Condition> {
        let mut conditions: Vec<Condition> = Vec::new();
        for (at, text) in self.several(key, Shape::Conditions(subjects)) {
            // YAML has split it: `[status in 200, 204]` is a list of two.
            if let Some(before) = conditions.last().filter(|before| before.is_list() && !text.trim().contains(' ')) {
                let whole = format!("\"{before}, {}\"", text.trim());
                self.fault(
                    at,
                    format!("`{text}` is no condition; one with a comma needs quotation marks here: {whole}"),
                );
                continue;
            }
            let (more, hint) = if key == "expect" { self.more } else { (&[][..], None) };
            let known = if hint.is_none() { more } else { &[] };
            match Condition::parse_in(&text, &[subjects, known], &self.reading.scope) {
                Err(_) if hint.is_some() && Condition::parse_in(&text, &[more], &self.reading.scope).is_ok() => {
                    let subject = text.split_whitespace().next().unwrap_or_default();
                    self.fault(at, format!("`{subject}` {}", hint.unwrap_or_default()));
                }
                Ok(condition) => {
                    self.uses(at, condition.facts());
                    conditions.push(condition);
                }
                Err(message) => self.fault(at, message),
            }
        }
        conditions
    }

    /// Like [`Self::expect`], for a kind that has nothing to say without a condition.
    pub fn expect_some(&mut self, subjects: &'static [Subject]) -> Vec<Condition> {
        let faults = self.reading.faults.len();
        let conditions = self.expect(subjects);
        // Who misspelt the key is told that, and no more.
        let misspelt = |name: &str| name != "expect" && suggest(name, ["expect"]).is_some();
        let misspelt = self.entries.iter().any(|(key, _)| misspelt(&key.name));
        if conditions.is_empty() && self.reading.faults.len() == faults && !misspelt {
            let example = subjects.first().map_or("", |subject| subject.name);
            self.fault(
                self.at,
                format!("this check expects nothing; add `expect`, with conditions on {example} and the like"),
            );
        }
        conditions
    }
}
