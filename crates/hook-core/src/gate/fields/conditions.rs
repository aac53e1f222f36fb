//! Lists of conditions: `expect`, `when`.

use super::{Fields, Shape};
use crate::gate::{
    Condition, Place, Subject,
    condition::review,
    suggest,
    yaml::{Data, Key, Node},
};

/// The key of several conditions one of which has to be true.
const ANY: &str = "any";

impl Fields<'_> {
    /// The conditions of `expect`, over a kind's subjects.
    pub fn expect(&mut self, subjects: &'static [Subject]) -> Vec<Condition> {
        self.conditions("expect", subjects)
    }

    /// The conditions of any key: one, or a list.
    pub fn conditions(&mut self, key: &'static str, subjects: &'static [Subject]) -> Vec<Condition> {
        let Some(node) = self.ask(key, Shape::Conditions(subjects)) else { return Vec::new() };
        let items = if let Data::List(items) = &node.data { items.as_slice() } else { std::slice::from_ref(node) };
        let mut conditions: Vec<(Place, Condition)> = Vec::new();
        for item in items {
            let read = match &item.data {
                Data::Text(text) => {
                    let before = conditions.last().map(|(_, condition)| condition.clone());
                    self.condition(key, subjects, item.at, text, before.as_ref())
                }
                Data::Map(entries) => self.any(key, subjects, item, entries),
                _ => {
                    self.wrong(key, item, "a condition, or `any: [...]` with several");
                    None
                }
            };
            conditions.extend(read.map(|condition| (item.at, condition)));
        }
        let (places, conditions): (Vec<_>, Vec<_>) = conditions.into_iter().unzip();
        for (index, why) in review(&conditions) {
            self.fault(places.get(index).copied().unwrap_or(node.at), why);
        }
        conditions
    }

    /// `any: [...]`.
    fn any(
        &mut self,
        key: &str,
        subjects: &'static [Subject],
        node: &Node,
        entries: &[(Key, Node)],
    ) -> Option<Condition> {
        let items = match entries {
            [(word, list)] if word.name == ANY => match &list.data {
                Data::List(items) => items,
                _ => {
                    self.fault(list.at, format!("`{ANY}` is a list of conditions, not {}", list.data));
                    return None;
                }
            },
            [(word, _)]
                if suggest(&word.name, [ANY]).is_some() || ["or", "anyOf", "one_of"].contains(&word.name.as_str()) =>
            {
                self.fault(word.at, format!("`{}` is not a key of a condition; did you mean `{ANY}`?", word.name));
                return None;
            }
            _ => {
                let what = "a condition is a text, which needs quotation marks where it has a colon or braces, or a map with the only key `any`";
                self.fault(node.at, what);
                return None;
            }
        };
        if items.len() < 2 {
            self.fault(
                node.at,
                format!("`{ANY}` is for several conditions, of which one has to be true; this has {}", items.len()),
            );
            return None;
        }
        let mut all: Vec<Condition> = Vec::new();
        for item in items {
            let Data::Text(text) = &item.data else {
                self.fault(item.at, format!("`{ANY}` is a list of conditions, each of them a text, not {}", item.data));
                continue;
            };
            let before = all.last().cloned();
            all.extend(self.condition(key, subjects, item.at, text, before.as_ref()));
        }
        // Where one of them has a fault, the others do not say what the author meant.
        (all.len() == items.len()).then(|| Condition::any(all))
    }

    fn condition(
        &mut self,
        key: &str,
        subjects: &'static [Subject],
        at: Place,
        text: &str,
        before: Option<&Condition>,
    ) -> Option<Condition> {
        // YAML has split it: `[status in 200, 204]` is a list of two.
        if let Some(before) = before.filter(|before| before.is_list() && !text.trim().contains(' ')) {
            let whole = format!("\"{before}, {}\"", text.trim());
            self.fault(at, format!("`{text}` is no condition; one with a comma needs quotation marks here: {whole}"));
            return None;
        }
        let (more, hint) = if key == "expect" { self.more } else { (&[][..], None) };
        let known = if hint.is_none() { more } else { &[] };
        match Condition::parse_in(text, &[subjects, known], &self.reading.scope) {
            Err(_) if hint.is_some() && Condition::parse_in(text, &[more], &self.reading.scope).is_ok() => {
                let subject = text.split_whitespace().next().unwrap_or_default();
                self.fault(at, format!("`{subject}` {}", hint.unwrap_or_default()));
                None
            }
            Ok(condition) => {
                self.uses(at, condition.facts());
                Some(condition)
            }
            Err(message) => {
                self.fault(at, message);
                None
            }
        }
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

/// The conditions of a key as one line: `status == 200, one of [a, b]`.
pub(in crate::gate) fn line(data: &Data) -> Option<String> {
    let items = match data {
        Data::List(items) => items.as_slice(),
        Data::Text(text) => return Some(text.clone()),
        Data::Map(_) => return alternatives(data),
        _ => return None,
    };
    let one = |item: &Node| item.as_text().map(str::to_owned).or_else(|| alternatives(&item.data));
    let all: Vec<String> = items.iter().filter_map(one).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn alternatives(data: &Data) -> Option<String> {
    let Data::Map(entries) = data else { return None };
    let list = entries.iter().find(|(key, _)| key.name == ANY).map(|(_, list)| list)?;
    let Data::List(items) = &list.data else { return None };
    let texts: Vec<&str> = items.iter().filter_map(Node::as_text).collect();
    Some(format!("one of [{}]", texts.join(", ")))
}
