//! Writes a gate as a gate file with all effective values, including built-in checks and defaults. The written file has
//! the same meaning when it is read.

use std::fmt::Write as _;

use saphyr_parser::ScalarStyle;

use super::{MapKey, YamlNode, YamlValue, yaml};

/// A tree as YAML text in block style.
pub fn to_yaml(data: &YamlValue) -> String {
    let mut out = String::new();
    match data {
        YamlValue::Map(entries) if !entries.is_empty() => write_map(&mut out, entries, 0),
        other => {
            write_flow(&mut out, other);
            out.push('\n');
        }
    }
    out
}

/// A tree on one line.
pub fn to_flow_line(data: &YamlValue) -> String {
    let mut out = String::new();
    write_flow(&mut out, data);
    out
}

fn write_map(out: &mut String, entries: &[(MapKey, YamlNode)], depth: usize) {
    for (index, (key, node)) in entries.iter().enumerate() {
        // The first key of a list item follows the dash on the same line.
        if index > 0 || !out.ends_with("- ") {
            out.push_str(&"  ".repeat(depth));
        }
        write_string(out, &key.name);
        out.push(':');
        match &node.data {
            YamlValue::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                write_map(out, inner, depth + 1);
            }
            YamlValue::List(items) if items.iter().any(is_map) => {
                out.push('\n');
                write_list(out, items, depth + 1);
            }
            other => {
                out.push(' ');
                write_flow(out, other);
                out.push('\n');
            }
        }
    }
}

fn write_list(out: &mut String, items: &[YamlNode], depth: usize) {
    for item in items {
        out.push_str(&"  ".repeat(depth));
        out.push_str("- ");
        match &item.data {
            YamlValue::Map(entries) if !entries.is_empty() => write_map(out, entries, depth + 1),
            other => {
                write_flow(out, other);
                out.push('\n');
            }
        }
    }
}

fn is_map(node: &YamlNode) -> bool {
    matches!(&node.data, YamlValue::Map(entries) if !entries.is_empty())
}

/// Writes a tree on one line.
fn write_flow(out: &mut String, data: &YamlValue) {
    match data {
        YamlValue::Null => out.push_str("null"),
        YamlValue::Bool(flag) => {
            let _ = write!(out, "{flag}");
        }
        YamlValue::Integer(number) => {
            let _ = write!(out, "{number}");
        }
        // The text has a point or an exponent, so that it is read as a float.
        YamlValue::Float(number) => {
            let _ = write!(out, "{number:?}");
        }
        YamlValue::Text(value) => write_string(out, value),
        YamlValue::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_flow(out, &item.data);
            }
            out.push(']');
        }
        YamlValue::Map(entries) => {
            out.push('{');
            for (index, (key, node)) in entries.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { " " });
                write_string(out, &key.name);
                out.push_str(": ");
                write_flow(out, &node.data);
            }
            out.push_str(if entries.is_empty() { "}" } else { " }" });
        }
    }
}

/// Writes a plain scalar if it cannot be read as another type, otherwise a quoted one.
fn write_string(out: &mut String, text: &str) {
    if is_plain_scalar(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c if u32::from(c) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
}

fn is_plain_scalar(text: &str) -> bool {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '/';
    let any = |c: char| c.is_ascii_alphanumeric() || " _-./=<>!%()+*@".contains(c);
    text.starts_with(first)
        && text.chars().all(any)
        // A dash before a bracket or a comma is not a text: `[0 -]`.
        && text.ends_with(|c: char| c.is_ascii_alphanumeric() || "_/%)*".contains(c))
        && matches!(yaml::parse_scalar(text, ScalarStyle::Plain), YamlValue::Text(_))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Position;

    fn node(data: YamlValue) -> YamlNode {
        YamlNode::new(Position::START, data)
    }

    /// Any tree. All of its nodes have the same position.
    fn any_tree() -> impl Strategy<Value = YamlValue> {
        let leaf = prop_oneof![
            Just(YamlValue::Null),
            any::<bool>().prop_map(YamlValue::Bool),
            any::<i64>().prop_map(YamlValue::Integer),
            (-1e300..1e300).prop_map(YamlValue::Float),
            ".{0,20}".prop_map(YamlValue::Text),
            "[a-z0-9 :#,'\\[\\]{}=<>.-]{0,12}".prop_map(YamlValue::Text),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone().prop_map(node), 0..5).prop_map(YamlValue::List),
                proptest::collection::btree_map(".{0,6}", inner, 0..5).prop_map(|entries| {
                    let entry = |(name, data)| (MapKey { at: Position::START, name }, node(data));
                    YamlValue::Map(entries.into_iter().map(entry).collect())
                }),
            ]
        })
    }

    fn without_positions(data: YamlValue) -> YamlValue {
        let plain = |it: YamlNode| node(without_positions(it.data));
        match data {
            YamlValue::List(items) => YamlValue::List(items.into_iter().map(plain).collect()),
            YamlValue::Map(entries) => YamlValue::Map(
                entries.into_iter().map(|(key, it)| (MapKey { at: Position::START, ..key }, plain(it))).collect(),
            ),
            other => other,
        }
    }

    #[test]
    fn texts_that_yaml_takes_for_something_else_are_quoted() {
        for text in ["0 -", "a: b", "- a", "yes #", "{x}", "", " a", "a ", "null", "1.0"] {
            let tree = YamlValue::List(vec![node(YamlValue::Text(text.to_owned()))]);
            assert_eq!(without_positions(yaml::parse(&to_yaml(&tree)).unwrap().data), tree, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_the_same_tree(tree in any_tree()) {
            let text = to_yaml(&tree);
            let read = yaml::parse(&text).map_err(|fault| TestCaseError::fail(format!("{fault}\n{text}")))?;
            prop_assert_eq!(without_positions(read.data), tree, "{}", text);
        }
    }
}
