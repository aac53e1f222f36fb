//! Parses YAML (and JSON, which is YAML) to a tree in which every value has its byte range, so that a part of a file
//! can be replaced without changing the rest.

use std::ops::Range;

use hook_core::gate_file::{Diagnostic, Message, Position, explain_yaml_error};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// The maximum depth: deeper than any sensible AppSpec file. A limit is needed because the tree is walked recursively.
const MAX_DEPTH: usize = 64;
/// The maximum number of values. An alias counts as the value to which it refers, so that a few lines cannot expand to
/// a billion values.
const MAX_NODES: usize = 20_000;

/// A value and its position.
#[derive(Clone, Debug)]
pub struct SpannedNode {
    /// The byte range. For a list or map in block style it is from the first value to the last. For an alias it is that
    /// of the alias itself.
    pub span: Range<usize>,
    /// The style in which it is written.
    pub style: NodeStyle,
    pub data: SpannedValue,
}

/// The style of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeStyle {
    /// Without quotes, or empty.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// Indented.
    Block,
    /// In brackets or braces.
    Flow,
    /// `*name`, which refers to a value elsewhere in the file.
    Alias,
}

/// The content of a value.
#[derive(Clone, Debug)]
pub enum SpannedValue {
    /// Empty, `~` or `null`.
    Null,
    /// A string, a number or a boolean, without its quotes.
    Scalar(String),
    /// The items of a list.
    List(Vec<SpannedNode>),
    /// The entries of a map, in the order of the file. A key can occur twice.
    Map(Vec<(SpannedNode, SpannedNode)>),
}

impl SpannedNode {
    /// The text, if the value is a scalar.
    pub fn text(&self) -> Option<&str> {
        if let SpannedValue::Scalar(text) = &self.data { Some(text) } else { None }
    }

    /// The entries; empty if the value is not a map.
    pub fn entries(&self) -> &[(Self, Self)] {
        if let SpannedValue::Map(entries) = &self.data { entries } else { &[] }
    }

    /// The items; empty if the value is not a list.
    pub fn items(&self) -> &[Self] {
        if let SpannedValue::List(items) = &self.data { items } else { &[] }
    }

    /// The first value of a key, if the value is a map with that key. CodeDeploy ignores the case of keys.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let is_it = |key: &Self| key.text().is_some_and(|text| text.eq_ignore_ascii_case(name));
        self.entries().iter().find(|(key, _)| is_it(key)).map(|(_, value)| value)
    }

    /// Whether two values mean the same, regardless of their positions and layout.
    pub fn semantically_eq(&self, other: &Self) -> bool {
        match (&self.data, &other.data) {
            (SpannedValue::Null, SpannedValue::Null) => true,
            (SpannedValue::Scalar(one), SpannedValue::Scalar(two)) => {
                one == two && (self.style == NodeStyle::Plain) == (other.style == NodeStyle::Plain)
            }
            (SpannedValue::List(one), SpannedValue::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.semantically_eq(two))
            }
            (SpannedValue::Map(one), SpannedValue::Map(two)) => {
                one.len() == two.len()
                    && one
                        .iter()
                        .zip(two)
                        .all(|(one, two)| one.0.semantically_eq(&two.0) && one.1.semantically_eq(&two.1))
            }
            _ => false,
        }
    }

    fn size(&self) -> usize {
        1 + match &self.data {
            SpannedValue::List(items) => items.iter().map(Self::size).sum(),
            SpannedValue::Map(entries) => entries.iter().map(|(key, value)| key.size() + value.size()).sum::<usize>(),
            SpannedValue::Null | SpannedValue::Scalar(_) => 0,
        }
    }
}

/// A parsed file.
#[derive(Debug)]
pub struct SpannedTree {
    /// The value of its only document.
    pub root: SpannedNode,
    /// The position of the end marker `...`, if there is one.
    pub end: Option<usize>,
}

/// The line and the column of byte `at`.
pub fn position(text: &str, at: usize) -> Position {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
    Position { line: before.matches('\n').count() + 1, column: line.chars().filter(|c| *c != BOM).count() + 1 }
}

/// The byte order mark with which some Windows editors begin a file. It is not part of the text.
const BOM: char = '\u{feff}';

/// Parses one document.
///
/// # Errors
/// The first syntax error. The rest of a file has no meaning after it.
pub fn parse(text: &str) -> Result<SpannedTree, Diagnostic> {
    // YAML does not allow tabs as indentation, but JSON does. Each tab becomes one space, so positions stay the same.
    let without_tabs;
    let read = if is_json(text) {
        without_tabs = tabs_as_spaces(text);
        &without_tabs
    } else {
        text
    };
    let skipped = if read.starts_with(BOM) { BOM.len_utf8() } else { 0 };
    let offsets = read.char_indices().skip(usize::from(skipped > 0)).map(|(at, _)| at).chain([read.len()]).collect();
    let parser = Parser::new_from_str(&read[skipped..]);
    let mut reader = TreeReader { text: read, offsets, parser, anchors: Vec::new(), nodes: 0 };
    let (mut root, mut end) = (None, None);
    loop {
        match reader.next()? {
            (Event::StreamEnd, at) => {
                let nothing = SpannedNode { span: at, style: NodeStyle::Plain, data: SpannedValue::Null };
                return Ok(SpannedTree { root: root.unwrap_or(nothing), end });
            }
            (Event::StreamStart | Event::Nothing, _) => {}
            (Event::DocumentStart(_), at) if root.is_some() => {
                return Err(reader.diagnostic(at.start, "an AppSpec file is one document; a second one begins here"));
            }
            (Event::DocumentStart(_), _) => {}
            (Event::DocumentEnd, at) => end = read[at.start..].starts_with("...").then_some(at.start),
            (event, at) => root = Some(reader.node(event, at, 0)?),
        }
    }
}

/// Whether a file is JSON, or YAML that looks like JSON.
pub fn is_json(text: &str) -> bool {
    text.trim_start_matches(BOM).trim_start().starts_with(['{', '['])
}

fn tabs_as_spaces(text: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let spaced = |c: char| {
        let was_in_string = in_string;
        if c == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = c == '\\' && was_in_string && !escaped;
        if c == '\t' && !was_in_string { ' ' } else { c }
    };
    text.chars().map(spaced).collect()
}

struct TreeReader<'a> {
    text: &'a str,
    /// The byte offset of each character of the text.
    offsets: Vec<usize>,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: Vec<(usize, SpannedNode)>,
    nodes: usize,
}

impl<'a> TreeReader<'a> {
    fn diagnostic(&self, at: usize, message: impl Into<Message>) -> Diagnostic {
        Diagnostic::new(position(self.text, at), message)
    }

    fn offset(&self, index: usize) -> usize {
        self.offsets.get(index).copied().unwrap_or(self.text.len())
    }

    fn bytes(&self, span: Span) -> Range<usize> {
        self.offset(span.start.index())..self.offset(span.end.index())
    }

    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), Diagnostic> {
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, self.bytes(span))),
            Some(Err(error)) => {
                Err(self.diagnostic(self.offset(error.marker().index()), explain_yaml_error(error.info())))
            }
            None => Ok((Event::StreamEnd, self.text.len()..self.text.len())),
        }
    }

    fn count(&mut self, nodes: usize, at: usize) -> Result<(), Diagnostic> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES { Err(self.diagnostic(at, format!("more than {MAX_NODES} values"))) } else { Ok(()) }
    }

    fn node(&mut self, event: Event<'a>, at: Range<usize>, depth: usize) -> Result<SpannedNode, Diagnostic> {
        if depth > MAX_DEPTH {
            return Err(self.diagnostic(at.start, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.count(1, at.start)?;
        let at = if matches!(event, Event::Alias(_)) { at } else { self.after_properties(at) };
        let is_flow = self.text[at.start..at.end].starts_with(['[', '{']);
        let style = if is_flow { NodeStyle::Flow } else { NodeStyle::Block };
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (self.scalar(&text, style, at), anchor),
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                let end = loop {
                    match self.next()? {
                        (Event::SequenceEnd, end) => break end,
                        (Event::StreamEnd, at) => {
                            return Err(self.diagnostic(at.start, "not YAML: the list does not end"));
                        }
                        (event, at) => items.push(self.node(event, at, depth + 1)?),
                    }
                };
                let last = items.last().map(|item: &SpannedNode| item.span.end);
                let span = self.collection(at, end, is_flow, last);
                (SpannedNode { span, style, data: SpannedValue::List(items) }, anchor)
            }
            Event::MappingStart(anchor, _) => {
                let mut entries = Vec::new();
                let end = loop {
                    let key = match self.next()? {
                        (Event::MappingEnd, end) => break end,
                        (Event::StreamEnd, at) => {
                            return Err(self.diagnostic(at.start, "not YAML: the map does not end"));
                        }
                        (event, at) => self.node(event, at, depth + 1)?,
                    };
                    let (event, at) = self.next()?;
                    entries.push((key, self.node(event, at, depth + 1)?));
                };
                let last =
                    entries.last().map(|(key, value): &(SpannedNode, SpannedNode)| key.span.end.max(value.span.end));
                let span = self.collection(at, end, is_flow, last);
                (SpannedNode { span, style, data: SpannedValue::Map(entries) }, anchor)
            }
            Event::Alias(anchor) => {
                let Some((_, node)) = self.anchors.iter().find(|(id, _)| *id == anchor) else {
                    return Err(self.diagnostic(at.start, "this alias is inside the value to which it refers"));
                };
                let node = SpannedNode { span: at, style: NodeStyle::Alias, data: node.data.clone() };
                self.count(node.size(), node.span.start)?;
                return Ok(node);
            }
            _ => return Err(self.diagnostic(at.start, "not YAML: a value was expected here")),
        };
        if anchor != 0 {
            self.anchors.push((anchor, node.clone()));
        }
        Ok(node)
    }

    /// Removes anchors and tags (`&name`, `!name`) from a range. The parser includes them in the range of the value
    /// after them.
    fn after_properties(&self, at: Range<usize>) -> Range<usize> {
        let mut rest = &self.text[at.clone()];
        while rest.starts_with(['&', '!']) {
            rest = rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
        }
        at.end - rest.len()..at.end
    }

    /// The range of a list or map. The parser includes text after the closing bracket.
    fn collection(&self, at: Range<usize>, end: Range<usize>, is_flow: bool, last: Option<usize>) -> Range<usize> {
        let end = if is_flow { end.start + 1 } else { last.unwrap_or(at.end) };
        at.start..at.start + self.text[at.start..end].trim_end().len()
    }

    fn scalar(&self, text: &str, style: ScalarStyle, at: Range<usize>) -> SpannedNode {
        let style = match style {
            ScalarStyle::Plain => NodeStyle::Plain,
            ScalarStyle::SingleQuoted => NodeStyle::Single,
            ScalarStyle::DoubleQuoted => NodeStyle::Double,
            ScalarStyle::Literal | ScalarStyle::Folded => NodeStyle::Block,
        };
        let is_null = style == NodeStyle::Plain && ["", "~", "null", "Null", "NULL"].contains(&text);
        let written = &self.text[at.clone()];
        let length = match style {
            NodeStyle::Single | NodeStyle::Double => quoted(written),
            _ => written.trim_end().len(),
        };
        let span = at.start..at.start + length;
        let data = if is_null { SpannedValue::Null } else { SpannedValue::Scalar(text.to_owned()) };
        SpannedNode { span, style, data }
    }
}

/// The length of a quoted string. The parser includes a comment after it.
fn quoted(written: &str) -> usize {
    let mut rest = written.char_indices().skip(1).peekable();
    let single = written.starts_with('\'');
    while let Some((at, c)) = rest.next() {
        match c {
            '\\' if !single => drop(rest.next()),
            // A doubled quote is an escaped one.
            '\'' if single && rest.peek().is_some_and(|(_, next)| *next == '\'') => drop(rest.next()),
            '\'' if single => return at + 1,
            '"' if !single => return at + 1,
            _ => {}
        }
    }
    written.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collects the source text of every scalar and every flow collection.
    fn written<'a>(text: &'a str, node: &SpannedNode, found: &mut Vec<&'a str>) {
        if node.style != NodeStyle::Block {
            found.push(&text[node.span.clone()]);
        }
        node.items().iter().for_each(|item| written(text, item, found));
        for (key, value) in node.entries() {
            written(text, key, found);
            written(text, value, found);
        }
    }

    fn all_values(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        written(text, &parse(text).unwrap().root, &mut found);
        found
    }

    #[test]
    fn values_know_their_bytes() {
        assert_eq!(all_values("a: b # c\n'd':   \"e f\"   \nh: ~\n"), ["a", "b", "'d'", "\"e f\"", "h", "~"]);
        assert_eq!(
            all_values("ü: ö\r\nä: [ 1, { x: y } ] \r\n"),
            ["ü", "ö", "ä", "[ 1, { x: y } ]", "1", "{ x: y }", "x", "y"]
        );
        assert_eq!(all_values("\u{feff}a: b"), ["a", "b"]);
        assert_eq!(
            all_values("a: &x b\nc: *x\nd: &y [1] # e\nf: &z\n"),
            ["a", "b", "c", "*x", "d", "[1]", "1", "f", ""]
        );
        assert_eq!(all_values("a: 'b''\"c' # d\ne: \"f'\\\"g\" # h\n"), ["a", "'b''\"c'", "e", "\"f'\\\"g\""]);
        assert_eq!(all_values("{\n\t\"a\":\t\"b\\\"\t\"\n}"), ["{\n\t\"a\":\t\"b\\\"\t\"\n}", "\"a\"", "\"b\\\"\t\""]);
        assert_eq!(all_values("a:\n\n  - b: c\n\n# d\n"), ["a", "b", "c"]);
    }

    #[test]
    fn lists_and_maps_in_block_style_end_with_their_last_value() {
        let text = "a:\n  - b: c # d\n  - e: f\n# g\nh: i\n";
        let tree = parse(text).unwrap();
        assert_eq!(&text[tree.root.get("a").unwrap().span.clone()], "- b: c # d\n  - e: f");
        assert_eq!(tree.end, None);
        assert_eq!(parse("---\na: b\n...\n").unwrap().end, Some(9));
        assert!(parse("a: b\n---\nc: d\n").unwrap_err().message.contains("a second one"));
    }

    #[test]
    fn places_are_counted_in_characters() {
        let position_of = |text: &str| parse(text).unwrap_err().at;
        assert_eq!(position_of("ä: b\nö: [c\n").line, 3);
        assert_eq!(position("ab\ncäd", 6), Position { line: 2, column: 3 });
        assert_eq!(position("\u{feff}ab", 4), Position { line: 1, column: 2 });
    }

    #[test]
    fn neither_depth_nor_aliases_can_explode() {
        assert!(parse(&("[".repeat(200) + &"]".repeat(200))).is_err());
        let mut bomb = "a0: &a0 [1,2,3,4,5,6,7,8,9]\n".to_owned();
        for level in 1..12 {
            let below = level - 1;
            bomb += &format!("a{level}: &a{level} [*a{below},*a{below},*a{below},*a{below},*a{below},*a{below}]\n");
        }
        assert!(parse(&bomb).unwrap_err().message.contains("more than"));
    }
}
