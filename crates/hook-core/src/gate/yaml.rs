//! YAML text as a tree in which every node knows its line, within limits: depth, and size after aliases are expanded.

use std::fmt;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::Diagnostic;

/// Deeper than any sensible gate file; the tree is walked by recursion.
const MAX_DEPTH: usize = 32;
/// Nodes in all. An alias counts as what it stands for, so that a few lines cannot become a billion.
const MAX_NODES: usize = 20_000;

/// A place in a file, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Position {
    /// The first character.
    pub const START: Self = Self { line: 1, column: 1 };

    fn from_marker(marker: Marker) -> Self {
        Self { line: marker.line().max(1), column: marker.col() + 1 }
    }
}

/// A node and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct YamlNode {
    /// Where.
    pub at: Position,
    /// What.
    pub data: YamlValue,
    /// A plain number or flag as it stands: where a text is meant, 007 and 1.10 are not 7 and 1.1.
    source: Option<String>,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum YamlValue {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<YamlNode>),
    /// A map, in the order of the file.
    Map(Vec<(MapKey, YamlNode)>),
}

/// A map's key and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapKey {
    /// Where.
    pub at: Position,
    /// The key.
    pub name: String,
}

impl fmt::Display for YamlValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("nothing"),
            Self::Bool(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(_) => f.write_str("a list"),
            Self::Map(_) => f.write_str("a map"),
        }
    }
}

impl YamlNode {
    /// One that no file has written.
    pub const fn new(at: Position, data: YamlValue) -> Self {
        Self { at, data, source: None }
    }

    /// The text, a number or a flag as it stands, where a text is meant.
    pub fn source_text(&self) -> Option<String> {
        match &self.data {
            YamlValue::Text(text) => Some(text.clone()),
            YamlValue::Bool(_) | YamlValue::Integer(_) | YamlValue::Float(_) => {
                Some(self.source.clone().unwrap_or_else(|| self.data.to_string()))
            }
            YamlValue::Null | YamlValue::List(_) | YamlValue::Map(_) => None,
        }
    }

    /// The value of a key, if this is a map that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match &self.data {
            YamlValue::Map(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The keys with their values, if this is a map.
    pub fn entries(&self) -> &[(MapKey, Self)] {
        if let YamlValue::Map(entries) = &self.data { entries } else { &[] }
    }

    /// The keys, if this is a map.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries().iter().map(|(key, _)| key.name.as_str())
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let YamlValue::Text(text) = &self.data { Some(text) } else { None }
    }

    /// The same, as if all of it stood at another place.
    pub fn at_position(mut self, at: Position) -> Self {
        self.at = at;
        self.data = match self.data {
            YamlValue::List(items) => YamlValue::List(items.into_iter().map(|item| item.at_position(at)).collect()),
            YamlValue::Map(entries) => {
                let moved = |(key, node): (MapKey, Self)| (MapKey { at, ..key }, node.at_position(at));
                YamlValue::Map(entries.into_iter().map(moved).collect())
            }
            other => other,
        };
        self
    }

    /// Sets keys of a map, in place of those that it has.
    pub fn override_keys(&mut self, changes: &[(MapKey, Self)]) {
        let YamlValue::Map(entries) = &mut self.data else { return };
        for (key, node) in changes {
            entries.retain(|(own, _)| own.name != key.name);
            entries.push((key.clone(), node.clone()));
        }
    }

    fn size(&self) -> usize {
        1 + match &self.data {
            YamlValue::List(items) => items.iter().map(Self::size).sum(),
            YamlValue::Map(entries) => entries.iter().map(|(_, node)| node.size()).sum::<usize>(),
            _ => 0,
        }
    }
}

/// Parses one document.
///
/// # Errors
/// The first fault: after a fault of syntax the rest of a file means nothing.
pub fn parse(text: &str) -> Result<YamlNode, Diagnostic> {
    let mut builder = TreeBuilder { parser: Parser::new_from_str(text), anchors: Vec::new(), nodes: 0 };
    let node = loop {
        match builder.next()? {
            (Event::StreamEnd, at) => break YamlNode::new(at, YamlValue::Null),
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            (event, at) => break builder.node(event, at, 0)?,
        }
    };
    loop {
        match builder.next()? {
            (Event::StreamEnd, _) => return Ok(node),
            (Event::DocumentStart(_), at) => {
                return Err(diagnostic(at, "a gate file is one document; this begins a second"));
            }
            _ => {}
        }
    }
}

struct TreeBuilder<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: Vec<(usize, YamlNode)>,
    nodes: usize,
}

fn diagnostic(at: Position, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(at, message)
}

impl<'a> TreeBuilder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Position), Diagnostic> {
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, Position::from_marker(span.start))),
            Some(Err(error)) => {
                Err(diagnostic(Position::from_marker(*error.marker()), format!("not YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Position::START)),
        }
    }

    fn node(&mut self, event: Event<'a>, at: Position, depth: usize) -> Result<YamlNode, Diagnostic> {
        if depth > MAX_DEPTH {
            return Err(diagnostic(at, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.count(1, at)?;
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let data = parse_scalar(&text, style);
                let source = (!matches!(data, YamlValue::Text(_))).then(|| text.into_owned());
                (YamlNode { at, data, source }, anchor)
            }
            Event::SequenceStart(anchor, _) => (YamlNode::new(at, YamlValue::List(self.list(depth)?)), anchor),
            Event::MappingStart(anchor, _) => (YamlNode::new(at, YamlValue::Map(self.map(depth)?)), anchor),
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.iter().find(|(id, _)| *id == anchor).map(|(_, node)| node.clone()) else {
                    return Err(diagnostic(at, "this alias stands inside what it stands for"));
                };
                self.count(node.size(), at)?;
                return Ok(node);
            }
            _ => return Err(diagnostic(at, "not YAML: a value was expected here")),
        };
        if anchor != 0 {
            self.anchors.push((anchor, node.clone()));
        }
        Ok(node)
    }

    fn count(&mut self, nodes: usize, at: Position) -> Result<(), Diagnostic> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES { Err(diagnostic(at, format!("more than {MAX_NODES} values"))) } else { Ok(()) }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<YamlNode>, Diagnostic> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (Event::StreamEnd, at) => return Err(diagnostic(at, "not YAML: the list does not end")),
                (event, at) => items.push(self.node(event, at, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(MapKey, YamlNode)>, Diagnostic> {
        let mut entries: Vec<(MapKey, YamlNode)> = Vec::new();
        loop {
            let (name, at) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(text, ..), at) => (text.into_owned(), at),
                (_, at) => return Err(diagnostic(at, "a key has to be a plain word")),
            };
            if entries.iter().any(|(key, _)| key.name == name) {
                return Err(diagnostic(at, format!("the key {name:?} stands here a second time")));
            }
            let (event, value_at) = self.next()?;
            let node = self.node(event, value_at, depth + 1)?;
            entries.push((MapKey { at, name }, node));
        }
    }
}

/// YAML's core schema, for plain scalars only: what is quoted is text.
pub(super) fn parse_scalar(text: &str, style: ScalarStyle) -> YamlValue {
    if style != ScalarStyle::Plain {
        return YamlValue::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return YamlValue::Null,
        "true" | "True" | "TRUE" => return YamlValue::Bool(true),
        "false" | "False" | "FALSE" => return YamlValue::Bool(false),
        _ => {}
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+' || c == '.');
    if let (true, Ok(value)) = (numeric, text.parse()) {
        YamlValue::Integer(value)
    } else if let (true, Ok(value)) = (numeric, text.parse()) {
        YamlValue::Float(value)
    } else {
        YamlValue::Text(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_knows_its_places_and_its_types() {
        let node = parse("a: 1\nb:\n  - 'x'\n  - 2.5\n  - yes\n").unwrap();
        let b = node.get("b").unwrap();
        let YamlValue::List(items) = &b.data else { panic!("{b:?}") };
        assert_eq!(items[0], YamlNode::new(Position { line: 3, column: 5 }, YamlValue::Text("x".into())));
        assert_eq!(items[1].data, YamlValue::Float(2.5));
        assert_eq!(items[2].data, YamlValue::Text("yes".into()));
    }

    #[test]
    fn aliases_work_and_cannot_explode() {
        let node = parse("a: &x { b: 1 }\nc: *x\n").unwrap();
        assert_eq!(node.get("c").and_then(|node| node.get("b")).map(|node| &node.data), Some(&YamlValue::Integer(1)));
        let mut bomb = "a0: &a0 [1,2,3,4,5,6,7,8,9]\n".to_owned();
        for level in 1..12 {
            let below = level - 1;
            bomb += &format!("a{level}: &a{level} [*a{below},*a{below},*a{below},*a{below},*a{below},*a{below}]\n");
        }
        assert!(parse(&bomb).unwrap_err().message.contains("more than"), "a bomb of aliases has to be refused");
    }

    #[test]
    fn depth_is_limited() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert!(parse(&deep).is_err());
    }
}
