//! What is to stand in a Hooks section: what stands there, and what is wanted.

use hook_core::Hook;
use rehearsal::FunctionRef;

use super::model::{self, EntryNodes};

/// An event and its function, as they are to stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookEntry {
    /// The event.
    pub event: String,
    /// The function.
    pub function: String,
    /// The entry that is there for it, by its number.
    pub existing: Option<usize>,
}

/// An entry that may not be replaced: another function than one of these hooks.
#[derive(Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The entry, by its number.
    pub entry: usize,
    /// Whose event it is.
    pub hook: Hook,
    /// What would stand there.
    pub requested: String,
}

/// What becomes of the entries: those that nobody asked for stay; CodeDeploy invokes one function for an event, so a hook
/// of these is replaced by the one that is wanted, and a function of somebody else's only where that is allowed.
///
/// # Errors
/// Entries that would have to be replaced, and may not be.
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
        // An event that is wanted stands there once.
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

/// Whether it is one of these functions, or a word that stands for one that is to come. A name that only ends like one of
/// these may be somebody's own: it is one of these with their prefix, or as a function of the stack that was asked for.
fn is_replaceable(function: &str, wanted: &[(Hook, String)]) -> bool {
    let name = |text: &str| text.parse::<FunctionRef>().map(|function| function.name);
    let is_ours = function.parse::<FunctionRef>().is_ok_and(|function| {
        let is_wanted = wanted.iter().any(|(_, wanted)| name(wanted).is_ok_and(|wanted| wanted == function.name));
        is_wanted || function.has_prefix() && function.function().is_some()
    });
    is_ours || function.is_empty() || model::is_placeholder(function)
}

/// In the order of a deployment. What is no hook stays behind what it stood behind.
fn sort_by_lifecycle(lines: &mut [HookEntry]) {
    let mut last = None;
    let mut ranks: Vec<(Option<Hook>, usize)> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        last = model::hook_for_event(&line.event).or(last);
        ranks.push((last, number));
    }
    ranks.sort();
    let sorted: Vec<HookEntry> = ranks.into_iter().map(|(_, number)| lines[number].clone()).collect();
    lines.clone_from_slice(&sorted);
}
