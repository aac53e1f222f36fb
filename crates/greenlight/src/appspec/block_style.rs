//! Edits a Hooks section in block style, line by line. Each entry keeps the comments above it.

use super::{
    merge::HookEntry,
    model::{self, EntryNodes, quoted_like},
    tree::{NodeStyle, SpannedNode, SpannedTree},
};

/// The line ending of a file.
pub fn line_ending(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// The start of the line that contains byte `at`.
pub fn line_start(text: &str, at: usize) -> usize {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    // A file can begin with a byte order mark.
    start + if text[start..].starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// The start of the line after the one that contains byte `at`.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

fn is_blank_or_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The parts of an entry: the lines above it, its dash, the text from its event to its function, and the rest of the
/// line.
struct EntryLines<'a> {
    above: &'a str,
    dash: Option<&'a str>,
    indent: &'a str,
    event: &'a str,
    function: &'a SpannedNode,
    trailing: &'a str,
}

/// The entries of a section and the byte range of all of them. `None` unless each entry is on its own line.
fn entry_lines<'a>(
    text: &'a str,
    key: &SpannedNode,
    hooks: &SpannedNode,
    entries: &[EntryNodes<'a>],
) -> Option<(usize, usize, Vec<EntryLines<'a>>)> {
    let body = line_end(text, key.span.end);
    if hooks.style != NodeStyle::Block || hooks.span.start < body {
        return None;
    }
    let (mut from, mut parts) = (body, Vec::new());
    for entry in entries {
        let start = line_start(text, entry.event.span.start);
        let end = line_end(text, entry.function.span.end);
        let behind = text.get(entry.function.span.end..end)?;
        let (above, margin) = (text.get(from..start)?, text.get(start..entry.event.span.start)?);
        let is_margin = margin.chars().all(|c| c == ' ' || c == '-') && margin.matches('-').count() < 2;
        if !is_margin || !is_blank_or_comment(behind) || !above.lines().all(is_blank_or_comment) {
            return None;
        }
        let event = text.get(entry.event.span.start..entry.function.span.start)?;
        let indent = margin.split('-').next().unwrap_or_default();
        let dash = margin.contains('-').then_some(margin);
        parts.push(EntryLines { above, dash, indent, event, function: entry.function, trailing: behind });
        from = end;
    }
    (from >= hooks.span.end).then_some((body, from, parts))
}

/// Returns the text with the section's entries renamed, completed and sorted, and the number of comments that were lost
/// with duplicate entries.
pub fn reorder(
    text: &str,
    key: &SpannedNode,
    hooks: &SpannedNode,
    entries: &[EntryNodes<'_>],
    lines: &[HookEntry],
) -> Option<(String, usize)> {
    let (body, end, parts) = entry_lines(text, key, hooks, entries)?;
    let first = parts.first()?;
    let dash = first.dash.map_or_else(|| format!("{}- ", first.indent), str::to_owned);
    let mut now = String::new();
    for line in lines {
        match line.existing.and_then(|number| parts.get(number)) {
            Some(part) => {
                now += part.above;
                now += part.dash.unwrap_or(&dash);
                now += part.event;
                now += &quoted_like(part.function, &line.function)?;
                now += part.trailing;
            }
            None => {
                let style =
                    if first.function.span.is_empty() { None } else { quoted_like(first.function, &line.function) };
                now += &format!("{dash}{}: {}", line.event, style.unwrap_or_else(|| line.function.clone()));
            }
        }
        if !now.ends_with('\n') {
            now += line_ending(text);
        }
    }
    let gone = parts.iter().zip(0..).filter(|(_, number)| !lines.iter().any(|line| line.existing == Some(*number)));
    let lost = gone.map(|(part, _)| count_comments(part.above) + count_comments(part.trailing)).sum();
    Some((splice_lines(text, body, end, &now), lost))
}

/// The number of lines with a comment.
pub fn count_comments(text: &str) -> usize {
    text.lines().filter(|line| line.trim_start().starts_with('#') || line.contains(" #")).count()
}

/// Replaces a range of lines. A file without a line ending at its end stays without one.
fn splice_lines(text: &str, from: usize, to: usize, lines: &str) -> String {
    let unended = to == text.len() && !text.is_empty() && !text.ends_with('\n');
    let lines = if unended { lines.trim_end_matches(['\r', '\n']) } else { lines };
    format!("{}{lines}{}", &text[..from], &text[to..])
}

/// Writes the lines of a section.
fn format_entries(text: &str, indent: &str, lines: &[HookEntry]) -> String {
    let eol = line_ending(text);
    lines.iter().map(|line| format!("{indent}- {}: {}{eol}", line.event, line.function)).collect()
}

/// How far the list of a section is indented relative to its key: as far as that of the resources.
fn list_indent(text: &str, root: &SpannedNode) -> usize {
    let lists = root.entries().iter().filter(|(_, value)| value.style == NodeStyle::Block && !value.items().is_empty());
    let margin = |node: &SpannedNode| {
        let line = &text[line_start(text, node.span.start)..];
        line.len() - line.trim_start_matches(' ').len()
    };
    let indent_of = |(key, value): &(SpannedNode, SpannedNode)| margin(value).checked_sub(margin(key));
    lists.filter_map(indent_of).next().unwrap_or(2)
}

/// Returns the file with a Hooks section added at its end.
pub fn append_section(text: &str, tree: &SpannedTree, lines: &[HookEntry]) -> Option<String> {
    let root = &tree.root;
    let (indent, small) = match root.entries().first() {
        Some((key, _)) => (text.get(line_start(text, key.span.start)..key.span.start)?, model::is_in_lower_case(root)),
        None => ("", false),
    };
    let name = if small { "hooks" } else { "Hooks" };
    let at = tree.end.unwrap_or(text.len());
    let eol = line_ending(text);
    let before = if text[..at].is_empty() || text[..at].ends_with('\n') { "" } else { eol };
    let list = format!("{indent}{}", " ".repeat(list_indent(text, root)));
    let section = format!("{before}{indent}{name}:{eol}{}", format_entries(text, &list, lines));
    Some(splice_lines(text, at, at, &section))
}

/// Returns the file with a rewritten section, and the old text of the section.
pub fn replace_section(
    text: &str,
    root: &SpannedNode,
    key: &SpannedNode,
    hooks: &SpannedNode,
    lines: &[HookEntry],
) -> (String, String) {
    let indent = &text[line_start(text, key.span.start)..key.span.start];
    let list = format!("{indent}{}", " ".repeat(list_indent(text, root)));
    let lines = format_entries(text, &list, lines);
    let body = line_end(text, key.span.end);
    if hooks.span.start >= body && !hooks.span.is_empty() {
        let end = line_end(text, hooks.span.end);
        return (splice_lines(text, body, end, &lines), text[body..end].to_owned());
    }
    // The section is empty, or its value is on the line of its key. The value is removed, and a comment after it stays.
    let mut now = text.to_owned();
    if !hooks.span.is_empty() {
        let colon = key.span.end + text[key.span.end..hooks.span.start].rfind(':').map_or(0, |colon| colon + 1);
        now.replace_range(colon..hooks.span.end, "");
    }
    let body = line_end(&now, key.span.end);
    let before = if now[..body].ends_with('\n') { "" } else { line_ending(text) };
    (splice_lines(&now, body, body, &format!("{before}{lines}")), String::new())
}
