//! A Hooks section in brackets: JSON, and YAML that looks like it.

use super::{
    block::{eol, line_start},
    edit::word,
    file,
    merge::Line,
    tree::{Node, Style},
};

/// How a list is laid out.
struct Layout {
    /// Before each item, and before the closing bracket: a line's end and the margin; nothing where all is on one line.
    item: String,
    close: String,
    /// The margin inside an item.
    inside: String,
    /// Between a key and its value.
    colon: &'static str,
    /// What words are put in.
    quote: &'static str,
}

impl Layout {
    /// Of a list whose key has this margin.
    fn new(text: &str, root: &Node, is_json: bool, key_margin: &str) -> Self {
        let (colon, quote) = (if is_compact(text, root) { ":" } else { ": " }, if is_json { "\"" } else { "" });
        let is_one_line = !root.entries().is_empty() && !text[root.span.clone()].contains('\n');
        if is_one_line {
            return Self { item: String::new(), close: String::new(), inside: String::new(), colon, quote };
        }
        let (eol, unit) = (eol(text), if key_margin.is_empty() { "  " } else { key_margin });
        Self {
            item: format!("{eol}{key_margin}{unit}"),
            close: format!("{eol}{key_margin}"),
            inside: format!("{eol}{key_margin}{unit}{unit}"),
            colon,
            quote,
        }
    }

    fn list(&self, lines: &[Line]) -> String {
        let Self { item, close, inside, colon, quote } = self;
        let space = if inside.is_empty() && *colon == ": " { " " } else { "" };
        let one = |line: &Line| {
            let Line { event, function, .. } = line;
            let end = if inside.is_empty() { space } else { item };
            format!("{item}{{{inside}{space}{quote}{event}{quote}{colon}{quote}{function}{quote}{end}}}")
        };
        let comma = if item.is_empty() { format!(",{space}") } else { ",".to_owned() };
        format!("[{}{close}]", lines.iter().map(one).collect::<Vec<_>>().join(&comma))
    }
}

/// Whether values stand right behind their colons.
fn is_compact(text: &str, root: &Node) -> bool {
    root.entries().first().is_some_and(|(key, value)| text.get(key.span.end..value.span.start) == Some(":"))
}

/// What stands before a value in its line, if that is nothing but margin.
fn margin<'a>(text: &'a str, node: &Node) -> Option<&'a str> {
    let margin = text.get(line_start(text, node.span.start)..node.span.start)?;
    margin.chars().all(|c| c == ' ' || c == '\t').then_some(margin)
}

/// A file in braces with a section at its end.
pub fn add(text: &str, root: &Node, lines: &[Line]) -> Option<String> {
    let first = root.entries().first();
    let own_margin = first.and_then(|(key, _)| margin(text, key)).unwrap_or("  ");
    let layout = Layout::new(text, root, true, own_margin);
    let small = file::is_in_lower_case(root);
    let section = format!("\"{}\"{}{}", if small { "hooks" } else { "Hooks" }, layout.colon, layout.list(lines));
    let Some((_, last)) = root.entries().last() else {
        let eol = eol(text);
        let whole = format!("{{{eol}{own_margin}{section}{eol}}}");
        let (before, after) = (&text[..root.span.start], &text[root.span.end..]);
        let end = if after.is_empty() && root.span.is_empty() { eol } else { after };
        return Some(format!("{before}{whole}{end}"));
    };
    let after = text.get(last.span.end..root.span.end)?;
    // YAML allows a comma at the end.
    let comma = after.find(',').filter(|at| after[..*at].trim().is_empty()).map(|at| last.span.end + at + 1);
    let gap = match (&layout.item, layout.colon) {
        (item, _) if !item.is_empty() => format!("{}{own_margin}", eol(text)),
        (_, ":") => String::new(),
        _ => " ".to_owned(),
    };
    let (at, head) = comma.map_or((last.span.end, ","), |at| (at, ""));
    Some(format!("{}{head}{gap}{section}{}", &text[..at], &text[at..]))
}

/// The file with another list in a section.
pub fn replace(text: &str, root: &Node, is_json: bool, hooks: &Node, lines: &[Line]) -> String {
    let list = like(text, hooks, lines).unwrap_or_else(|| {
        let start = line_start(text, hooks.span.start);
        let line = &text[start..hooks.span.start];
        let key_margin = &line[..line.len() - line.trim_start().len()];
        let layout = Layout::new(text, root, is_json, key_margin);
        let gap = if hooks.span.is_empty() { " " } else { "" };
        format!("{gap}{}", layout.list(lines))
    });
    format!("{}{list}{}", &text[..hooks.span.start], &text[hooks.span.end..])
}

/// A list that is laid out as the one that is there.
fn like(text: &str, hooks: &Node, lines: &[Line]) -> Option<String> {
    if hooks.style != Style::Flow || !file::is_regular(hooks) {
        return None;
    }
    let (items, entries) = (hooks.items(), file::entries(hooks));
    let (first, last) = (items.first()?, items.last()?);
    let plain = |text: &str| !text.contains('#');
    let head = text.get(hooks.span.start + 1..first.span.start).filter(|text| plain(text))?;
    let tail = text.get(last.span.end..hooks.span.end - 1).filter(|text| plain(text))?;
    let between = match items {
        [one, two, ..] => text.get(one.span.end..two.span.start).filter(|text| plain(text))?,
        _ if head.contains('\n') => &format!(",{head}"),
        _ => ", ",
    };
    let template = entries.first()?;
    let one = |line: &Line| {
        let number = line.from.unwrap_or(0);
        let (item, entry) = (&items[number], &entries[number]);
        let event = match line.from {
            Some(_) => text[entry.event.span.clone()].to_owned(),
            None => word(template.event, &line.event)?,
        };
        let function = word(entry.function, &line.function)?;
        let (open, colon) = (item.span.start..entry.event.span.start, entry.event.span.end..entry.function.span.start);
        let close = entry.function.span.end..item.span.end;
        Some(format!("{}{event}{}{function}{}", &text[open], &text[colon], &text[close]))
    };
    let items: Vec<String> = lines.iter().map(one).collect::<Option<_>>()?;
    Some(format!("[{head}{}{tail}]", items.join(between)))
}
