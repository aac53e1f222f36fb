//! A log of the calls to the fake AWS, of its replies, and of every hook status that was put.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::{
    fake_aws::protocol::{Call, text},
    lambda::FunctionName,
    scenario::{FaultKind, InjectedFault},
};

/// A hook status that CodeDeploy received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusPut {
    /// The lifecycle event of the execution. `None` if CodeDeploy never issued the execution id in the call. Complete
    /// execution ids are not kept anywhere.
    pub event: Option<String>,
    /// The deployment of that execution.
    pub deployment: Option<String>,
    /// The function whose role sent it. `None` if the caller is not a function of the rehearsal.
    pub by: Option<FunctionName>,
    /// The status as it was sent: `Succeeded`, `Failed`, or an invalid text.
    pub status: String,
    /// The fault that was injected into this call, if any.
    pub fault_kind: Option<FaultKind>,
    /// Whether CodeDeploy accepted it. CodeDeploy then refuses every later one for this execution.
    pub took_effect: bool,
    /// Whether a complete, successful reply was sent.
    pub replied: bool,
    /// The time from the function's invocation, or from the opening of a running test bed, until it arrived.
    pub after: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct CallLog {
    pub calls: BTreeMap<String, u64>,
    pub good_replies: BTreeMap<String, u64>,
    pub unknown: BTreeSet<String>,
    by_caller: BTreeMap<(Option<FunctionName>, String), u64>,
    /// Each entry has its time of arrival; `after` is only filled in by [`CallLog::puts`].
    puts: Vec<(Instant, StatusPut)>,
}

/// A call that has been logged.
#[derive(Debug)]
pub(crate) struct LoggedCall {
    name: String,
    /// The fault to inject into it.
    pub fault: Option<InjectedFault>,
    /// Its index in the list of puts, if it puts a status.
    put_index: Option<usize>,
}

/// The deployment and the lifecycle event of an execution. `None` if CodeDeploy does not know the execution.
pub(crate) type ExecutionOwner = Option<(String, String)>;

/// The operation that puts the status of a hook.
pub(crate) const PUT_STATUS: &str = "codedeploy:PutLifecycleEventHookExecutionStatus";

impl CallLog {
    /// Counts a call and decides which fault applies to it.
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

    /// Logs a status that was put, and returns its index.
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

    /// Notes that the operation took effect.
    pub fn mark_effective(&mut self, entry: &LoggedCall) {
        if let Some(at) = entry.put_index {
            self.mark_taken(at);
        }
    }

    /// Notes that CodeDeploy accepted a status.
    pub fn mark_taken(&mut self, at: usize) {
        if let Some((_, put)) = self.puts.get_mut(at) {
            put.took_effect = true;
        }
    }

    /// Notes that a complete, successful reply is sent.
    pub fn mark_replied(&mut self, entry: &LoggedCall) {
        count(&mut self.good_replies, entry.name.clone());
        if let Some((_, put)) = entry.put_index.and_then(|at| self.puts.get_mut(at)) {
            put.replied = true;
        }
    }

    /// Returns every status that was put, with `after` measured from `since`.
    pub fn puts(&self, since: Instant) -> Vec<StatusPut> {
        let with_time_since = |(when, put): &(Instant, StatusPut)| StatusPut {
            after: when.saturating_duration_since(since),
            ..put.clone()
        };
        self.puts.iter().map(with_time_since).collect()
    }
}

/// Adds one to a count and returns the new count.
fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) -> u64 {
    let count = counts.entry(key).or_default();
    *count += 1;
    *count
}
