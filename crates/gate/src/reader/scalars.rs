//! Reads durations, numbers, flags and words.

use std::{ops::RangeInclusive, time::Duration};

use super::{MapReader, ValueType};
use crate::{Message, diagnostic::join_or, duration, suggest, time_limit, yaml::YamlValue};

impl MapReader<'_> {
    /// A duration such as `30s`.
    pub fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let Some(node) = self.take(key, ValueType::Duration) else {
            return self.context.is_schema().then_some(Duration::ZERO);
        };
        let duration = match &node.data {
            YamlValue::Text(text) => match duration::parse_duration(text) {
                Ok(duration) => Some(duration),
                Err(why) => {
                    self.error(node.at, why.map_text(|why| format!("`{key}` {why}")));
                    return None;
                }
            },
            YamlValue::Integer(0) => Some(Duration::ZERO),
            _ => None,
        };
        match duration {
            Some(duration) if duration <= duration::MAX => {
                self.set_effective(key, || YamlValue::Text(duration::format_exact(duration)));
                Some(duration)
            }
            Some(_) => {
                self.error(node.at, time_limit::too_long(key, &node.data));
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
                self.set_effective(key, || YamlValue::Text(duration::format_exact(default)));
                default
            }
        }
    }

    /// A duration, with a default, that is raised to `least` if it is shorter.
    pub fn duration_or_at_least(&mut self, key: &'static str, default: Duration, least: Duration) -> Duration {
        let duration = self.duration_or(key, default).max(least);
        self.set_effective(key, || YamlValue::Text(duration::format_exact(duration)));
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
        self.set_effective(key, || {
            YamlValue::Text(format!("{}..{}", duration::format_exact(from), duration::format_exact(to)))
        });
        (from, to)
    }

    /// A whole number in a range.
    pub fn number(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let (least, most) = (*range.start(), *range.end());
        let Some(node) = self.take(key, ValueType::Integer(least, most)) else {
            return self.context.is_schema().then_some(least);
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
        self.set_effective(key, || YamlValue::Integer(number.into()));
        number
    }

    pub fn bool(&mut self, key: &'static str) -> Option<bool> {
        let Some(node) = self.take(key, ValueType::Bool) else { return self.context.is_schema().then_some(false) };
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
        self.set_effective(key, || YamlValue::Bool(flag));
        flag
    }

    /// One of these words.
    pub fn variant<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let Some(node) = self.take(key, ValueType::OneOf(known.clone())) else {
            return words.first().filter(|_| self.context.is_schema()).map(|(_, value)| *value);
        };
        let word = node.as_text().unwrap_or_default();
        if let Some((_, value)) = words.iter().find(|(known, _)| *known == word) {
            return Some(*value);
        }
        let near = suggest(word, known.iter().copied());
        let why = Message::wrong_value(format_args!("`{key}`"), join_or(&known), &node.data);
        self.error(node.at, why.maybe_ask(near));
        None
    }

    /// One of these words, with a default.
    pub fn variant_or<T: Copy + PartialEq>(&mut self, key: &'static str, words: &[(&'static str, T)], default: T) -> T {
        let absent = !self.has(key);
        let value = self.variant(key, words).filter(|_| !absent).unwrap_or(default);
        if let Some((word, _)) = words.iter().find(|(_, known)| *known == value) {
            self.set_effective(key, || YamlValue::Text((*word).to_owned()));
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
            let why = format!("`{key}` accepts {}, not {word:?}", join_or(&known));
            self.error(at, Message::maybe_did_you_mean(why, near));
        }
        values
    }
}
