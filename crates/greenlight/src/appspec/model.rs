//! The parts of an AppSpec file that matter here: its sections, its hooks, and the account and region of its service.

use std::collections::BTreeMap;

use hook_core::Hook;
use rehearsal::{AccountRegion, FunctionRef};

use super::tree::{NodeStyle, SpannedNode, SpannedValue};

/// An entry of the Hooks section: an event and its function.
#[derive(Clone, Copy, Debug)]
pub struct EntryNodes<'a> {
    pub event: &'a SpannedNode,
    pub function: &'a SpannedNode,
}

impl<'a> EntryNodes<'a> {
    /// The event's name; empty if it is not a string.
    pub fn event_name(&self) -> &'a str {
        self.event.text().unwrap_or_default()
    }

    /// The function's name or ARN; empty if it is not a string.
    pub fn function_name(&self) -> &'a str {
        self.function.text().unwrap_or_default()
    }

    /// The hook of the event, if the event has one.
    pub fn hook(&self) -> Option<Hook> {
        Hook::from_event_name(self.event_name())
    }
}

/// Every section with that name, in upper or lower case: AWS's manual writes both `Hooks` and `hooks`.
pub fn sections<'a>(root: &'a SpannedNode, name: &str) -> Vec<(&'a SpannedNode, &'a SpannedNode)> {
    let is_it = |key: &SpannedNode| key.text().is_some_and(|text| text.eq_ignore_ascii_case(name));
    root.entries().iter().filter(|(key, _)| is_it(key)).map(|(key, value)| (key, value)).collect()
}

/// Whether the file writes its sections in lower case, as part of AWS's manual does.
pub fn is_in_lower_case(root: &SpannedNode) -> bool {
    root.entries().iter().any(|(key, _)| key.text() == Some("resources"))
}

/// The entries of a Hooks section, which is a list of maps or one map.
pub fn entries(hooks: &SpannedNode) -> Vec<EntryNodes<'_>> {
    let maps: Vec<&SpannedNode> = match &hooks.data {
        SpannedValue::List(items) => items.iter().collect(),
        SpannedValue::Map(_) => vec![hooks],
        SpannedValue::Null | SpannedValue::Scalar(_) => Vec::new(),
    };
    maps.into_iter().flat_map(|map| map.entries()).map(|(event, function)| EntryNodes { event, function }).collect()
}

/// Whether a Hooks section has the form in CodeDeploy's manual: a list with one event in each item.
pub fn is_regular(hooks: &SpannedNode) -> bool {
    matches!(hooks.data, SpannedValue::List(_)) && hooks.items().iter().all(|item| item.entries().len() == 1)
}

/// Whether a Hooks section has no entries.
pub fn is_empty(hooks: &SpannedNode) -> bool {
    match &hooks.data {
        SpannedValue::Null => true,
        SpannedValue::Scalar(_) => false,
        SpannedValue::List(items) => items.is_empty(),
        SpannedValue::Map(entries) => entries.is_empty(),
    }
}

/// The resources. In the list, each is the value of a key that names it.
pub fn resources(root: &SpannedNode) -> impl Iterator<Item = &SpannedNode> {
    let lists = sections(root, "Resources").into_iter().map(|(_, list)| list);
    lists.flat_map(|list| list.items()).flat_map(SpannedNode::entries).map(|(_, resource)| resource)
}

pub fn task_definition(root: &SpannedNode) -> Option<&SpannedNode> {
    resources(root).find_map(|resource| resource.get("Properties")?.get("TaskDefinition"))
}

/// The account and region of the service, and where they come from: the task definition's ARN, or else most of the
/// functions.
pub fn account_region(root: &SpannedNode, entries: &[EntryNodes<'_>]) -> Option<(AccountRegion, &'static str)> {
    if let Some(home) = task_definition(root).and_then(SpannedNode::text).and_then(AccountRegion::from_arn) {
        return Some((home, "the task definition is"));
    }
    let mut count: BTreeMap<AccountRegion, usize> = BTreeMap::new();
    for home in entries.iter().filter_map(|entry| entry.function_name().parse::<FunctionRef>().ok()?.account_region) {
        *count.entry(home).or_default() += 1;
    }
    let (home, _) = count.into_iter().max_by_key(|(_, times)| *times)?;
    Some((home, "most of the others are"))
}

/// Whether a text is a placeholder for a pipeline: `<FUNCTION>`, `${FUNCTION}`, `{{ function }}`, `%FUNCTION%`.
pub fn is_placeholder(text: &str) -> bool {
    text.contains(['<', '>', '{', '}', '$', '%', '@'])
}

/// Returns `name` in the same quotes as the value that it replaces. No valid name needs escaping.
pub fn quoted_like(node: &SpannedNode, name: &str) -> Option<String> {
    match node.style {
        NodeStyle::Single => Some(format!("'{name}'")),
        NodeStyle::Double => Some(format!("\"{name}\"")),
        // The value is empty, and there is not even a space before it.
        NodeStyle::Plain if node.span.is_empty() => Some(format!(" {name}")),
        NodeStyle::Plain | NodeStyle::Alias => Some(name.to_owned()),
        NodeStyle::Block | NodeStyle::Flow => None,
    }
}
