//! Writes hooks into an AppSpec file. Only the bytes of its Hooks section change, and this is verified before the text
//! is returned.

use hook_core::{Hook, gate_file::Diagnostic};

use super::{
    block_style, flow_style,
    merge::{Conflict, HookEntry, merge},
    model::{self, EntryNodes, quoted_like},
    platform,
    tree::{self, NodeStyle, SpannedNode, SpannedTree, SpannedValue},
};

/// A file with its hooks written.
#[derive(Debug)]
pub struct Rewritten {
    /// The text of the whole file.
    pub text: String,
    /// The new entries of the Hooks section.
    pub lines: Vec<HookEntry>,
    /// The old entries: event and function.
    pub before: Vec<(String, String)>,
    /// The number of lines in the Hooks section whose comments could not be kept.
    pub comments_lost: usize,
}

/// Returns the text with these hooks in it.
///
/// # Errors
/// The reasons with their positions: the file cannot be parsed, or an event has a function that is not one of these.
pub fn rewrite_hooks(
    text: &str,
    is_json: bool,
    functions: &[(Hook, String)],
    replace: bool,
) -> Result<Rewritten, Vec<Diagnostic>> {
    let tree = tree::parse(text).map_err(|fault| vec![fault])?;
    let fault = |node: &SpannedNode, message: String| Diagnostic::new(tree::position(text, node.span.start), message);
    if !matches!(tree.root.data, SpannedValue::Map(_) | SpannedValue::Null) {
        return Err(vec![fault(&tree.root, "an AppSpec file is a map with version, Resources and Hooks".to_owned())]);
    }
    if let Some(fault) = platform::other_platform(text, &tree.root) {
        return Err(vec![fault]);
    }
    let sections = model::sections(&tree.root, "Hooks");
    if let [_, (again, _), ..] = sections.as_slice() {
        return Err(vec![fault(again, "this is a second Hooks section; keep only one".to_owned())]);
    }
    let section = sections.first().copied();
    let entries = section.map(|(_, hooks)| model::entries(hooks)).unwrap_or_default();
    if let Some((_, hooks)) = section {
        let odd = invalid_entries(hooks, &entries);
        if !odd.is_empty() {
            return Err(odd.into_iter().map(|(node, message)| fault(node, message.to_owned())).collect());
        }
    }
    let lines = merge(&entries, functions, replace).map_err(|conflicts| {
        let conflict_at = |conflicts: &Conflict| {
            fault(entries[conflicts.entry].function, conflict_message(conflicts, &entries[conflicts.entry]))
        };
        conflicts.iter().map(conflict_at).collect::<Vec<_>>()
    })?;
    let before: Vec<_> = entries.iter().map(|it| (it.event_name().to_owned(), it.function_name().to_owned())).collect();
    let now: Vec<_> = lines.iter().map(|line| (line.event.clone(), line.function.clone())).collect();
    let is_as_it_should_be = before == now && section.is_none_or(|(_, hooks)| model::is_regular(hooks));
    if is_as_it_should_be {
        return Ok(Rewritten { text: text.to_owned(), lines, before, comments_lost: 0 });
    }
    for (text_now, comments_lost) in candidate_edits(text, is_json, &tree, section, &entries, &lines) {
        if only_hooks_differ(text, &text_now, &tree, &now) {
            return Ok(Rewritten { text: text_now, lines, before, comments_lost });
        }
    }
    let at = section.map_or(&tree.root, |(key, _)| key);
    let message = "the Hooks section cannot be written without changing other parts of the file (does something refer \
                   to it with `*`?); add it manually: `greenlight appspec` without a file prints it";
    Err(vec![fault(at, message.to_owned())])
}

fn conflict_message(conflict: &Conflict, entry: &EntryNodes<'_>) -> String {
    let Conflict { hook, requested: wanted, .. } = conflict;
    format!(
        "{hook} already has a function, and CodeDeploy invokes one for each event; --replace puts {wanted} in place of \
         {}; to keep it, name the other hooks with --only",
        entry.function_name()
    )
}

/// The parts of a Hooks section that are not valid entries.
fn invalid_entries<'a>(hooks: &'a SpannedNode, entries: &[EntryNodes<'a>]) -> Vec<(&'a SpannedNode, &'static str)> {
    let mut odd: Vec<(&SpannedNode, &str)> = Vec::new();
    if let SpannedValue::Scalar(_) = hooks.data {
        odd.push((hooks, "expected a list of events, each with its function"));
    }
    let item = "expected an event and its function, such as `AfterInstall: NAME`";
    odd.extend(hooks.items().iter().filter(|it| it.entries().is_empty()).map(|it| (it, item)));
    let function = "expected the name or the ARN of one function";
    let is_one = |node: &SpannedNode| matches!(node.data, SpannedValue::Scalar(_) | SpannedValue::Null);
    odd.extend(entries.iter().filter(|it| !is_one(it.function)).map(|it| (it.function, function)));
    odd.extend(entries.iter().filter(|it| it.event.text().is_none()).map(|it| (it.event, item)));
    odd
}

/// The ways to write the section, beginning with the one that keeps most of the text.
fn candidate_edits(
    text: &str,
    is_json: bool,
    tree: &SpannedTree,
    section: Option<(&SpannedNode, &SpannedNode)>,
    entries: &[EntryNodes<'_>],
    lines: &[HookEntry],
) -> Vec<(String, usize)> {
    let root = &tree.root;
    let is_flow = root.style == NodeStyle::Flow || (matches!(root.data, SpannedValue::Null) && is_json);
    let mut texts = Vec::new();
    let Some((key, hooks)) = section else {
        let added = if is_flow {
            flow_style::append_section(text, root, lines)
        } else {
            block_style::append_section(text, tree, lines)
        };
        return added.into_iter().map(|text| (text, 0)).collect();
    };
    texts.extend(replace_names(text, hooks, entries, lines).map(|text| (text, 0)));
    if is_flow || (hooks.style == NodeStyle::Flow && !model::is_empty(hooks)) {
        let now = flow_style::replace_section(text, root, is_flow, hooks, lines);
        texts.push((now, block_style::count_comments(&text[hooks.span.clone()])));
    } else {
        texts.extend(block_style::reorder(text, key, hooks, entries, lines));
        let (now, gone) = block_style::replace_section(text, root, key, hooks, lines);
        texts.push((now, block_style::count_comments(&gone)));
    }
    texts
}

/// Changes only the names of the functions.
fn replace_names(text: &str, hooks: &SpannedNode, entries: &[EntryNodes<'_>], lines: &[HookEntry]) -> Option<String> {
    let same =
        lines.len() == entries.len() && lines.iter().zip(0..).all(|(line, number)| line.existing == Some(number));
    if !same || !model::is_regular(hooks) || hooks.style == NodeStyle::Alias {
        return None;
    }
    let mut now = text.to_owned();
    for (line, entry) in lines.iter().zip(entries).rev() {
        if line.function != entry.function_name() {
            now.replace_range(entry.function.span.clone(), &quoted_like(entry.function, &line.function)?);
        }
    }
    Some(now)
}

/// Whether the new text has these hooks and everything else is unchanged.
fn only_hooks_differ(text: &str, now: &str, before: &SpannedTree, hooks: &[(String, String)]) -> bool {
    let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if is_json(text) && !is_json(now) {
        return false;
    }
    let Ok(after) = tree::parse(now) else { return false };
    let sections = model::sections(&after.root, "Hooks");
    let [(_, section)] = sections.as_slice() else { return false };
    let entries = model::entries(section);
    let as_wanted = entries
        .iter()
        .map(|it| (it.event_name(), it.function_name()))
        .eq(hooks.iter().map(|(event, function)| (event.as_str(), function.as_str())));
    let others = |root: &'_ SpannedNode| -> Vec<(SpannedNode, SpannedNode)> {
        let is_hooks = |key: &SpannedNode| key.text().is_some_and(|name| name.eq_ignore_ascii_case("Hooks"));
        root.entries().iter().filter(|(key, _)| !is_hooks(key)).cloned().collect()
    };
    let (one, two) = (others(&before.root), others(&after.root));
    let same = one.len() == two.len()
        && one.iter().zip(&two).all(|(one, two)| one.0.semantically_eq(&two.0) && one.1.semantically_eq(&two.1));
    as_wanted && model::is_regular(section) && same
}
