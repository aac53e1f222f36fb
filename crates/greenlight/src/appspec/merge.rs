//! What is to stand in a Hooks section: what stands there, and what is wanted.

use hook_core::Hook;
use rehearsal::FunctionRef;

use super::file::{self, Entry};

/// An event and its function, as they are to stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The event.
    pub event: String,
    /// The function.
    pub function: String,
    /// The entry that is there for it, by its number.
    pub from: Option<usize>,
}

/// An entry that may not be replaced: another function than one of these hooks.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// The entry, by its number.
    pub entry: usize,
    /// Whose event it is.
    pub hook: Hook,
    /// What would stand there.
    pub wanted: String,
}

/// What becomes of the entries: those that nobody asked for stay; CodeDeploy invokes one function for an event, so a hook
/// of these is replaced by the one that is wanted, and a function of somebody else's only where that is allowed.
///
/// # Errors
/// Entries that would have to be replaced, and may not be.
pub fn merge(entries: &[Entry<'_>], wanted: &[(Hook, String)], replace: bool) -> Result<Vec<Line>, Vec<Taken>> {
    let (mut lines, mut taken): (Vec<Line>, Vec<Taken>) = (Vec::new(), Vec::new());
    for (number, entry) in entries.iter().enumerate() {
        let (event, own) = (entry.event_name(), entry.function_name());
        let asked = wanted.iter().find(|(hook, _)| Some(*hook) == entry.hook());
        let function = match asked {
            Some((hook, function)) if function != own => {
                if !(replace || may_go(own, wanted)) {
                    taken.push(Taken { entry: number, hook: *hook, wanted: function.clone() });
                }
                function
            }
            _ => own,
        };
        // An event that is wanted stands there once.
        if asked.is_none() || !lines.iter().any(|line| line.event == event) {
            lines.push(Line { event: event.to_owned(), function: function.to_owned(), from: Some(number) });
        }
    }
    for (hook, function) in wanted {
        let event = hook.event_name();
        if !lines.iter().any(|line| line.event == event) {
            lines.push(Line { event: event.to_owned(), function: function.clone(), from: None });
        }
    }
    in_order(&mut lines);
    if taken.is_empty() { Ok(lines) } else { Err(taken) }
}

/// Whether it is one of these functions, or a word that stands for one that is to come. A name that only ends like one of
/// these may be somebody's own: it is one of these with their prefix, or as a function of the stack that was asked for.
fn may_go(function: &str, wanted: &[(Hook, String)]) -> bool {
    let name = |text: &str| text.parse::<FunctionRef>().map(|function| function.name);
    let is_ours = function.parse::<FunctionRef>().is_ok_and(|function| {
        let is_wanted = wanted.iter().any(|(_, wanted)| name(wanted).is_ok_and(|wanted| wanted == function.name));
        is_wanted || function.has_prefix() && function.function().is_some()
    });
    is_ours || function.is_empty() || file::is_placeholder(function)
}

/// In the order of a deployment. What is no hook stays behind what it stood behind.
fn in_order(lines: &mut [Line]) {
    let mut last = None;
    let mut ranks: Vec<(Option<Hook>, usize)> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        last = file::hook_of(&line.event).or(last);
        ranks.push((last, number));
    }
    ranks.sort();
    let sorted: Vec<Line> = ranks.into_iter().map(|(_, number)| lines[number].clone()).collect();
    lines.clone_from_slice(&sorted);
}
