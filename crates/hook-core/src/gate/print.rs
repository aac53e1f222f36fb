//! A gate as the file would write it, with every value that counts: built-in checks and defaults filled in. What is
//! printed means the same when it is read again.

use std::fmt::Write as _;

use saphyr_parser::ScalarStyle;

use super::{Data, Key, Node, yaml};

/// YAML text of a tree, in block style.
pub fn yaml(data: &Data) -> String {
    let mut out = String::new();
    match data {
        Data::Map(entries) if !entries.is_empty() => map(&mut out, entries, 0),
        other => {
            flow(&mut out, other);
            out.push('\n');
        }
    }
    out
}

/// On one line.
pub fn line(data: &Data) -> String {
    let mut out = String::new();
    flow(&mut out, data);
    out
}

fn map(out: &mut String, entries: &[(Key, Node)], depth: usize) {
    for (index, (key, node)) in entries.iter().enumerate() {
        // The first key of a list's item stands behind its dash.
        if index > 0 || !out.ends_with("- ") {
            out.push_str(&"  ".repeat(depth));
        }
        text(out, &key.name);
        out.push(':');
        match &node.data {
            Data::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                map(out, inner, depth + 1);
            }
            Data::List(items) if items.iter().any(is_map) => {
                out.push('\n');
                list(out, items, depth + 1);
            }
            other => {
                out.push(' ');
                flow(out, other);
                out.push('\n');
            }
        }
    }
}

fn list(out: &mut String, items: &[Node], depth: usize) {
    for item in items {
        out.push_str(&"  ".repeat(depth));
        out.push_str("- ");
        match &item.data {
            Data::Map(entries) if !entries.is_empty() => map(out, entries, depth + 1),
            other => {
                flow(out, other);
                out.push('\n');
            }
        }
    }
}

fn is_map(node: &Node) -> bool {
    matches!(&node.data, Data::Map(entries) if !entries.is_empty())
}

/// On one line.
fn flow(out: &mut String, data: &Data) {
    match data {
        Data::Null => out.push_str("null"),
        Data::Bool(flag) => {
            let _ = write!(out, "{flag}");
        }
        Data::Integer(number) => {
            let _ = write!(out, "{number}");
        }
        // With a point or an exponent, so that it stays what it is.
        Data::Float(number) => {
            let _ = write!(out, "{number:?}");
        }
        Data::Text(value) => text(out, value),
        Data::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                flow(out, &item.data);
            }
            out.push(']');
        }
        Data::Map(entries) => {
            out.push('{');
            for (index, (key, node)) in entries.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { " " });
                text(out, &key.name);
                out.push_str(": ");
                flow(out, &node.data);
            }
            out.push_str(if entries.is_empty() { "}" } else { " }" });
        }
    }
}

/// Plain where nobody could take it for anything else, else in quotation marks.
fn text(out: &mut String, text: &str) {
    if is_plain(text) {
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

fn is_plain(text: &str) -> bool {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '/';
    let any = |c: char| c.is_ascii_alphanumeric() || " _-./=<>!%()+*@".contains(c);
    text.starts_with(first)
        && text.chars().all(any)
        // A dash before a bracket or a comma is no text: `[0 -]`.
        && text.ends_with(|c: char| c.is_ascii_alphanumeric() || "_/%)*".contains(c))
        && matches!(yaml::scalar(text, ScalarStyle::Plain), Data::Text(_))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gate::Place;

    fn node(data: Data) -> Node {
        Node::new(Place::START, data)
    }

    /// Any tree, in which all places are the same.
    fn any_tree() -> impl Strategy<Value = Data> {
        let leaf = prop_oneof![
            Just(Data::Null),
            any::<bool>().prop_map(Data::Bool),
            any::<i64>().prop_map(Data::Integer),
            (-1e300..1e300).prop_map(Data::Float),
            ".{0,20}".prop_map(Data::Text),
            "[a-z0-9 :#,'\\[\\]{}=<>.-]{0,12}".prop_map(Data::Text),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone().prop_map(node), 0..5).prop_map(Data::List),
                proptest::collection::btree_map(".{0,6}", inner, 0..5).prop_map(|entries| {
                    let entry = |(name, data)| (Key { at: Place::START, name }, node(data));
                    Data::Map(entries.into_iter().map(entry).collect())
                }),
            ]
        })
    }

    fn placeless(data: Data) -> Data {
        let plain = |it: Node| node(placeless(it.data));
        match data {
            Data::List(items) => Data::List(items.into_iter().map(plain).collect()),
            Data::Map(entries) => {
                Data::Map(entries.into_iter().map(|(key, it)| (Key { at: Place::START, ..key }, plain(it))).collect())
            }
            other => other,
        }
    }

    #[test]
    fn texts_that_yaml_takes_for_something_else_are_quoted() {
        for text in ["0 -", "a: b", "- a", "yes #", "{x}", "", " a", "a ", "null", "1.0"] {
            let tree = Data::List(vec![node(Data::Text(text.to_owned()))]);
            assert_eq!(placeless(yaml::parse(&yaml(&tree)).unwrap().data), tree, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_the_same_tree(tree in any_tree()) {
            let text = yaml(&tree);
            let read = yaml::parse(&text).map_err(|fault| TestCaseError::fail(format!("{fault}\n{text}")))?;
            prop_assert_eq!(placeless(read.data), tree, "{}", text);
        }
    }
}
