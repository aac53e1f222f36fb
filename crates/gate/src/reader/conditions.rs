//! Reads lists of conditions: `expect`, `when`.

use super::{MapReader, ValueType};
use crate::{
    Condition, Message, Position, Subject,
    condition::satisfiability::review,
    foreign_words::{KeyUse, meant_key},
    kinds::unsupported,
    suggest,
    yaml::{MapKey, YamlNode, YamlValue},
};

/// The key for several conditions, of which at least one must be true.
const ANY: &str = "any";

impl MapReader<'_> {
    /// The conditions of `expect`, on the subjects of a kind.
    pub fn expect(&mut self, subjects: &'static [Subject]) -> Vec<Condition> {
        self.conditions_with_positions("expect", subjects).1
    }

    /// The conditions of any key: one, or a list. The first list has their positions.
    pub(crate) fn conditions_with_positions(
        &mut self,
        key: &'static str,
        subjects: &'static [Subject],
    ) -> (Vec<Position>, Vec<Condition>) {
        let Some(node) = self.take(key, ValueType::Conditions(subjects)) else { return (Vec::new(), Vec::new()) };
        let items = if let YamlValue::List(items) = &node.data { items.as_slice() } else { std::slice::from_ref(node) };
        let mut conditions: Vec<(Position, Condition)> = Vec::new();
        for item in items {
            let read = match &item.data {
                YamlValue::Text(text) => {
                    let before = conditions.last().map(|(_, condition)| condition.clone());
                    self.parse_condition(key, subjects, item.at, text, before.as_ref())
                }
                YamlValue::Map(entries) => self.any_of(key, subjects, item, entries),
                _ => {
                    self.type_error(key, item, "a condition, or `any: [...]` with several conditions");
                    None
                }
            };
            conditions.extend(read.map(|condition| (item.at, condition)));
        }
        let (places, conditions): (Vec<_>, Vec<_>) = conditions.into_iter().unzip();
        for (index, why) in review(&conditions) {
            self.error(places.get(index).copied().unwrap_or(node.at), why);
        }
        (places, conditions)
    }

    /// Reads `any: [...]`.
    fn any_of(
        &mut self,
        key: &str,
        subjects: &'static [Subject],
        node: &YamlNode,
        entries: &[(MapKey, YamlNode)],
    ) -> Option<Condition> {
        let items = match entries {
            [(word, list)] if word.name == ANY => match &list.data {
                YamlValue::List(items) => items,
                _ => {
                    self.type_error(ANY, list, "a list of conditions");
                    return None;
                }
            },
            [(word, _)]
                if suggest(&word.name, [ANY]).is_some() || ["or", "anyOf", "one_of"].contains(&word.name.as_str()) =>
            {
                let why = format!("`{}` is not a key of a condition", word.name);
                self.error(word.at, Message::did_you_mean(why, ANY));
                return None;
            }
            _ => {
                let what = "a condition is a text, or a map with the only key `any`; a text with a colon or braces needs \
                            quotation marks";
                self.error(node.at, what);
                return None;
            }
        };
        if items.len() < 2 {
            self.error(
                node.at,
                format!("`{ANY}` needs several conditions, of which one must be true; this has {}", items.len()),
            );
            return None;
        }
        let mut all: Vec<Condition> = Vec::new();
        for item in items {
            let YamlValue::Text(text) = &item.data else {
                self.error(item.at, Message::wrong_value("a condition in `any`", "a text", &item.data));
                continue;
            };
            let before = all.last().cloned();
            all.extend(self.parse_condition(key, subjects, item.at, text, before.as_ref()));
        }
        // If one of them has an error, the others alone are not what the author meant.
        (all.len() == items.len()).then(|| Condition::any_of(all))
    }

    fn parse_condition(
        &mut self,
        key: &str,
        subjects: &'static [Subject],
        at: Position,
        text: &str,
        before: Option<&Condition>,
    ) -> Option<Condition> {
        // YAML splits at the comma: `[status in 200, 204]` is a list with two items.
        if let Some(before) = before.filter(|before| before.takes_list() && !text.trim().contains(' ')) {
            let whole = format!("\"{before}, {}\"", text.trim());
            self.error(
                at,
                format!("`{text}` is not a condition; a condition with a comma needs quotation marks here: {whole}"),
            );
            return None;
        }
        match Condition::parse_in(text, subjects, &self.context.scope) {
            Ok(condition) => {
                self.record_facts(at, condition.facts());
                Some(condition)
            }
            Err(message) => {
                match unsupported::subject_of(text).filter(|_| key == "expect") {
                    Some(subject) => self.error_not_supported(at, subject),
                    None => self.error(at, message),
                }
                None
            }
        }
    }

    /// Like [`Self::expect`], for a kind that checks nothing without a condition. `example` is a list with one.
    pub fn expect_required(&mut self, subjects: &'static [Subject], example: &str) -> Vec<Condition> {
        let errors_before = self.context.errors.len();
        let conditions = self.expect(subjects);
        // If the key is misspelt or from another tool, that error is reported and this one is not.
        let is_misspelt = |(key, node): &(MapKey, YamlNode)| {
            let foreign = KeyUse { name: &key.name, node, entries: self.entries };
            key.name != "expect"
                && (suggest(&key.name, ["expect"]).is_some() || meant_key(foreign, &["expect"]).is_some())
        };
        if conditions.is_empty()
            && self.context.errors.len() == errors_before
            && !unsupported::has_key(self)
            && !self.entries.iter().any(is_misspelt)
        {
            let line = format!("expect: {example}");
            let message = Message::from(format!("this check has no conditions; add for example `{line}`"));
            self.error(self.at, message.with_suggestion(line));
        }
        conditions
    }
}
