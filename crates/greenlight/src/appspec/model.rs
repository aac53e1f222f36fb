//! An AppSpec file as far as it matters here: its sections, its hooks, and where its service is.

use std::collections::BTreeMap;

use hook_core::Hook;
use rehearsal::{AccountRegion, FunctionRef};

use super::tree::{SpannedNode, SpannedValue};

/// A function that the file names for an event.
#[derive(Clone, Copy, Debug)]
pub struct EntryNodes<'a> {
    /// The event's name.
    pub event: &'a SpannedNode,
    /// The function.
    pub function: &'a SpannedNode,
}

impl<'a> EntryNodes<'a> {
    /// The event's name; empty where it is no text.
    pub fn event_name(&self) -> &'a str {
        self.event.text().unwrap_or_default()
    }

    /// The function's name or ARN; empty where it is no text.
    pub fn function_name(&self) -> &'a str {
        self.function.text().unwrap_or_default()
    }

    /// The hook, if there is one of that name.
    pub fn hook(&self) -> Option<Hook> {
        hook_for_event(self.event_name())
    }
}

/// The hook of an event.
pub fn hook_for_event(event: &str) -> Option<Hook> {
    Hook::ALL.into_iter().find(|hook| hook.event_name() == event)
}

/// Every section of that name, in upper or lower case: AWS's manual writes `Hooks` and `hooks`.
pub fn sections<'a>(root: &'a SpannedNode, name: &str) -> Vec<(&'a SpannedNode, &'a SpannedNode)> {
    let is_it = |key: &SpannedNode| key.text().is_some_and(|text| text.eq_ignore_ascii_case(name));
    root.entries().iter().filter(|(key, _)| is_it(key)).map(|(key, value)| (key, value)).collect()
}

/// Whether the file writes its sections in lower case, as a part of AWS's manual does.
pub fn is_in_lower_case(root: &SpannedNode) -> bool {
    root.entries().iter().any(|(key, _)| key.text() == Some("resources"))
}

/// The entries of a Hooks section: of a list of maps, or of one map.
pub fn entries(hooks: &SpannedNode) -> Vec<EntryNodes<'_>> {
    let maps: Vec<&SpannedNode> = match &hooks.data {
        SpannedValue::List(items) => items.iter().collect(),
        SpannedValue::Map(_) => vec![hooks],
        SpannedValue::Null | SpannedValue::Scalar(_) => Vec::new(),
    };
    maps.into_iter().flat_map(|map| map.entries()).map(|(event, function)| EntryNodes { event, function }).collect()
}

/// Whether a Hooks section has the form that CodeDeploy's manual gives it: a list, with one event in each item.
pub fn is_regular(hooks: &SpannedNode) -> bool {
    matches!(hooks.data, SpannedValue::List(_)) && hooks.items().iter().all(|item| item.entries().len() == 1)
}

/// Whether a Hooks section names nothing.
pub fn is_empty(hooks: &SpannedNode) -> bool {
    match &hooks.data {
        SpannedValue::Null => true,
        SpannedValue::Scalar(_) => false,
        SpannedValue::List(items) => items.is_empty(),
        SpannedValue::Map(entries) => entries.is_empty(),
    }
}

/// The resources: what stands below a name of their own in the list.
pub fn resources(root: &SpannedNode) -> impl Iterator<Item = &SpannedNode> {
    let lists = sections(root, "Resources").into_iter().map(|(_, list)| list);
    lists.flat_map(|list| list.items()).flat_map(SpannedNode::entries).map(|(_, resource)| resource)
}

/// The task definition.
pub fn task_definition(root: &SpannedNode) -> Option<&SpannedNode> {
    resources(root).find_map(|resource| resource.get("Properties")?.get("TaskDefinition"))
}

/// Where the service is, and whose word that is: the task definition's, else that of most of the functions.
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

/// Whether a pipeline is to put a name here: `<FUNCTION>`, `${FUNCTION}`, `{{ function }}`, `%FUNCTION%`.
pub fn is_placeholder(text: &str) -> bool {
    text.contains(['<', '>', '{', '}', '$', '%', '@'])
}
