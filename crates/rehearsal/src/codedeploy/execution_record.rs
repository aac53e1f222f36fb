//! Whether the invariants hold for each execution of a deployment's hooks.

use std::time::Instant;

use crate::{
    codedeploy::{
        SimulatedCodeDeploy,
        deployment_run::DeploymentRun,
        invariants::{ExecutionRecord, PlannedFaults, SentStatus, allowed_responders, violations},
        invocations::ProcessRun,
        tracked_execution::TrackedExecution,
    },
    fake_aws::StatusPut,
    lambda::{FunctionName, Invoker},
    report::HookRun,
};

impl<F: Invoker> DeploymentRun<'_, F> {
    /// The invariants that any of the hooks violated, in words.
    pub(super) fn invariant_violations(&self, hooks: &[HookRun]) -> Vec<String> {
        let violations_of = |run: &HookRun| {
            // The guarantee does not cover the on-failure handler where an AppSpec file names it as a hook.
            let owes = |executed: &&TrackedExecution| !executed.stopped && executed.program != FunctionName::OnFailure;
            let executed = self.executions.get(&run.hook).filter(owes)?;
            let puts = self.codedeploy.puts(&self.deployment, run.hook, executed.started);
            let texts = violations(&execution_record(self.codedeploy, executed, run, &puts));
            Some(texts.into_iter().map(|text| format!("{}: {text}", run.hook)).collect::<Vec<_>>())
        };
        hooks.iter().filter_map(violations_of).flatten().collect()
    }
}

fn execution_record<F>(
    simulation: &SimulatedCodeDeploy<F>,
    executed: &TrackedExecution,
    run: &HookRun,
    puts: &[StatusPut],
) -> ExecutionRecord {
    let ran: Vec<ProcessRun> = executed.invocations.iter().flat_map(|seen| seen.borrow().runs.clone()).collect();
    let since = |time: Instant| time.saturating_duration_since(executed.started);
    let sent = puts.iter().map(|put| SentStatus::new(put, sender(&ran, executed.started + put.after, put.by)));
    ExecutionRecord {
        allowed: allowed_responders(
            &planned_faults(simulation, executed.program),
            on_failure_faults(simulation).as_ref(),
        ),
        answered_by: run.answered_by,
        sent: sent.collect(),
        deadlines: ran.iter().map(|ran| since(ran.started) + ran.limit).collect(),
        checks: run.checks.clone(),
        verdict: executed.verdict.clone(),
    }
}

/// The invocation that sent a status: the only one of its function that ran at that time. The simulated AWS knows only
/// the function, by its role.
fn sender(ran: &[ProcessRun], at: Instant, by: Option<FunctionName>) -> Option<usize> {
    let was_it =
        |ran: &ProcessRun| Some(ran.function) == by && ran.started <= at && ran.ended.is_none_or(|ended| at <= ended);
    let mut found = (0..ran.len()).filter(|number| was_it(&ran[*number]));
    found.next().filter(|_| found.next().is_none())
}

fn planned_faults<F>(simulation: &SimulatedCodeDeploy<F>, function: FunctionName) -> PlannedFaults {
    let dies = simulation.killed_functions.contains(&function);
    PlannedFaults { dies, ..PlannedFaults::new(function, simulation.timeout, &simulation.faults) }
}

fn on_failure_faults<F>(simulation: &SimulatedCodeDeploy<F>) -> Option<PlannedFaults> {
    let dies = simulation.killed_functions.contains(&FunctionName::OnFailure);
    simulation.on_failure.then(|| PlannedFaults { dies, ..PlannedFaults::for_on_failure(&simulation.faults) })
}
