//! What was called, what was answered, and what became of every status that was put.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{Call, text};
use crate::{
    fault::{Fault, Trouble},
    hook_name::HookName,
};

/// A status of a lifecycle event that came to CodeDeploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The lifecycle event of the execution that it is for; none when CodeDeploy never gave the id that it names. Whole
    /// execution ids are kept nowhere.
    pub event: Option<String>,
    /// The status, as it was sent: `Succeeded`, `Failed`, or whatever it was.
    pub status: String,
    /// What went wrong with this call, if anything did.
    pub trouble: Option<Trouble>,
    /// Whether CodeDeploy took it, and so nothing that comes later.
    pub took_effect: bool,
    /// Whether a whole reply went out that says that all is well.
    pub replied: bool,
    /// When it came: so long after the function was invoked, or after an open stage was opened.
    pub after: Duration,
}

/// What there is to know of the calls so far.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub calls: BTreeMap<String, u64>,
    pub good_replies: BTreeMap<String, u64>,
    pub unknown: BTreeSet<String>,
    by_caller: BTreeMap<(Option<HookName>, String), u64>,
    /// `after` is not known here: each has the time at which it came.
    puts: Vec<(Instant, Put)>,
}

/// A call that has been entered.
#[derive(Debug)]
pub(super) struct Entry {
    name: String,
    /// What is to go wrong with it.
    pub fault: Option<Fault>,
    /// Which of the puts it is.
    put: Option<usize>,
}

const PUT: &str = "codedeploy:PutLifecycleEventHookExecutionStatus";

impl Ledger {
    /// Counts a call.
    pub fn enter(&mut self, call: &Call, caller: Option<HookName>, event: Option<String>, faults: &[Fault]) -> Entry {
        let name = call.name();
        let nth = count(&mut self.calls, name.clone());
        let own = count(&mut self.by_caller, (caller, name.clone()));
        let fault = faults.iter().find(|fault| match fault.function {
            None => fault.strikes(&name, nth),
            function => function == caller && fault.strikes(&name, own),
        });
        let put = (name == PUT).then(|| {
            let (status, trouble) = (text(&call.input, "status").to_owned(), fault.map(|fault| fault.trouble));
            let (took_effect, replied, after) = (false, false, Duration::ZERO);
            self.puts.push((Instant::now(), Put { event, status, trouble, took_effect, replied, after }));
            self.puts.len() - 1
        });
        Entry { name, fault: fault.cloned(), put }
    }

    /// The operation was done.
    pub fn took_effect(&mut self, entry: &Entry) {
        if let Some((_, put)) = entry.put.and_then(|at| self.puts.get_mut(at)) {
            put.took_effect = true;
        }
    }

    /// A whole, good reply goes out.
    pub fn replied(&mut self, entry: &Entry) {
        count(&mut self.good_replies, entry.name.clone());
        if let Some((_, put)) = entry.put.and_then(|at| self.puts.get_mut(at)) {
            put.replied = true;
        }
    }

    /// Every status that was put, with its time since then.
    pub fn puts(&self, since: Instant) -> Vec<Put> {
        let told = |(when, put): &(Instant, Put)| Put { after: when.saturating_duration_since(since), ..put.clone() };
        self.puts.iter().map(told).collect()
    }
}

/// Counts one more, and gives how many there are now.
fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) -> u64 {
    let count = counts.entry(key).or_default();
    *count += 1;
    *count
}
