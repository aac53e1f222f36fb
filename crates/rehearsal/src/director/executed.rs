//! What became of each execution of a deployment, and whether the promise was kept in it.

use std::time::Instant;

use tokio::sync::watch;

use super::{
    Director,
    backstage::{Progress, Ran},
    track::Track,
};
use crate::{
    aws::Put,
    function_name::FunctionName,
    hook_name::HookName,
    promise::{Asked, Plan, Sent, allowed, broken},
    report::{AnsweredBy, HookRun},
    runtime::Functions,
};

/// One execution: the id that a hook's function got, and whoever worked on it.
pub(super) struct Executed {
    pub id: String,
    pub program: FunctionName,
    pub began: Instant,
    /// An operator ended it, so that no answer is owed.
    pub stopped: bool,
    pub invocations: Vec<watch::Receiver<Progress>>,
}

impl<F: Functions> Track<'_, F> {
    /// What any of the hooks did that the promise forbids, in words.
    pub(super) fn broken_promises(&self, hooks: &[HookRun]) -> Vec<String> {
        let of = |run: &HookRun| {
            // The net promises nothing to who takes it for a hook.
            let owes = |executed: &&Executed| !executed.stopped && executed.program != FunctionName::LastAnswer;
            let executed = self.executions.get(&run.hook).filter(owes)?;
            let puts = self.director.puts(&self.deployment, run.hook, executed.began);
            let told = broken(&asked(self.director, executed, run, &puts));
            Some(told.into_iter().map(|text| format!("{}: {text}", run.hook)).collect::<Vec<_>>())
        };
        hooks.iter().filter_map(of).flatten().collect()
    }
}

impl<F> Director<F> {
    /// Whose status it is that CodeDeploy took for a hook of a deployment. Whoever is not the net answers for the hook.
    pub(super) fn who_answered(&self, deployment: &str, hook: HookName) -> AnsweredBy {
        let puts = self.puts(deployment, hook, Instant::now());
        match puts.iter().find(|put| put.took_effect).map(|put| put.by) {
            Some(Some(FunctionName::LastAnswer)) => AnsweredBy::Net,
            Some(_) => AnsweredBy::Hook,
            None => AnsweredBy::Nobody,
        }
    }

    /// Every status that was put for a hook of a deployment, with its time since then.
    fn puts(&self, deployment: &str, hook: HookName, since: Instant) -> Vec<Put> {
        let mut puts = self.cloud.puts(since);
        puts.retain(|put| put.deployment.as_deref() == Some(deployment) && put.event.as_deref() == Some(hook.name()));
        puts
    }
}

fn asked<F>(director: &Director<F>, executed: &Executed, run: &HookRun, puts: &[Put]) -> Asked {
    let ran: Vec<Ran> = executed.invocations.iter().flat_map(|seen| seen.borrow().ran.clone()).collect();
    let since = |time: Instant| time.saturating_duration_since(executed.began);
    let sent = puts.iter().map(|put| Sent::new(put, sender(&ran, executed.began + put.after, put.by)));
    Asked {
        allowed: allowed(&plan(director, executed.program), net(director).as_ref()),
        answered_by: run.answered_by,
        sent: sent.collect(),
        deadlines: ran.iter().map(|ran| since(ran.began) + ran.limit).collect(),
        checks: run.checks.clone(),
        verdict: run.verdict.clone(),
    }
}

/// The invocation that sent a status: the only one of that function's that was at work then. AWS knows no more than
/// whose role it was.
fn sender(ran: &[Ran], at: Instant, by: Option<FunctionName>) -> Option<usize> {
    let was_it = |ran: &Ran| Some(ran.function) == by && ran.began <= at && ran.ended.is_none_or(|ended| at <= ended);
    let mut found = (0..ran.len()).filter(|number| was_it(&ran[*number]));
    found.next().filter(|_| found.next().is_none())
}

fn plan<F>(director: &Director<F>, function: FunctionName) -> Plan {
    let dies = director.mortal.contains(&function);
    Plan { dies, ..Plan::new(function, director.timeout, &director.faults) }
}

fn net<F>(director: &Director<F>) -> Option<Plan> {
    let dies = director.mortal.contains(&FunctionName::LastAnswer);
    director.net.then(|| Plan { dies, ..Plan::net(&director.faults) })
}
