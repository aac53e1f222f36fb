//! Maps and lists inside a map.

use std::collections::BTreeSet;

use super::{Asked, Fields, Shape, written_map};
use crate::gate::yaml::{Data, Key, Node};

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
}
