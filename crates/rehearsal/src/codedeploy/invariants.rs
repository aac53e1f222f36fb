//! The invariants of an execution of a hook: one status, in time and with a reason. The hook function puts it; if it
//! cannot, the on-failure handler does. Only if neither can is the execution left to the alarm.
//!
//! [`allowed_responders`] derives from the planned faults who may put the status. [`violations`] lists what an
//! execution did that the planned faults do not explain. Both are pure and take plain data, so that any test can call
//! them.
//!
//! For one function, a hook's or the on-failure handler, the planned faults mean:
//!
//! | planned fault | the function puts a status itself |
//! |---|---|
//! | nothing that affects its status (a check that cannot be made leads to *Failed*) | certainly |
//! | its status takes effect, and the reply is lost or damaged | certainly |
//! | some attempts to put it have no effect, and the reserve is long enough for one more | certainly |
//! | the same, and the time may be too short for one more | possibly |
//! | its process is killed early, or has hardly any time, or its clock shows more time than there is | possibly |
//! | no attempt to put it has an effect | never |
//!
//! If the hook function certainly puts a status, nothing else is allowed. If it does so possibly or never, the
//! on-failure handler may have put it. It is also allowed that nobody did, if there is no on-failure handler or it does
//! not certainly put a status.

use std::{collections::BTreeSet, time::Duration};

use lifecycle::{Status, format_duration};

use crate::{
    check_line::{CheckDecision, CheckLine},
    fake_aws::{PUT_STATUS, StatusPut},
    lambda::{ClockSkew, FunctionName, HookVerdict, on_failure},
    report::AnsweredBy,
    scenario::{FaultKind, FaultTiming, InjectedFault},
};

/// A function reserves a fifth of its time for the status, but at most this.
const RESERVE: Duration = Duration::from_secs(30);
/// The time from a status that is rejected or cut off until the next attempt, on a busy machine.
const FAST_FAILURE_COST: Duration = Duration::from_secs(1);
/// The cost of an attempt that gets no reply: the timeout of one attempt, and the pause after it.
const SLOW_FAILURE_COST: Duration = Duration::from_secs(5);
/// With less time than this, it is down to chance whether a process gets to put a status.
const TOO_LITTLE_TIME: Duration = Duration::from_secs(2);
/// The time for delivering a record and starting a process on a busy machine.
const SLACK: Duration = Duration::from_secs(10);

/// The planned faults of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFaults {
    pub timeout: Duration,
    /// The timeout that the function believes it has. It differs if its clock is wrong.
    pub believed_timeout: Duration,
    /// The faults between the function and AWS; the first one that applies to a call wins. Only faults of the call that
    /// puts the status matter.
    pub faults: Vec<InjectedFault>,
    /// Whether its process is killed early, if it still runs then.
    pub dies: bool,
    /// How often it is invoked: a hook function once, the on-failure handler three times.
    pub tries: u32,
}

impl PlannedFaults {
    /// Selects the faults that apply to one function.
    pub fn new(function: impl Into<FunctionName>, timeout: Duration, faults: &[InjectedFault]) -> Self {
        let function = function.into();
        let own = |fault: &&InjectedFault| fault.function.is_none_or(|whose| whose == function);
        let tries = match function {
            FunctionName::Hook(_) => 1,
            FunctionName::OnFailure => 1 + on_failure::RETRY_DELAYS.len() as u32,
        };
        Self {
            timeout,
            believed_timeout: timeout,
            faults: faults.iter().filter(own).cloned().collect(),
            dies: false,
            tries,
        }
    }

    /// The same for the on-failure handler, with its timeout.
    pub fn for_on_failure(faults: &[InjectedFault]) -> Self {
        Self::new(FunctionName::OnFailure, on_failure::TIMEOUT, faults)
    }

    /// The same with a wrong clock.
    #[must_use]
    pub fn with_clock(self, off: ClockSkew) -> Self {
        let believed_timeout = match off {
            ClockSkew::Ahead(by) => self.timeout.saturating_sub(by),
            ClockSkew::Behind(by) => self.timeout.saturating_add(by),
        };
        Self { believed_timeout, ..self }
    }

    /// How likely the function is to put a status.
    fn likelihood(&self) -> Likelihood {
        // Earlier executions may have made some of the counted calls. Only a result that does not depend on their
        // number is certain.
        let turns = self.faults.iter().map(|fault| u64::from(fault.after) + u64::from(fault.times.unwrap_or(0))).max();
        let turns = turns.unwrap_or(0).min(100);
        let mut chances: BTreeSet<Likelihood> =
            (0..=turns).map(|counted| self.likelihood_after(counted, turns)).collect();
        match (chances.pop_first(), chances.is_empty()) {
            (Some(only), true) => only,
            _ => Likelihood::Possibly,
        }
    }

    fn likelihood_after(&self, counted: u64, turns: u64) -> Likelihood {
        let mut cost = Duration::ZERO;
        for nth in counted + 1..=counted + turns + 1 {
            match self.faults.iter().find(|fault| fault.applies_to_call(PUT_STATUS, nth)) {
                Some(fault) if !takes_effect(fault) => {
                    cost += if is_slow(fault.kind) { SLOW_FAILURE_COST } else { FAST_FAILURE_COST }
                }
                _ => {
                    return if self.is_uncertain() || cost > self.answer_budget() {
                        Likelihood::Possibly
                    } else {
                        Likelihood::Certainly
                    };
                }
            }
        }
        Likelihood::Never
    }

    fn is_uncertain(&self) -> bool {
        self.dies || self.timeout < TOO_LITTLE_TIME || self.believed_timeout > self.timeout
    }

    /// The time for putting the status, over all attempts.
    fn answer_budget(&self) -> Duration {
        let time = self.timeout.min(self.believed_timeout);
        // The on-failure handler has nothing else to do.
        if self.tries > 1 { time * self.tries } else { RESERVE.min(time / 5) }
    }
}

const fn takes_effect(fault: &InjectedFault) -> bool {
    matches!(fault.timing, FaultTiming::After)
}

const fn is_slow(trouble: FaultKind) -> bool {
    // A response of that size takes time too.
    trouble.is_slow() || matches!(trouble, FaultKind::Huge)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likelihood {
    Never,
    Possibly,
    Certainly,
}

/// Who may have put the status, given the planned faults of the hook function and of the on-failure handler, if there
/// is one.
pub fn allowed_responders(hook: &PlannedFaults, on_failure: Option<&PlannedFaults>) -> BTreeSet<AnsweredBy> {
    let mut allowed = BTreeSet::new();
    let by_hook = hook.likelihood();
    if by_hook > Likelihood::Never {
        allowed.insert(AnsweredBy::Hook);
    }
    if by_hook < Likelihood::Certainly {
        let by_on_failure = on_failure.map_or(Likelihood::Never, PlannedFaults::likelihood);
        if by_on_failure > Likelihood::Never {
            allowed.insert(AnsweredBy::OnFailureHandler);
        }
        if by_on_failure < Likelihood::Certainly {
            allowed.insert(AnsweredBy::Nobody);
        }
    }
    allowed
}

/// A status that was sent for an execution, whether it took effect or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentStatus {
    /// The invocation that sent it, as an index into [`ExecutionRecord::deadlines`]; `None` if that is unknown.
    pub by: Option<usize>,
    /// `Succeeded`, `Failed`, or another text that was sent.
    pub status: String,
    /// Whether CodeDeploy accepted it.
    pub took_effect: bool,
    /// The time since the hook was invoked.
    pub at: Duration,
}

impl SentStatus {
    /// A status from the simulated AWS's record.
    pub fn new(put: &StatusPut, by: Option<usize>) -> Self {
        Self { by, status: put.status.clone(), took_effect: put.took_effect, at: put.after }
    }
}

/// One execution of a hook and everything that happened in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionRecord {
    /// Who may have put the status.
    pub allowed: BTreeSet<AnsweredBy>,
    /// Who put it.
    pub answered_by: AnsweredBy,
    /// Every status that was sent for it, in order.
    pub sent: Vec<SentStatus>,
    /// Lambda's deadline for each invocation that received the event or the record of it, as the time since the hook
    /// was invoked.
    pub deadlines: Vec<Duration>,
    /// The checks that the hook logged.
    pub checks: Vec<CheckLine>,
    /// The verdict that the hook logged; the default if it logged none.
    pub verdict: HookVerdict,
}

/// The invariants that an execution violated, in words. Empty if all of them hold.
pub fn violations(execution: &ExecutionRecord) -> Vec<String> {
    let mut violations = Vec::new();
    let taken: Vec<&SentStatus> = execution.sent.iter().filter(|sent| sent.took_effect).collect();
    if taken.len() > 1 {
        violations.push(format!("only one status can take effect, and {} did", taken.len()));
    }
    if !execution.allowed.contains(&execution.answered_by) {
        violations.push(not_allowed(&execution.allowed, execution.answered_by));
    }
    for (number, deadline) in execution.deadlines.iter().enumerate() {
        let own = || execution.sent.iter().filter(|sent| sent.by == Some(number));
        let mut words: Vec<&str> = own().map(|sent| sent.status.as_str()).collect();
        words.dedup();
        if words.len() > 1 {
            violations.push(format!("one invocation changed its mind: it put {}", words.join(", then ")));
        }
        if let Some(late) = own().find(|sent| sent.at > *deadline) {
            let by = format_duration(late.at - *deadline);
            violations.push(format!("it put {} {by} after Lambda's deadline", late.status));
        }
    }
    // In time means before the hook function's deadline, or while the on-failure handler may run after it.
    let in_time = execution.deadlines.first().map(|hook| *hook + on_failure::max_duration() + SLACK);
    if let (Some(taken), Some(in_time)) = (taken.first(), in_time)
        && taken.at > in_time
    {
        let after = format_duration(taken.at);
        violations.push(format!("the status came after {after}, long after the last attempt of on-failure"));
    }
    let succeeded = taken.iter().any(|sent| sent.status == Status::Succeeded.as_str());
    let stops = |check: &&CheckLine| succeeded && !execution.verdict.observes && check.decision == CheckDecision::Fail;
    if let Some(check) = execution.checks.iter().find(stops) {
        violations.push(format!("it put Succeeded, and its check `{}` decided fail", check.name));
    }
    if succeeded && execution.checks.is_empty() && !execution.verdict.checked_nothing {
        violations.push("it put Succeeded without a check and without a reason for that".to_owned());
    }
    violations
}

fn not_allowed(allowed: &BTreeSet<AnsweredBy>, answered_by: AnsweredBy) -> String {
    let was = match answered_by {
        AnsweredBy::Hook => "it put its own",
        AnsweredBy::OnFailureHandler => "on-failure put one",
        AnsweredBy::Nobody => "nobody put one",
    };
    if allowed.iter().eq([&AnsweredBy::Hook]) {
        return format!("expected it to put its status itself, since no planned fault prevents that; {was}");
    }
    if !allowed.contains(&AnsweredBy::Nobody) && answered_by == AnsweredBy::Nobody {
        return format!("expected a status, if not its own then on-failure's, which no planned fault prevents; {was}");
    }
    let expected: Vec<&str> = allowed
        .iter()
        .map(|by| match by {
            AnsweredBy::Hook => "its own status",
            AnsweredBy::OnFailureHandler => "on-failure's status",
            AnsweredBy::Nobody => "no status",
        })
        .collect();
    format!("expected {} with the planned faults; {was}", expected.join(" or "))
}

#[cfg(test)]
mod tests;
