//! Chaos runs: several things go wrong at once, derived from a seed, and each run is tested against the guarantee.
//!
//! [`ChaosPlan`] decides what goes wrong. This module runs a plan with the real hook programs and `on-failure`, and
//! tests the result in two ways. The invariants of the rehearsal must hold: one status, in time, from a function that
//! the plan allows. In addition, a hook must not put *Succeeded* for a service with a fault, or without a required
//! read.

mod chaos_plan;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::Context as _;

use rehearsal::{
    AnsweredBy, ClockSkew, ExecutionRecord, FunctionName, Hook, HookRunReport, HookTestBed, HookVerdict,
    InvocationResult, PlannedFaults as Planned, SentStatus, Status, allowed_responders, violations,
};

use tokio::{sync::Semaphore, task::JoinSet};

pub use self::chaos_plan::{ChaosPlan, ProcessFault, ServiceFault};
use crate::{PUT_STATUS, SHORT_WINDOWS, binaries, operations};

/// Operations that a hook calls only for a warning.
const WARN_ONLY_READS: [(Hook, &str); 1] = [(Hook::BeforeInstall, "cloudwatch:DescribeAlarms")];
/// The smallest memory size of a Lambda function, in bytes.
const MIN_MEMORY: u64 = 128 << 20;

/// With a shorter timeout, a window can fail to end in time on a busy machine.
const ENOUGH_TIME: Duration = Duration::from_secs(3);

/// The result of a plan.
#[derive(Debug)]
pub struct ChaosOutcome {
    /// Who put the status.
    pub answered_by: AnsweredBy,
    /// Every violation of the guarantee; empty if it was kept.
    pub violations: Vec<String>,
    /// What the functions logged.
    pub log: Vec<String>,
}

/// Runs a plan.
///
/// # Errors
/// If the run cannot be started.
pub async fn run_plan(plan: &ChaosPlan) -> anyhow::Result<ChaosOutcome> {
    let mut stage = HookTestBed::at(plan.hook)
        .await
        .gate(&gate_file(plan))
        .timeout(plan.timeout)
        .on_failure()
        .redelivered(&plan.redeliveries);
    if let Some(flaw) = plan.service_fault {
        stage = stage.world(|world| flaw.apply(world));
    }
    for fault in &plan.aws_faults {
        stage = stage.inject_fault(fault.clone());
    }
    stage = match plan.process_fault {
        Some(ProcessFault::Kill(after)) => stage.killed(after),
        Some(ProcessFault::ExhaustMemory) => stage.memory(MIN_MEMORY),
        _ => stage,
    };
    if let Some(off) = clock_skew(plan) {
        stage = stage.clock_skew(off);
    }
    let played = stage.run(binaries()).await?;
    let by = answered_by(&played);
    Ok(ChaosOutcome { answered_by: by, violations: violations_of(plan, &played, by), log: played.raw_log })
}

fn clock_skew(plan: &ChaosPlan) -> Option<ClockSkew> {
    let off = Duration::from_millis(plan.clock_behind.unsigned_abs());
    match plan.clock_behind {
        0 => None,
        1.. => Some(ClockSkew::Behind(off)),
        _ => Some(ClockSkew::Ahead(off)),
    }
}

/// The built-in checks with short windows, and the `sabotage` check of the plan.
fn gate_file(plan: &ChaosPlan) -> String {
    let Some(chaos_check) = plan.process_fault.and_then(ProcessFault::chaos_check) else {
        return SHORT_WINDOWS.to_owned();
    };
    let head = format!("  {}:\n", plan.hook.key());
    SHORT_WINDOWS.replace(&head, &format!("{head}    checks: [{{ sabotage: {chaos_check} }}]\n"))
}

fn answered_by(played: &HookRunReport) -> AnsweredBy {
    match played.puts.iter().find(|put| put.took_effect).map(|put| put.by) {
        None => AnsweredBy::Nobody,
        Some(Some(FunctionName::OnFailure)) => AnsweredBy::OnFailureHandler,
        Some(_) => AnsweredBy::Hook,
    }
}

fn violations_of(plan: &ChaosPlan, played: &HookRunReport, by: AnsweredBy) -> Vec<String> {
    let sent = played.puts.iter().map(|put| SentStatus {
        // With several deliveries it is unknown which one sent the status.
        by: (plan.redeliveries.is_empty() && put.by != Some(FunctionName::OnFailure)).then_some(0),
        status: put.status.clone(),
        took_effect: put.took_effect,
        at: put.after,
    });
    let record = ExecutionRecord {
        allowed: responders_allowed_by(plan),
        answered_by: by,
        sent: sent.collect(),
        deadlines: vec![plan.timeout],
        // With several deliveries the log has the checks of all of them, and only one put the status.
        checks: if plan.redeliveries.is_empty() { played.checks.clone() } else { Vec::new() },
        verdict: HookVerdict {
            checked_nothing: played.logged_verdict.checked_nothing || !plan.redeliveries.is_empty(),
            ..played.logged_verdict.clone()
        },
    };
    let mut wrong = violations(&record);
    if played.statuses.contains(&Status::Succeeded) {
        if let Some(flaw) = plan.service_fault {
            wrong.push(format!("it put Succeeded although the service had the fault {flaw:?}"));
        }
        if let Some(harm) = plan.process_fault.filter(|harm| harm.chaos_check().is_some()) {
            wrong.push(format!("it put Succeeded although a check did {harm:?}"));
        }
        for operation in required_reads(plan.hook) {
            if played.good_replies.get(operation).is_none_or(|count| *count == 0) {
                wrong.push(format!("it put Succeeded without a successful reply of {operation}"));
            }
        }
    }
    // A healthy service must pass if nothing goes wrong and there is enough time.
    let calm = plan.timeout >= ENOUGH_TIME
        && plan.aws_faults.is_empty()
        && plan.process_fault.is_none()
        && plan.service_fault.is_none()
        && plan.clock_behind == 0;
    if calm && played.statuses != [Status::Succeeded] {
        wrong.push(format!(
            "the statuses were {:?}, and nothing was planned to go wrong: {}",
            played.statuses, played.verdict
        ));
    }
    // Failed must have a reason code in the log, which the hook writes after the put. Between the two, Lambda can end a
    // function on a busy machine.
    let alone = plan.redeliveries.is_empty() && by == AnsweredBy::Hook;
    let timed_out = matches!(played.invocations.first(), Some(InvocationResult::TimedOut(_)));
    if alone && !timed_out && played.statuses == [Status::Failed] && played.code.is_empty() {
        wrong.push("it put Failed and logged no reason code".to_owned());
    }
    if !played.unknown_operations.is_empty() {
        wrong.push(format!("it called operations unknown to the rehearsal: {:?}", played.unknown_operations));
    }
    if let Some(line) = played.raw_log.iter().find(|line| line.contains("eyJlbmNyeXB0ZWREYXRhIjoi")) {
        wrong.push(format!("its log contains the execution id: {line}"));
    }
    wrong.extend(missing_manual_command(plan, played, by));
    wrong
}

/// If no function could put the status, the log must have the command with which an operator can put it.
fn missing_manual_command(plan: &ChaosPlan, played: &HookRunReport, by: AnsweredBy) -> Option<String> {
    let failed = |how: &InvocationResult| matches!(how, InvocationResult::Error { error_type, .. } if error_type == "StatusNotSent");
    let log_has_command = played.raw_log.iter().any(|line| line.contains("put-lifecycle-event-hook-execution-status"));
    let has_to = played.invocations.iter().chain(&played.on_failure_results).any(failed);
    let dead = plan.process_fault.is_some_and(ProcessFault::kills_process);
    (by == AnsweredBy::Nobody && has_to && !log_has_command && !dead)
        .then(|| "nobody could put the status, and the log lacks the command to put it manually".to_owned())
}

/// The operations that a hook must have called successfully before it puts *Succeeded*.
fn required_reads(hook: Hook) -> impl Iterator<Item = &'static str> {
    let may_warn = move |operation: &str| WARN_ONLY_READS.contains(&(hook, operation));
    operations(hook).into_iter().filter(move |operation| *operation != PUT_STATUS && !may_warn(operation))
}

/// Who is allowed to put the status under this plan.
fn responders_allowed_by(plan: &ChaosPlan) -> BTreeSet<AnsweredBy> {
    let mut hook = Planned::new(plan.hook, plan.timeout, &plan.aws_faults);
    hook.dies = plan.process_fault.is_some_and(ProcessFault::kills_process);
    if let Some(off) = clock_skew(plan) {
        hook = hook.with_clock(off);
    }
    let mut allowed = allowed_responders(&hook, Some(&Planned::for_on_failure(&plan.aws_faults)));
    // A redelivered event can put the status for a delivery that could not.
    if !plan.redeliveries.is_empty() {
        allowed.extend([AnsweredBy::Hook, AnsweredBy::OnFailureHandler]);
    }
    allowed
}

/// Concurrent runs per CPU core. They mostly wait, but with too many of them the timeouts would expire too early.
const RUNS_PER_CORE: usize = 10;
/// How often a run with a violation is repeated alone: on a busy machine the violation can be a matter of load.
const REPEATS: usize = 2;

/// The results of many plans.
#[derive(Debug, Default)]
pub struct ChaosSummary {
    /// The number of runs.
    pub runs: usize,
    /// The number of runs in which each one put the status, in the order of [`AnsweredBy`].
    pub answered_by: [usize; 3],
    /// Seeds that violated the guarantee once, and kept it when they ran alone.
    pub flaky: Vec<u64>,
    /// A description of each violation that happened again: the smallest plan that causes it, and the log.
    pub failures: Vec<String>,
}

/// Runs the plans of all `seeds`, many at once.
///
/// # Errors
/// If a run cannot be started.
pub async fn run_seeds(seeds: impl IntoIterator<Item = u64>) -> anyhow::Result<ChaosSummary> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (permits, mut running) = (Arc::new(Semaphore::new(RUNS_PER_CORE * cores)), JoinSet::new());
    let (mut summary, mut suspects) = (ChaosSummary::default(), Vec::new());
    let mut count_outcome = |summary: &mut ChaosSummary, (seed, outcome): (u64, anyhow::Result<ChaosOutcome>)| {
        let outcome = outcome.with_context(|| format!("seed {seed}"))?;
        summary.runs += 1;
        summary.answered_by[outcome.answered_by as usize] += 1;
        if !outcome.violations.is_empty() {
            suspects.push(seed);
        }
        anyhow::Ok(())
    };
    for seed in seeds {
        let permit = permits.clone().acquire_owned().await?;
        running.spawn(async move {
            let outcome = run_plan(&ChaosPlan::from_seed(seed)).await;
            drop(permit);
            (seed, outcome)
        });
        while let Some(done) = running.try_join_next() {
            count_outcome(&mut summary, done?)?;
        }
    }
    while let Some(done) = running.join_next().await {
        count_outcome(&mut summary, done?)?;
    }
    for seed in suspects {
        match rerun_until_violation(&ChaosPlan::from_seed(seed)).await? {
            None => summary.flaky.push(seed),
            Some(outcome) => summary.failures.push(shrink(ChaosPlan::from_seed(seed), outcome).await?),
        }
    }
    Ok(summary)
}

/// Runs a plan alone until it violates the guarantee, at most [`REPEATS`] times.
async fn rerun_until_violation(plan: &ChaosPlan) -> anyhow::Result<Option<ChaosOutcome>> {
    for _ in 0..REPEATS {
        let outcome = run_plan(plan).await?;
        if !outcome.violations.is_empty() {
            return Ok(Some(outcome));
        }
    }
    Ok(None)
}

/// Removes parts of a plan as long as it still violates the guarantee. `outcome` is what violated it last.
async fn shrink(mut plan: ChaosPlan, mut outcome: ChaosOutcome) -> anyhow::Result<String> {
    'smaller: loop {
        for smaller in plan.smaller_plans() {
            if let Some(violated) = rerun_until_violation(&smaller).await? {
                (plan, outcome) = (smaller, violated);
                continue 'smaller;
            }
        }
        return Ok(describe(&plan, &outcome));
    }
}

fn describe(plan: &ChaosPlan, outcome: &ChaosOutcome) -> String {
    let log: Vec<&str> = outcome.log.iter().map(String::as_str).collect();
    format!("{plan}\n  {}\n  the log was:\n    {}", outcome.violations.join("\n  "), log.join("\n    "))
}
