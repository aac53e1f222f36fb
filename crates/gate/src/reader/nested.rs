//! Reads maps and lists inside a map.

use std::collections::BTreeSet;

use super::{KeySpec, MapReader, ValueType, to_map};
use crate::{
    Message,
    yaml::{MapKey, YamlNode, YamlValue},
};

impl MapReader<'_> {
    /// A map inside this one, if the file has it.
    pub fn map<T>(&mut self, key: &'static str, what: &str, read: impl FnOnce(&mut MapReader<'_>) -> T) -> Option<T> {
        if !self.has(key) {
            self.take(key, ValueType::Any);
            return None;
        }
        Some(self.map_or(key, what, read))
    }

    /// A map inside this one, all of whose keys have a default.
    pub fn map_or<T>(&mut self, key: &'static str, what: &str, read: impl FnOnce(&mut MapReader<'_>) -> T) -> T {
        let empty = YamlNode::new(self.at, YamlValue::Null);
        let node = self.take(key, ValueType::Any).unwrap_or(&empty);
        let (value, keys) = self.read_nested(node, what, read);
        self.set_effective(key, || to_map(&keys));
        self.set_type(key, ValueType::Map(keys));
        value
    }

    /// A list of maps, if the file has it.
    pub fn items<T>(&mut self, key: &'static str, what: &str, read: impl Fn(&mut MapReader<'_>) -> T) -> Vec<T> {
        let node = self.take(key, ValueType::Maps(Vec::new()));
        let schema_item = [YamlNode::new(self.at, YamlValue::Null)];
        let items: &[YamlNode] = match node.map(|node| (node, &node.data)) {
            Some((_, YamlValue::List(items))) => items,
            Some((node, _)) => {
                self.type_error(key, node, "a list");
                &[]
            }
            None if self.context.is_schema() => &schema_item,
            None => return Vec::new(),
        };
        let (mut values, mut written, mut last_keys) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            let (value, keys) = self.read_nested(item, what, &read);
            values.push(value);
            written.push(YamlNode::new(item.at, to_map(&keys)));
            last_keys = keys;
        }
        self.set_effective(key, || YamlValue::List(written));
        self.set_type(key, ValueType::Maps(last_keys));
        values
    }

    /// Records the type of a key whose keys are now known.
    fn set_type(&mut self, key: &str, value_type: ValueType) {
        if let Some(spec) = self.key_specs.iter_mut().find(|spec| spec.key == key) {
            spec.value_type = value_type;
        }
    }

    /// Reads a map inside this one. Any other value is an error, and is then read as an empty map.
    fn read_nested<T>(
        &mut self,
        node: &YamlNode,
        what: &str,
        read: impl FnOnce(&mut MapReader<'_>) -> T,
    ) -> (T, Vec<KeySpec>) {
        let entries: &[(MapKey, YamlNode)] = match &node.data {
            YamlValue::Map(entries) => entries,
            YamlValue::Null => &[],
            other => {
                self.error(node.at, Message::wrong_value(what, "a map of keys", other));
                &[]
            }
        };
        let mut inner = MapReader {
            description: what.to_owned(),
            at: node.at,
            entries,
            key_specs: Vec::new(),
            facts: BTreeSet::new(),
            context: self.context,
        };
        let value = read(&mut inner);
        self.facts.append(&mut inner.facts);
        (value, inner.finish())
    }
}
