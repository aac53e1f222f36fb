//! An AppSpec file as far as it matters here: its sections, its hooks, and where its service is.

use std::collections::BTreeMap;

use hook_core::Hook;
use rehearsal::{FunctionRef, Home};

use super::tree::{Data, Node};

/// A function that the file names for an event.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The event's name.
    pub event: &'a Node,
    /// The function.
    pub function: &'a Node,
}

impl<'a> Entry<'a> {
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
        hook_of(self.event_name())
    }
}

/// The hook of an event.
pub fn hook_of(event: &str) -> Option<Hook> {
    Hook::ALL.into_iter().find(|hook| hook.event_name() == event)
}

/// Every section of that name, in upper or lower case: AWS's manual writes `Hooks` and `hooks`.
pub fn sections<'a>(root: &'a Node, name: &str) -> Vec<(&'a Node, &'a Node)> {
    let is_it = |key: &Node| key.text().is_some_and(|text| text.eq_ignore_ascii_case(name));
    root.entries().iter().filter(|(key, _)| is_it(key)).map(|(key, value)| (key, value)).collect()
}

/// Whether the file writes its sections in lower case, as a part of AWS's manual does.
pub fn is_in_lower_case(root: &Node) -> bool {
    root.entries().iter().any(|(key, _)| key.text() == Some("resources"))
}

/// The entries of a Hooks section: of a list of maps, or of one map.
pub fn entries(hooks: &Node) -> Vec<Entry<'_>> {
    let maps: Vec<&Node> = match &hooks.data {
        Data::List(items) => items.iter().collect(),
        Data::Map(_) => vec![hooks],
        Data::Null | Data::Scalar(_) => Vec::new(),
    };
    maps.into_iter().flat_map(|map| map.entries()).map(|(event, function)| Entry { event, function }).collect()
}

/// Whether a Hooks section has the form that CodeDeploy's manual gives it: a list, with one event in each item.
pub fn is_regular(hooks: &Node) -> bool {
    matches!(hooks.data, Data::List(_)) && hooks.items().iter().all(|item| item.entries().len() == 1)
}

/// Whether a Hooks section names nothing.
pub fn is_empty(hooks: &Node) -> bool {
    match &hooks.data {
        Data::Null => true,
        Data::Scalar(_) => false,
        Data::List(items) => items.is_empty(),
        Data::Map(entries) => entries.is_empty(),
    }
}

/// The resources: what stands below a name of their own in the list.
pub fn resources(root: &Node) -> impl Iterator<Item = &Node> {
    let lists = sections(root, "Resources").into_iter().map(|(_, list)| list);
    lists.flat_map(|list| list.items()).flat_map(Node::entries).map(|(_, resource)| resource)
}

/// The task definition.
pub fn task_definition(root: &Node) -> Option<&Node> {
    resources(root).find_map(|resource| resource.get("Properties")?.get("TaskDefinition"))
}

/// Where the service is, and whose word that is: the task definition's, else that of most of the functions.
pub fn home(root: &Node, entries: &[Entry<'_>]) -> Option<(Home, &'static str)> {
    if let Some(home) = task_definition(root).and_then(Node::text).and_then(Home::of_arn) {
        return Some((home, "the task definition is"));
    }
    let mut count: BTreeMap<Home, usize> = BTreeMap::new();
    for home in entries.iter().filter_map(|entry| entry.function_name().parse::<FunctionRef>().ok()?.home) {
        *count.entry(home).or_default() += 1;
    }
    let (home, _) = count.into_iter().max_by_key(|(_, times)| *times)?;
    Some((home, "most of the others are"))
}

/// Whether a pipeline is to put a name here: `<FUNCTION>`, `${FUNCTION}`, `{{ function }}`, `%FUNCTION%`.
pub fn is_placeholder(text: &str) -> bool {
    text.contains(['<', '>', '{', '}', '$', '%', '@'])
}
