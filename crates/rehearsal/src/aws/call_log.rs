//! What was called, what was answered, and what became of every status that was put.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{Call, text};
use crate::{
    fault::{FaultKind, InjectedFault},
    function_name::FunctionName,
};

/// A status of a lifecycle event that came to CodeDeploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusPut {
    /// The lifecycle event of the execution that it is for; none when CodeDeploy never gave the id that it names. Whole
    /// execution ids are kept nowhere.
    pub event: Option<String>,
    /// The deployment of that execution.
    pub deployment: Option<String>,
    /// Whose role sent it; none, if that is no function of the rehearsal's.
    pub by: Option<FunctionName>,
    /// The status, as it was sent: `Succeeded`, `Failed`, or whatever it was.
    pub status: String,
    /// What went wrong with this call, if anything did.
    pub fault_kind: Option<FaultKind>,
    /// Whether CodeDeploy took it, and so nothing that comes later.
    pub took_effect: bool,
    /// Whether a whole reply went out that says that all is well.
    pub replied: bool,
    /// When it came: so long after the function was invoked, or after an open stage was opened.
    pub after: Duration,
}

/// What there is to know of the calls so far.
#[derive(Debug, Default)]
pub(super) struct CallLog {
    pub calls: BTreeMap<String, u64>,
    pub good_replies: BTreeMap<String, u64>,
    pub unknown: BTreeSet<String>,
    by_caller: BTreeMap<(Option<FunctionName>, String), u64>,
    /// `after` is not known here: each has the time at which it came.
    puts: Vec<(Instant, StatusPut)>,
}

/// A call that has been entered.
#[derive(Debug)]
pub(super) struct LoggedCall {
    name: String,
    /// What is to go wrong with it.
    pub fault: Option<InjectedFault>,
    /// Which of the puts it is.
    put_index: Option<usize>,
}

/// The deployment and the lifecycle event of an execution that CodeDeploy knows.
pub(super) type ExecutionOwner = Option<(String, String)>;

const PUT_STATUS: &str = "codedeploy:PutLifecycleEventHookExecutionStatus";

impl CallLog {
    /// Counts a call.
    pub fn record_call(
        &mut self,
        call: &Call,
        caller: Option<FunctionName>,
        whose: ExecutionOwner,
        faults: &[InjectedFault],
    ) -> LoggedCall {
        let name = call.name();
        let nth = count(&mut self.calls, name.clone());
        let own = count(&mut self.by_caller, (caller, name.clone()));
        let fault = faults.iter().find(|fault| match fault.function {
            None => fault.applies_to_call(&name, nth),
            function => function == caller && fault.applies_to_call(&name, own),
        });
        let put = (name == PUT_STATUS).then(|| {
            let (status, trouble) = (text(&call.input, "status").to_owned(), fault.map(|fault| fault.kind));
            self.record_put(whose, caller, status, trouble)
        });
        LoggedCall { name, fault: fault.cloned(), put_index: put }
    }

    /// Notes a status that was put, and gives which of the puts it is.
    pub fn record_put(
        &mut self,
        whose: ExecutionOwner,
        by: Option<FunctionName>,
        status: String,
        trouble: Option<FaultKind>,
    ) -> usize {
        let (deployment, event) = whose.unzip();
        let (took_effect, replied, after) = (false, false, Duration::ZERO);
        let put = StatusPut { event, deployment, by, status, fault_kind: trouble, took_effect, replied, after };
        self.puts.push((Instant::now(), put));
        self.puts.len() - 1
    }

    /// The operation was done.
    pub fn mark_effective(&mut self, entry: &LoggedCall) {
        if let Some(at) = entry.put_index {
            self.mark_taken(at);
        }
    }

    /// CodeDeploy took a status.
    pub fn mark_taken(&mut self, at: usize) {
        if let Some((_, put)) = self.puts.get_mut(at) {
            put.took_effect = true;
        }
    }

    /// A whole, good reply goes out.
    pub fn mark_replied(&mut self, entry: &LoggedCall) {
        count(&mut self.good_replies, entry.name.clone());
        if let Some((_, put)) = entry.put_index.and_then(|at| self.puts.get_mut(at)) {
            put.replied = true;
        }
    }

    /// Every status that was put, with its time since then.
    pub fn puts(&self, since: Instant) -> Vec<StatusPut> {
        let with_time_since = |(when, put): &(Instant, StatusPut)| StatusPut {
            after: when.saturating_duration_since(since),
            ..put.clone()
        };
        self.puts.iter().map(with_time_since).collect()
    }
}

/// Counts one more, and gives how many there are now.
fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) -> u64 {
    let count = counts.entry(key).or_default();
    *count += 1;
    *count
}
