//! Writes hooks into an AppSpec file. Nothing but the bytes of its Hooks section changes, and whether that is so is looked
//! at before anything is given out.

use hook_core::{Hook, gate_file::Fault};

use super::{
    block,
    file::{self, Entry},
    flow,
    merge::{Line, Taken, merge},
    platform,
    tree::{self, Data, Node, Style, Tree},
};

/// A file with its hooks.
#[derive(Debug)]
pub struct Written {
    /// The whole text.
    pub text: String,
    /// What stands in the Hooks section now.
    pub lines: Vec<Line>,
    /// What stood there: event and function.
    pub before: Vec<(String, String)>,
    /// Lines of the Hooks section that had a comment which has no place any more.
    pub comments_lost: usize,
}

/// The text with these hooks in it.
///
/// # Errors
/// Why not, with the places: the file cannot be read, or an event has a function of somebody else's.
pub fn write(text: &str, is_json: bool, wanted: &[(Hook, String)], replace: bool) -> Result<Written, Vec<Fault>> {
    let tree = tree::parse(text).map_err(|fault| vec![fault])?;
    let fault = |node: &Node, message: String| Fault::new(tree::place(text, node.span.start), message);
    if !matches!(tree.root.data, Data::Map(_) | Data::Null) {
        return Err(vec![fault(&tree.root, "an AppSpec file is a map with version, Resources and Hooks".to_owned())]);
    }
    if let Some(fault) = platform::is_another(text, &tree.root) {
        return Err(vec![fault]);
    }
    let sections = file::sections(&tree.root, "Hooks");
    if let [_, (again, _), ..] = sections.as_slice() {
        return Err(vec![fault(again, "the Hooks section stands here a second time; leave one of them".to_owned())]);
    }
    let section = sections.first().copied();
    let entries = section.map(|(_, hooks)| file::entries(hooks)).unwrap_or_default();
    if let Some((_, hooks)) = section {
        let odd = not_entries(hooks, &entries);
        if !odd.is_empty() {
            return Err(odd.into_iter().map(|(node, message)| fault(node, message.to_owned())).collect());
        }
    }
    let lines = merge(&entries, wanted, replace).map_err(|taken| {
        let told = |taken: &Taken| fault(entries[taken.entry].function, in_the_way(taken, &entries[taken.entry]));
        taken.iter().map(told).collect::<Vec<_>>()
    })?;
    let before: Vec<_> = entries.iter().map(|it| (it.event_name().to_owned(), it.function_name().to_owned())).collect();
    let now: Vec<_> = lines.iter().map(|line| (line.event.clone(), line.function.clone())).collect();
    let is_as_it_should_be = before == now && section.is_none_or(|(_, hooks)| file::is_regular(hooks));
    if is_as_it_should_be {
        return Ok(Written { text: text.to_owned(), lines, before, comments_lost: 0 });
    }
    for (text_now, comments_lost) in attempts(text, is_json, &tree, section, &entries, &lines) {
        if is_the_same_but_for_hooks(text, &text_now, &tree, &now) {
            return Ok(Written { text: text_now, lines, before, comments_lost });
        }
    }
    let at = section.map_or(&tree.root, |(key, _)| key);
    let message = "the Hooks section cannot be written without changing what stands elsewhere (does something refer to \
                   it with `*`?); put it in by hand: `greenlight appspec` without a file prints it";
    Err(vec![fault(at, message.to_owned())])
}

fn in_the_way(taken: &Taken, entry: &Entry<'_>) -> String {
    let Taken { hook, wanted, .. } = taken;
    format!(
        "{hook} has a function already, and CodeDeploy invokes one for each event; --replace puts {wanted} in the place of \
         {}, and --only leaves {hook} as it is",
        entry.function_name()
    )
}

/// What stands in a Hooks section and is no entry of it.
fn not_entries<'a>(hooks: &'a Node, entries: &[Entry<'a>]) -> Vec<(&'a Node, &'static str)> {
    let mut odd: Vec<(&Node, &str)> = Vec::new();
    if let Data::Scalar(_) = hooks.data {
        odd.push((hooks, "expected a list of events, each with its function"));
    }
    let item = "expected an event and its function, such as `AfterInstall: NAME`";
    odd.extend(hooks.items().iter().filter(|it| it.entries().is_empty()).map(|it| (it, item)));
    let function = "expected the name or the ARN of one function";
    let is_one = |node: &Node| matches!(node.data, Data::Scalar(_) | Data::Null);
    odd.extend(entries.iter().filter(|it| !is_one(it.function)).map(|it| (it.function, function)));
    odd.extend(entries.iter().filter(|it| it.event.text().is_none()).map(|it| (it.event, item)));
    odd
}

/// Ways to write it, the one that keeps most first.
fn attempts(
    text: &str,
    is_json: bool,
    tree: &Tree,
    section: Option<(&Node, &Node)>,
    entries: &[Entry<'_>],
    lines: &[Line],
) -> Vec<(String, usize)> {
    let root = &tree.root;
    let is_flow = root.style == Style::Flow || (matches!(root.data, Data::Null) && is_json);
    let mut texts = Vec::new();
    let Some((key, hooks)) = section else {
        let added = if is_flow { flow::add(text, root, lines) } else { block::add(text, tree, lines) };
        return added.into_iter().map(|text| (text, 0)).collect();
    };
    texts.extend(in_place(text, hooks, entries, lines).map(|text| (text, 0)));
    if is_flow || (hooks.style == Style::Flow && !file::is_empty(hooks)) {
        let now = flow::replace(text, root, is_flow, hooks, lines);
        texts.push((now, block::comments(&text[hooks.span.clone()])));
    } else {
        texts.extend(block::rearrange(text, key, hooks, entries, lines));
        let (now, gone) = block::replace(text, root, key, hooks, lines);
        texts.push((now, block::comments(&gone)));
    }
    texts
}

/// Only the names change.
fn in_place(text: &str, hooks: &Node, entries: &[Entry<'_>], lines: &[Line]) -> Option<String> {
    let same = lines.len() == entries.len() && lines.iter().zip(0..).all(|(line, number)| line.from == Some(number));
    if !same || !file::is_regular(hooks) || hooks.style == Style::Alias {
        return None;
    }
    let mut now = text.to_owned();
    for (line, entry) in lines.iter().zip(entries).rev() {
        if line.function != entry.function_name() {
            now.replace_range(entry.function.span.clone(), &word(entry.function, &line.function)?);
        }
    }
    Some(now)
}

/// A name in place of another, in the same quotes. None of those that can be written has anything to escape.
pub fn word(place: &Node, name: &str) -> Option<String> {
    match place.style {
        Style::Single => Some(format!("'{name}'")),
        Style::Double => Some(format!("\"{name}\"")),
        // Nothing stands there, not even a space.
        Style::Plain if place.span.is_empty() => Some(format!(" {name}")),
        Style::Plain | Style::Alias => Some(name.to_owned()),
        Style::Block | Style::Flow => None,
    }
}

/// Whether a text has these hooks, and all else as it was.
fn is_the_same_but_for_hooks(text: &str, now: &str, before: &Tree, hooks: &[(String, String)]) -> bool {
    let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if is_json(text) && !is_json(now) {
        return false;
    }
    let Ok(after) = tree::parse(now) else { return false };
    let sections = file::sections(&after.root, "Hooks");
    let [(_, section)] = sections.as_slice() else { return false };
    let entries = file::entries(section);
    let as_wanted = entries
        .iter()
        .map(|it| (it.event_name(), it.function_name()))
        .eq(hooks.iter().map(|(event, function)| (event.as_str(), function.as_str())));
    let others = |root: &'_ Node| -> Vec<(Node, Node)> {
        let is_hooks = |key: &Node| key.text().is_some_and(|name| name.eq_ignore_ascii_case("Hooks"));
        root.entries().iter().filter(|(key, _)| !is_hooks(key)).cloned().collect()
    };
    let (one, two) = (others(&before.root), others(&after.root));
    let same =
        one.len() == two.len() && one.iter().zip(&two).all(|(one, two)| one.0.means(&two.0) && one.1.means(&two.1));
    as_wanted && file::is_regular(section) && same
}
