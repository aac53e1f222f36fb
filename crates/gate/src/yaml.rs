//! Parses YAML into a tree in which every node has its position. Depth and size are limited, the size after aliases are
//! expanded.

use std::fmt;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::{Diagnostic, Message};

/// Deeper than any sensible gate file. The limit matters because the tree is walked by recursion.
const MAX_DEPTH: usize = 32;
/// The maximum number of nodes. An alias counts as the nodes that it expands to, so that a few lines cannot become a
/// billion nodes.
const MAX_NODES: usize = 20_000;

/// A position in a file, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
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

#[derive(Clone, Debug, PartialEq)]
pub struct YamlNode {
    pub at: Position,
    pub data: YamlValue,
    /// The source text of a plain number or flag. Where a text is expected, 007 and 1.10 are not 7 and 1.1.
    source: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum YamlValue {
    /// An empty value, or `null`.
    Null,
    Bool(bool),
    Integer(i64),
    /// Any other number.
    Float(f64),
    Text(String),
    List(Vec<YamlNode>),
    /// A map, in the order of the file.
    Map(Vec<(MapKey, YamlNode)>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapKey {
    pub at: Position,
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
    /// A node that does not come from a file.
    pub const fn new(at: Position, data: YamlValue) -> Self {
        Self { at, data, source: None }
    }

    /// A text, or the source text of a number or flag: for places where a text is expected.
    pub fn source_text(&self) -> Option<String> {
        match &self.data {
            YamlValue::Text(text) => Some(text.clone()),
            YamlValue::Bool(_) | YamlValue::Integer(_) | YamlValue::Float(_) => {
                Some(self.source.clone().unwrap_or_else(|| self.data.to_string()))
            }
            YamlValue::Null | YamlValue::List(_) | YamlValue::Map(_) => None,
        }
    }

    /// The value of a key, if this is a map with that key.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match &self.data {
            YamlValue::Map(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// Like [`Self::get`], for a file of AWS, in which a key can be in upper or lower case.
    pub fn get_ignoring_case(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|(key, _)| key.name.eq_ignore_ascii_case(name)).map(|(_, node)| node)
    }

    /// The keys with their values. Empty if this is not a map.
    pub fn entries(&self) -> &[(MapKey, Self)] {
        if let YamlValue::Map(entries) = &self.data { entries } else { &[] }
    }

    /// The keys. Empty if this is not a map.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries().iter().map(|(key, _)| key.name.as_str())
    }

    /// The text, if this is one.
    pub fn as_text(&self) -> Option<&str> {
        if let YamlValue::Text(text) = &self.data { Some(text) } else { None }
    }

    /// The same tree with all positions set to `at`.
    pub fn at_position(&self, at: Position) -> Self {
        let data = match &self.data {
            YamlValue::List(items) => YamlValue::List(items.iter().map(|item| item.at_position(at)).collect()),
            YamlValue::Map(entries) => {
                let moved =
                    |(key, node): &(MapKey, Self)| (MapKey { at, name: key.name.clone() }, node.at_position(at));
                YamlValue::Map(entries.iter().map(moved).collect())
            }
            other => other.clone(),
        };
        Self { at, data, source: self.source.clone() }
    }

    /// Sets keys of a map, and replaces existing ones.
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
/// The first error: after a syntax error the rest of the file has no meaning.
pub fn parse(text: &str) -> Result<YamlNode, Diagnostic> {
    parse_document(text).map_err(|error| Diagnostic { at: visible_position(text, error.at), ..error })
}

/// The position, or that of the last character before it if its line is empty, so that there is a line to show.
fn visible_position(text: &str, at: Position) -> Position {
    let lines: Vec<&str> = text.lines().take(at.line).collect();
    if lines.len() == at.line && lines.last().is_some_and(|line| !line.trim().is_empty()) {
        return at;
    }
    match lines.iter().rposition(|line| !line.trim().is_empty()) {
        Some(index) => Position { line: index + 1, column: lines[index].trim_end().chars().count() },
        None => at,
    }
}

fn parse_document(text: &str) -> Result<YamlNode, Diagnostic> {
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
                return Err(diagnostic(at, "a gate file is one document; this starts a second one"));
            }
            _ => {}
        }
    }
}

/// The texts of the YAML library, and ours, which say what to do.
const EXPLANATIONS: [(&str, &str); 22] = [
    ("while parsing a node, did not find expected node content", "a value is missing or incomplete here"),
    ("while parsing a flow sequence, expected ',' or ']'", "`,` or `]` is missing before this"),
    ("while parsing a flow mapping, did not find expected ',' or '}'", "`,` or `}` is missing before this"),
    ("while parsing a block mapping, did not find expected key", INDENTATION),
    ("while parsing a block collection, did not find expected '-' indicator", INDENTATION),
    ("did not find expected <document start>", INDENTATION),
    ("invalid indentation", INDENTATION),
    ("mapping values are not allowed in this context", COLON),
    ("illegal placement of ':' indicator", COLON),
    ("simple key expected", NO_COLON),
    ("simple key expect ':'", NO_COLON),
    ("block sequence entries are not allowed in this context", "a list with `-` starts on a line of its own"),
    ("while scanning a quoted scalar, found unexpected end of stream", "a quotation mark is not closed"),
    (
        "while parsing a quoted scalar, found unknown escape character",
        "in \"…\", write `\\\\` for a backslash, or use '…'",
    ),
    ("invalid trailing content after double-quoted scalar", "text follows a closing quotation mark"),
    ("while parsing node, found unknown anchor", "this alias names no anchor above it"),
    ("tabs disallowed within this context (block indentation)", TABS),
    ("tabs disallowed in this context", TABS),
    ("tab cannot be used as indentation", TABS),
    ("while scanning a plain scalar, found a tab", TABS),
    ("misplaced bracket", "this bracket closes nothing"),
    ("recursion limit exceeded", "nested too deeply"),
];
const INDENTATION: &str = "this line is not indented like the lines that it belongs to";
const COLON: &str = "a colon is not allowed here; put a text with a colon in quotation marks, close every bracket, or correct \
                     the indentation";
const NO_COLON: &str = "a key before this has no `:` after it";
const TABS: &str = "indent with spaces, not with tabs";

/// The message for an error of the YAML library. A text that is not known stays as it is.
pub fn explain(info: &str) -> String {
    let ours = EXPLANATIONS.iter().find(|(theirs, _)| *theirs == info).map_or(info, |(_, ours)| ours);
    format!("not YAML: {ours}")
}

struct TreeBuilder<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: Vec<(usize, YamlNode)>,
    nodes: usize,
}

fn diagnostic(at: Position, message: impl Into<Message>) -> Diagnostic {
    Diagnostic::new(at, message)
}

impl<'a> TreeBuilder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Position), Diagnostic> {
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, Position::from_marker(span.start))),
            Some(Err(error)) => Err(diagnostic(Position::from_marker(*error.marker()), explain(error.info()))),
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
                    return Err(diagnostic(at, "this alias is inside its own anchor"));
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
                (_, at) => return Err(diagnostic(at, "a key must be a plain word")),
            };
            if entries.iter().any(|(key, _)| key.name == name) {
                return Err(diagnostic(at, format!("duplicate key {name:?}")));
            }
            let (event, value_at) = self.next()?;
            let node = self.node(event, value_at, depth + 1)?;
            entries.push((MapKey { at, name }, node));
        }
    }
}

/// The core schema of YAML, for plain scalars only: a quoted scalar is text.
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
        assert!(
            parse(&bomb).unwrap_err().message.contains("more than"),
            "aliases that expand to too many nodes must be refused"
        );
    }

    #[test]
    fn errors_of_the_library_say_what_to_do() {
        let texts = [
            "a: [",
            "a: [1\nb: 2\n",
            "a: { b: 1\nc: 2\n",
            "a:\n\tb: 1\n",
            "a: 1\n b: 2\n",
            "a:\n    b: 1\n  c: 2\n",
            "a:\n  - 1\n  b: 2\n",
            "a: b: c\n",
            "a: 1\nb\nc: 2\n",
            "a: - 1\n",
            "a: 'b\n",
            "a: \"b\n",
            "a: \"\\d\"\n",
            "a: \"b\" c\n",
            "a: *b\n",
            "a: @b\n",
            "a: %b\n",
            "a: ]\n",
            "\n\n",
            &"[".repeat(300),
        ];
        let explained = |text: &str| match parse(text) {
            Ok(node) => format!("{:?}", node.data),
            Err(error) => error.to_string(),
        };
        let shown = |text: &&str| text.chars().take(20).collect::<String>();
        insta::assert_snapshot!(
            texts.iter().map(|text| format!("{:?} → {}", shown(text), explained(text))).collect::<Vec<_>>().join("\n")
        );
    }

    #[test]
    fn depth_is_limited() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert!(parse(&deep).is_err());
    }
}
