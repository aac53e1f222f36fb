//! A storm: runs in which several things go wrong at once, drawn from seeds, each held against the promise.
//!
//! `plan` draws what is broken. Here a plan is played with the real programs and the net beneath them, and what came of
//! it is judged: by the promise of the rehearsal (one answer, in time, by whom the plan allows), and by what is known of
//! the world, in which a flaw may never pass and nothing may pass unread.

mod chaos_plan;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::Context as _;

use rehearsal::{
    AnsweredBy, ClockSkew, ExecutionRecord, FunctionName, HookName, HookRunReport, HookStatus, HookTestBed,
    InvocationResult, PlannedFaults as Planned, SentStatus, allowed_responders, violations,
};

use tokio::{sync::Semaphore, task::JoinSet};

pub use self::chaos_plan::{ChaosPlan, ProcessFault, ServiceFault};
use crate::{PUT_STATUS, SHORT_WINDOWS, binaries, operations};

/// What a hook reads for a warning only.
const WARN_ONLY_READS: [(HookName, &str); 1] = [(HookName::BeforeInstall, "cloudwatch:DescribeAlarms")];
/// The least that Lambda gives a function.
const MIN_MEMORY: u64 = 128 << 20;

/// With less than this a window may not come to its end, on a machine with other work.
const ENOUGH_TIME: Duration = Duration::from_secs(3);

/// What came of a plan.
#[derive(Debug)]
pub struct ChaosOutcome {
    /// Who answered.
    pub answered_by: AnsweredBy,
    /// What the promise forbids and happened all the same; empty when it was kept.
    pub violations: Vec<String>,
    /// What the functions logged.
    pub log: Vec<String>,
}

/// Plays a plan.
///
/// # Errors
/// It could not be played at all.
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
    let off = Duration::from_millis(plan.clock_behind.unsigned_abs());
    stage = match plan.clock_behind {
        0 => stage,
        1.. => stage.clock_skew(ClockSkew::Behind(off)),
        _ => stage.clock_skew(ClockSkew::Ahead(off)),
    };
    let played = stage.run(binaries()).await?;
    let by = answered_by(&played);
    Ok(ChaosOutcome { answered_by: by, violations: violations_of(plan, &played, by), log: played.raw_log })
}

/// The built-in checks with short windows, and the one that does harm.
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
        // Which of several deliveries sent it is not known.
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
        // With several deliveries the checks of all are in the log, and only one of them answered.
        checks: if plan.redeliveries.is_empty() { played.checks.clone() } else { Vec::new() },
        verdict: if plan.redeliveries.is_empty() { played.verdict.clone() } else { "nothing was checked".to_owned() },
    };
    let mut wrong = violations(&record);
    if played.statuses.contains(&HookStatus::Succeeded) {
        if let Some(flaw) = plan.service_fault {
            wrong.push(format!("it put Succeeded with {flaw:?}"));
        }
        if let Some(harm) = plan.process_fault.filter(|harm| harm.chaos_check().is_some()) {
            wrong.push(format!("it put Succeeded with a check that does {harm:?}"));
        }
        for operation in required_reads(plan.hook) {
            if played.good_replies.get(operation).is_none_or(|count| *count == 0) {
                wrong.push(format!("it put Succeeded without one good reply of {operation}"));
            }
        }
    }
    // With nothing planned to go wrong and time enough, a service that is well has to pass.
    let calm = plan.timeout >= ENOUGH_TIME
        && plan.aws_faults.is_empty()
        && plan.process_fault.is_none()
        && plan.service_fault.is_none()
        && plan.clock_behind == 0;
    if calm && played.statuses != [HookStatus::Succeeded] {
        wrong.push(format!(
            "nothing was planned to go wrong, and the answers were {:?}: {}",
            played.statuses, played.verdict
        ));
    }
    // Failed has a reason, and it can be read.
    let alone = plan.redeliveries.is_empty() && by == AnsweredBy::Hook;
    if alone && played.statuses == [HookStatus::Failed] && played.code.is_empty() {
        wrong.push("it put Failed and logged no code".to_owned());
    }
    if !played.unknown_operations.is_empty() {
        wrong.push(format!("it called what the rehearsal does not know: {:?}", played.unknown_operations));
    }
    if let Some(line) = played.raw_log.iter().find(|line| line.contains("eyJlbmNyeXB0ZWREYXRhIjoi")) {
        wrong.push(format!("a line of its log has the execution id: {line}"));
    }
    wrong.extend(missing_manual_command(plan, played, by));
    wrong
}

/// An answer that nobody could send leaves the command with which to answer by hand.
fn missing_manual_command(plan: &ChaosPlan, played: &HookRunReport, by: AnsweredBy) -> Option<String> {
    let failed = |how: &InvocationResult| matches!(how, InvocationResult::Error { error_type, .. } if error_type == "StatusNotSent");
    let log_has_command = played.raw_log.iter().any(|line| line.contains("put-lifecycle-event-hook-execution-status"));
    let has_to = played.invocations.iter().chain(&played.on_failure_results).any(failed);
    let dead = plan.process_fault.is_some_and(ProcessFault::kills_process);
    (by == AnsweredBy::Nobody && has_to && !log_has_command && !dead)
        .then(|| "nobody could answer, and no line says how to do it by hand".to_owned())
}

/// What a hook has to have read before it may say Succeeded.
fn required_reads(hook: HookName) -> impl Iterator<Item = &'static str> {
    operations(hook)
        .iter()
        .copied()
        .filter(move |operation| *operation != PUT_STATUS && !WARN_ONLY_READS.contains(&(hook, operation)))
}

/// Who may answer, by the plan.
fn responders_allowed_by(plan: &ChaosPlan) -> BTreeSet<AnsweredBy> {
    let mut hook = Planned::new(plan.hook, plan.timeout, &plan.aws_faults);
    hook.dies = plan.process_fault.is_some_and(ProcessFault::kills_process);
    let behind = Duration::from_millis(plan.clock_behind.unsigned_abs());
    hook.believed_timeout =
        if plan.clock_behind > 0 { plan.timeout + behind } else { plan.timeout.saturating_sub(behind) };
    let mut allowed = allowed_responders(&hook, Some(&Planned::for_on_failure(&plan.aws_faults)));
    // One that is delivered again may answer for the one that could not.
    if !plan.redeliveries.is_empty() {
        allowed.extend([AnsweredBy::Hook, AnsweredBy::OnFailureHandler]);
    }
    allowed
}

/// How many runs go on at once for each core: they wait more than they work, and their time-outs have to be real.
const RUNS_PER_CORE: usize = 10;
/// A run that broke the promise on a busy machine is played again by itself so often.
const REPEATS: usize = 2;

/// What came of many plans.
#[derive(Debug, Default)]
pub struct ChaosSummary {
    /// How many were played.
    pub runs: usize,
    /// How many were answered by whom.
    pub answered_by: [usize; 3],
    /// Those that broke the promise once, and kept it when they were played by themselves.
    pub flaky: Vec<u64>,
    /// Those that broke the promise again, each in words: the smallest plan that does, and how.
    pub failures: Vec<String>,
}

/// Plays the plans of all `seeds`, many at once.
///
/// # Errors
/// One of them could not be played at all.
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
            Some(_) => summary.failures.push(shrink(ChaosPlan::from_seed(seed)).await?),
        }
    }
    Ok(summary)
}

/// Plays a plan by itself until it breaks the promise, a few times at most.
async fn rerun_until_violation(plan: &ChaosPlan) -> anyhow::Result<Option<ChaosOutcome>> {
    for _ in 0..REPEATS {
        let outcome = run_plan(plan).await?;
        if !outcome.violations.is_empty() {
            return Ok(Some(outcome));
        }
    }
    Ok(None)
}

/// Takes parts of a plan away as long as it still breaks the promise.
async fn shrink(mut plan: ChaosPlan) -> anyhow::Result<String> {
    let mut description = String::new();
    'smaller: loop {
        for smaller in plan.smaller_plans() {
            if let Some(outcome) = rerun_until_violation(&smaller).await? {
                description = describe(&smaller, &outcome);
                plan = smaller;
                continue 'smaller;
            }
        }
        if description.is_empty() {
            description = rerun_until_violation(&plan)
                .await?
                .map_or_else(|| format!("{plan}\n  not every time"), |it| describe(&plan, &it));
        }
        return Ok(description);
    }
}

fn describe(plan: &ChaosPlan, outcome: &ChaosOutcome) -> String {
    let log: Vec<&str> = outcome.log.iter().map(String::as_str).collect();
    format!("{plan}\n  {}\n  the log was:\n    {}", outcome.violations.join("\n  "), log.join("\n    "))
}
