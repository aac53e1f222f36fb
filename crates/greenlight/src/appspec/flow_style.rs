//! Edits a Hooks section in flow style: JSON, and YAML with brackets.

use super::{
    block_style::{line_ending, line_start},
    merge::HookEntry,
    model::{self, quoted_like},
    tree::{NodeStyle, SpannedNode},
};

/// The layout of a list.
struct Layout {
    /// The text before each item: a line ending and the indentation. This and `close`, the text before the closing
    /// bracket, are empty if everything is on one line.
    item: String,
    close: String,
    /// The text before the members of an item.
    inside: String,
    /// The text between a key and its value.
    colon: &'static str,
    /// The quotation mark around strings.
    quote: &'static str,
}

impl Layout {
    /// The layout of a list whose key has this indentation.
    fn new(text: &str, root: &SpannedNode, is_json: bool, key_margin: &str) -> Self {
        let (colon, quote) = (if is_compact(text, root) { ":" } else { ": " }, if is_json { "\"" } else { "" });
        let is_one_line = !root.entries().is_empty() && !text[root.span.clone()].contains('\n');
        if is_one_line {
            return Self { item: String::new(), close: String::new(), inside: String::new(), colon, quote };
        }
        let (eol, unit) = (line_ending(text), if key_margin.is_empty() { "  " } else { key_margin });
        Self {
            item: format!("{eol}{key_margin}{unit}"),
            close: format!("{eol}{key_margin}"),
            inside: format!("{eol}{key_margin}{unit}{unit}"),
            colon,
            quote,
        }
    }

    fn list(&self, lines: &[HookEntry]) -> String {
        let Self { item, close, inside, colon, quote } = self;
        let space = if inside.is_empty() && *colon == ": " { " " } else { "" };
        let one = |line: &HookEntry| {
            let HookEntry { event, function, .. } = line;
            let end = if inside.is_empty() { space } else { item };
            format!("{item}{{{inside}{space}{quote}{event}{quote}{colon}{quote}{function}{quote}{end}}}")
        };
        let comma = if item.is_empty() { format!(",{space}") } else { ",".to_owned() };
        format!("[{}{close}]", lines.iter().map(one).collect::<Vec<_>>().join(&comma))
    }
}

/// Whether values follow their colons without a space.
fn is_compact(text: &str, root: &SpannedNode) -> bool {
    root.entries().first().is_some_and(|(key, value)| text.get(key.span.end..value.span.start) == Some(":"))
}

/// The indentation of a value's line, if nothing else comes before the value.
fn indent<'a>(text: &'a str, node: &SpannedNode) -> Option<&'a str> {
    let margin = text.get(line_start(text, node.span.start)..node.span.start)?;
    margin.chars().all(|c| c == ' ' || c == '\t').then_some(margin)
}

/// Returns a file in braces with a Hooks section added at its end.
pub fn append_section(text: &str, root: &SpannedNode, lines: &[HookEntry]) -> Option<String> {
    let first = root.entries().first();
    let own_margin = first.and_then(|(key, _)| indent(text, key)).unwrap_or("  ");
    let layout = Layout::new(text, root, true, own_margin);
    let small = model::is_in_lower_case(root);
    let section = format!("\"{}\"{}{}", if small { "hooks" } else { "Hooks" }, layout.colon, layout.list(lines));
    let Some((_, last)) = root.entries().last() else {
        let eol = line_ending(text);
        let whole = format!("{{{eol}{own_margin}{section}{eol}}}");
        let (before, after) = (&text[..root.span.start], &text[root.span.end..]);
        let end = if after.is_empty() && root.span.is_empty() { eol } else { after };
        return Some(format!("{before}{whole}{end}"));
    };
    let after = text.get(last.span.end..root.span.end)?;
    // YAML allows a trailing comma.
    let comma = after.find(',').filter(|at| after[..*at].trim().is_empty()).map(|at| last.span.end + at + 1);
    let gap = match (&layout.item, layout.colon) {
        (item, _) if !item.is_empty() => format!("{}{own_margin}", line_ending(text)),
        (_, ":") => String::new(),
        _ => " ".to_owned(),
    };
    let (at, head) = comma.map_or((last.span.end, ","), |at| (at, ""));
    Some(format!("{}{head}{gap}{section}{}", &text[..at], &text[at..]))
}

/// Returns the file with another list in the section.
pub fn replace_section(
    text: &str,
    root: &SpannedNode,
    is_json: bool,
    hooks: &SpannedNode,
    lines: &[HookEntry],
) -> String {
    let list = with_same_layout(text, hooks, lines).unwrap_or_else(|| {
        let start = line_start(text, hooks.span.start);
        let line = &text[start..hooks.span.start];
        let key_margin = &line[..line.len() - line.trim_start().len()];
        let layout = Layout::new(text, root, is_json, key_margin);
        let gap = if hooks.span.is_empty() { " " } else { "" };
        format!("{gap}{}", layout.list(lines))
    });
    format!("{}{list}{}", &text[..hooks.span.start], &text[hooks.span.end..])
}

/// A list with the same layout as the existing one. `None` if that is not possible.
fn with_same_layout(text: &str, hooks: &SpannedNode, lines: &[HookEntry]) -> Option<String> {
    if hooks.style != NodeStyle::Flow || !model::is_regular(hooks) {
        return None;
    }
    let (items, entries) = (hooks.items(), model::entries(hooks));
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
    let one = |line: &HookEntry| {
        let number = line.existing.unwrap_or(0);
        let (item, entry) = (&items[number], &entries[number]);
        let event = match line.existing {
            Some(_) => text[entry.event.span.clone()].to_owned(),
            None => quoted_like(template.event, &line.event)?,
        };
        let function = quoted_like(entry.function, &line.function)?;
        let (open, colon) = (item.span.start..entry.event.span.start, entry.event.span.end..entry.function.span.start);
        let close = entry.function.span.end..item.span.end;
        Some(format!("{}{event}{}{function}{}", &text[open], &text[colon], &text[close]))
    };
    let items: Vec<String> = lines.iter().map(one).collect::<Option<_>>()?;
    Some(format!("[{head}{}{tail}]", items.join(between)))
}
