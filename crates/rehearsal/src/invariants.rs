//! The promise, checked: an execution of a hook is answered once, in time and for a reason, by the hook itself, else by
//! the net beneath it, and is left to the alarm only when neither can.
//!
//! [`allowed`] says who may have answered by what was planned to go wrong; [`broken`] says what an execution did that no
//! plan excuses. Both are pure and take plain data, so that any test can ask them.
//!
//! For one function, a hook's or the net, a plan means:
//!
//! | what is planned to go wrong | it answers by itself |
//! |---|---|
//! | nothing that is about its answer (a check that cannot be made is answered *Failed*) | certainly |
//! | its answer takes effect, and the reply to it does not come or is damaged | certainly |
//! | some of its answers have no effect, and the time kept back is long enough for one more | certainly |
//! | the same, and the time may be too short for one more | possibly |
//! | its process is ended before its time, or has hardly any, or its clock promises more time than there is | possibly |
//! | none of its answers has an effect | never |
//!
//! The hook is who answers if it certainly does; then nothing else is allowed. If it does so possibly or never, the net
//! may have answered; and nobody, if there is no net or it does not answer certainly.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    aws::StatusPut,
    fault::{FaultKind, FaultTiming, InjectedFault},
    function_name::FunctionName,
    lambda::ClockSkew,
    on_failure,
    report::{AnsweredBy, CheckLine, HookStatus},
};

const PUT_STATUS: &str = "codedeploy:PutLifecycleEventHookExecutionStatus";

/// A function keeps the fifth part of its time for the answer, and never more than this.
const RESERVE: Duration = Duration::from_secs(30);
/// What an answer that is refused or cut off costs until the next one is sent, on a machine with other work.
const FAST_FAILURE_COST: Duration = Duration::from_secs(1);
/// What an answer costs on which nothing comes back: the limit of an attempt, and the pause after it.
const SLOW_FAILURE_COST: Duration = Duration::from_secs(5);
/// With less time than this it is chance whether a process comes to its answer.
const TOO_LITTLE_TIME: Duration = Duration::from_secs(2);
/// What a record and a process need on their way on a machine with other work.
const SLACK: Duration = Duration::from_secs(10);

/// What is planned to go wrong for one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFaults {
    /// Its time-out.
    pub timeout: Duration,
    /// The time-out that it takes itself to have. Another one, if its clock is wrong.
    pub believed_timeout: Duration,
    /// What goes wrong between it and AWS, the first that strikes first. Only what strikes the answer is looked at.
    pub faults: Vec<InjectedFault>,
    /// Its process is ended before its time, if that is still running then.
    pub dies: bool,
    /// How often it is invoked: a hook once, the net three times.
    pub tries: u32,
}

impl PlannedFaults {
    /// What a list of faults means for one function.
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

    /// The same with the net's own time-out.
    pub fn for_on_failure(faults: &[InjectedFault]) -> Self {
        Self::new(FunctionName::OnFailure, on_failure::TIMEOUT, faults)
    }

    /// The same with a wrong clock.
    #[must_use]
    pub fn with_clock(self, off: ClockSkew) -> Self {
        let believed = match off {
            ClockSkew::Ahead(by) => self.timeout.saturating_sub(by),
            ClockSkew::Behind(by) => self.timeout.saturating_add(by),
        };
        Self { believed_timeout: believed, ..self }
    }

    /// Whether it answers by itself.
    fn likelihood(&self) -> Likelihood {
        // Calls may have been counted before this execution: what does not depend on how many there were is certain.
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

    /// The time that there is for answers, all tries together.
    fn answer_budget(&self) -> Duration {
        let time = self.timeout.min(self.believed_timeout);
        // The net has nothing else to do.
        if self.tries > 1 { time * self.tries } else { RESERVE.min(time / 5) }
    }
}

const fn takes_effect(fault: &InjectedFault) -> bool {
    matches!(fault.timing, FaultTiming::After)
}

const fn is_slow(trouble: FaultKind) -> bool {
    // So much takes its time too.
    trouble.is_slow() || matches!(trouble, FaultKind::Huge)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likelihood {
    Never,
    Possibly,
    Certainly,
}

/// Who may have answered, by what was planned to go wrong for the hook's function and for the net, if there is one.
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

/// One status that was put for an execution, whether it came through or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentStatus {
    /// Which invocation sent it, as an index into [`Asked::deadlines`]; none if that is not known.
    pub by: Option<usize>,
    /// `Succeeded`, `Failed`, or whatever was sent in its place.
    pub status: String,
    /// Whether CodeDeploy took it.
    pub took_effect: bool,
    /// When, since the hook was asked.
    pub at: Duration,
}

impl SentStatus {
    /// As the ledger has it.
    pub fn new(put: &StatusPut, by: Option<usize>) -> Self {
        Self { by, status: put.status.clone(), took_effect: put.took_effect, at: put.after }
    }
}

/// One execution: a hook was asked, and all that came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionRecord {
    /// Who may have answered.
    pub allowed: BTreeSet<AnsweredBy>,
    /// Who did.
    pub answered_by: AnsweredBy,
    /// Every status that was put for it, in order.
    pub sent: Vec<SentStatus>,
    /// For each invocation that got its event or the record of it: when Lambda ends it, since the hook was asked.
    pub deadlines: Vec<Duration>,
    /// The checks that the hook logged.
    pub checks: Vec<CheckLine>,
    /// The verdict that the hook logged; empty when it logged none.
    pub verdict: String,
}

/// What the promise forbids and an execution did all the same, in words. Empty when the promise was kept.
pub fn violations(execution: &ExecutionRecord) -> Vec<String> {
    let mut violations = Vec::new();
    let taken: Vec<&SentStatus> = execution.sent.iter().filter(|sent| sent.took_effect).collect();
    if taken.len() > 1 {
        violations.push(format!("one answer may take effect, and {} did", taken.len()));
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
            let by = humantime::format_duration(late.at - *deadline);
            violations.push(format!("it put {} {by} after Lambda's deadline", late.status));
        }
    }
    // In time: before the hook's own deadline, or while the net works after it.
    let in_time = execution.deadlines.first().map(|hook| *hook + on_failure::max_duration() + SLACK);
    if let (Some(taken), Some(in_time)) = (taken.first(), in_time)
        && taken.at > in_time
    {
        let after = humantime::format_duration(taken.at);
        violations.push(format!("the answer came after {after}, when the net had long been at its end"));
    }
    let succeeded = taken.iter().any(|sent| sent.status == status_name(HookStatus::Succeeded));
    // Who only observes lets everything through, and its verdict says what it would have stopped.
    let observes = execution.verdict.contains(" succeeded, observed: would have failed: ");
    let stops = |check: &&CheckLine| succeeded && !observes && check.decision == "fail";
    if let Some(check) = execution.checks.iter().find(stops) {
        violations.push(format!("it put Succeeded, and its check `{}` says fail", check.name));
    }
    // The words with which a verdict says that there was nothing to check, on purpose.
    if succeeded && execution.checks.is_empty() && !execution.verdict.contains("nothing was checked") {
        violations.push("it put Succeeded, and has neither checked anything nor said why not".to_owned());
    }
    violations
}

const fn status_name(answer: HookStatus) -> &'static str {
    match answer {
        HookStatus::Succeeded => "Succeeded",
        HookStatus::Failed => "Failed",
    }
}

fn not_allowed(allowed: &BTreeSet<AnsweredBy>, answered_by: AnsweredBy) -> String {
    let was = match answered_by {
        AnsweredBy::Hook => "it answered itself",
        AnsweredBy::OnFailureHandler => "the net answered for it",
        AnsweredBy::Nobody => "nobody answered",
    };
    if allowed.iter().eq([&AnsweredBy::Hook]) {
        return format!("expected it to answer itself, since nothing that was planned keeps it from that; {was}");
    }
    if !allowed.contains(&AnsweredBy::Nobody) && answered_by == AnsweredBy::Nobody {
        return format!("expected an answer, if not of its own then the net's, which nothing keeps from it; {was}");
    }
    let expected: Vec<&str> = allowed
        .iter()
        .map(|by| match by {
            AnsweredBy::Hook => "an answer of its own",
            AnsweredBy::OnFailureHandler => "the net's answer",
            AnsweredBy::Nobody => "no answer",
        })
        .collect();
    format!("expected {} by what was planned; {was}", expected.join(" or "))
}

#[cfg(test)]
mod tests;
