//! Reads texts, with and without facts.

use super::{MapReader, ValueType};
use crate::{
    Fact, Template, timing,
    yaml::{MapKey, Position, YamlNode, YamlValue},
};

impl MapReader<'_> {
    pub fn string(&mut self, key: &'static str) -> Option<String> {
        self.read_string(key, ValueType::String)
    }

    fn read_string(&mut self, key: &'static str, shape: ValueType) -> Option<String> {
        let Some(node) = self.take(key, shape) else { return self.context.is_schema().then(String::new) };
        let text = node.source_text().filter(|_| matches!(node.data, YamlValue::Text(_) | YamlValue::Integer(_)));
        match &text {
            Some(text) => self.set_effective(key, || YamlValue::Text(text.clone())),
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
    pub(super) fn record_facts<'f>(&mut self, at: Position, facts: impl Iterator<Item = &'f Fact>) {
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
        let mut names = Vec::new();
        for (name, value) in entries {
            let Some(text) = value.source_text() else {
                self.type_error(&name.name, value, "a text");
                continue;
            };
            names.push((name.clone(), (value.at, text)));
        }
        self.set_effective(key, || {
            let entry = |(name, (at, text)): &(MapKey, (Position, String))| {
                (name.clone(), YamlNode::new(*at, YamlValue::Text(text.clone())))
            };
            YamlValue::Map(names.iter().map(entry).collect())
        });
        names
    }

    /// One string, or several.
    pub fn strings(&mut self, key: &'static str) -> Vec<(Position, String)> {
        self.read_strings(key, ValueType::Strings)
    }

    pub(super) fn read_strings(&mut self, key: &'static str, shape: ValueType) -> Vec<(Position, String)> {
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
}
