//! Merges the existing entries of a Hooks section with the requested ones.

use hook_core::Hook;
use rehearsal::FunctionRef;

use super::model::{self, EntryNodes};

/// An event and its function in the merged section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookEntry {
    pub event: String,
    pub function: String,
    /// The index of the existing entry, if there is one.
    pub existing: Option<usize>,
}

/// An entry that must not be replaced, because its function is not one of these hooks.
#[derive(Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The index of the entry.
    pub entry: usize,
    /// The hook of the event.
    pub hook: Hook,
    /// The function that would replace it.
    pub requested: String,
}

/// Merges the entries. Those that were not requested stay. CodeDeploy invokes one function for each event, so a
/// function of these hooks is replaced by the requested one. Any other function is replaced only if `replace` allows
/// it.
///
/// # Errors
/// The entries that would have to be replaced but must not be.
pub fn merge(
    entries: &[EntryNodes<'_>],
    wanted: &[(Hook, String)],
    replace: bool,
) -> Result<Vec<HookEntry>, Vec<Conflict>> {
    let (mut lines, mut conflicts): (Vec<HookEntry>, Vec<Conflict>) = (Vec::new(), Vec::new());
    for (number, entry) in entries.iter().enumerate() {
        let (event, own) = (entry.event_name(), entry.function_name());
        let requested = wanted.iter().find(|(hook, _)| Some(*hook) == entry.hook());
        let function = match requested {
            Some((hook, function)) if function != own => {
                if !(replace || is_replaceable(own, wanted)) {
                    conflicts.push(Conflict { entry: number, hook: *hook, requested: function.clone() });
                }
                function
            }
            _ => own,
        };
        // A requested event is listed only once.
        if requested.is_none() || !lines.iter().any(|line| line.event == event) {
            lines.push(HookEntry { event: event.to_owned(), function: function.to_owned(), existing: Some(number) });
        }
    }
    for (hook, function) in wanted {
        let event = hook.event_name();
        if !lines.iter().any(|line| line.event == event) {
            lines.push(HookEntry { event: event.to_owned(), function: function.clone(), existing: None });
        }
    }
    sort_by_lifecycle(&mut lines);
    if conflicts.is_empty() { Ok(lines) } else { Err(conflicts) }
}

/// Whether an entry's function is one of these functions or a placeholder. A name that only has the same ending can be
/// a user's own function. It is one of these if it also has their prefix, or is in the requested stack.
fn is_replaceable(function: &str, wanted: &[(Hook, String)]) -> bool {
    let name = |text: &str| text.parse::<FunctionRef>().map(|function| function.name);
    let is_ours = function.parse::<FunctionRef>().is_ok_and(|function| {
        let is_wanted = wanted.iter().any(|(_, wanted)| name(wanted).is_ok_and(|wanted| wanted == function.name));
        is_wanted || function.has_prefix() && function.function().is_some()
    });
    is_ours || function.is_empty() || model::is_placeholder(function)
}

/// Sorts the entries in the order of a deployment. An entry that is not a hook stays after the entry that it followed.
fn sort_by_lifecycle(lines: &mut [HookEntry]) {
    let mut last = None;
    let mut ranks: Vec<(Option<Hook>, usize)> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        last = Hook::from_event_name(&line.event).or(last);
        ranks.push((last, number));
    }
    ranks.sort();
    let sorted: Vec<HookEntry> = ranks.into_iter().map(|(_, number)| lines[number].clone()).collect();
    lines.clone_from_slice(&sorted);
}
