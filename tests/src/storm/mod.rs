//! A storm: runs in which several things go wrong at once, drawn from seeds, each held against the promise.
//!
//! `plan` draws what is broken. Here a plan is played with the real programs and the net beneath them, and what came of
//! it is judged: by the promise of the rehearsal (one answer, in time, by whom the plan allows), and by what is known of
//! the world, in which a flaw may never pass and nothing may pass unread.

mod plan;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::Context as _;

use rehearsal::{
    Answer, AnsweredBy, Asked, ClockOff, FunctionName, HookName, InvocationResult, Plan as Planned, Played, Sent,
    Stage, allowed, broken,
};

use tokio::{sync::Semaphore, task::JoinSet};

pub use self::plan::{Flaw, Harm, Plan};
use crate::{PUT, SHORT_WINDOWS, binaries, operations};

/// What a hook reads for a warning only.
const WARNS: [(HookName, &str); 1] = [(HookName::BeforeInstall, "cloudwatch:DescribeAlarms")];
/// The least that Lambda gives a function.
const MEMORY: u64 = 128 << 20;

/// With less than this a window may not come to its end, on a machine with other work.
const ENOUGH: Duration = Duration::from_secs(3);

/// What came of a plan.
#[derive(Debug)]
pub struct Outcome {
    /// Who answered.
    pub by: AnsweredBy,
    /// What the promise forbids and happened all the same; empty when it was kept.
    pub wrong: Vec<String>,
    /// What the functions logged.
    pub log: Vec<String>,
}

/// Plays a plan.
///
/// # Errors
/// It could not be played at all.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let mut stage = Stage::at(plan.hook).await.gate(&gate(plan)).timeout(plan.timeout).net().delivered(&plan.again);
    if let Some(flaw) = plan.flaw {
        stage = stage.world(|world| flaw.make(world));
    }
    for fault in &plan.faults {
        stage = stage.fault(fault.clone());
    }
    stage = match plan.harm {
        Some(Harm::Kill(after)) => stage.killed(after),
        Some(Harm::Hog) => stage.memory(MEMORY),
        _ => stage,
    };
    let off = Duration::from_millis(plan.clock_behind.unsigned_abs());
    stage = match plan.clock_behind {
        0 => stage,
        1.. => stage.clock_off(ClockOff::Behind(off)),
        _ => stage.clock_off(ClockOff::Ahead(off)),
    };
    let played = stage.run(binaries()).await?;
    let by = answered_by(&played);
    Ok(Outcome { by, wrong: wrong(plan, &played, by), log: played.raw_log })
}

/// The built-in checks with short windows, and the one that does harm.
fn gate(plan: &Plan) -> String {
    let Some(deed) = plan.harm.and_then(Harm::deed) else { return SHORT_WINDOWS.to_owned() };
    let head = format!("  {}:\n", plan.hook.key());
    SHORT_WINDOWS.replace(&head, &format!("{head}    checks: [{{ sabotage: {deed} }}]\n"))
}

fn answered_by(played: &Played) -> AnsweredBy {
    match played.puts.iter().find(|put| put.took_effect).map(|put| put.by) {
        None => AnsweredBy::Nobody,
        Some(Some(FunctionName::LastAnswer)) => AnsweredBy::Net,
        Some(_) => AnsweredBy::Hook,
    }
}

fn wrong(plan: &Plan, played: &Played, by: AnsweredBy) -> Vec<String> {
    let sent = played.puts.iter().map(|put| Sent {
        // Which of several deliveries sent it is not known.
        by: (plan.again.is_empty() && put.by != Some(FunctionName::LastAnswer)).then_some(0),
        status: put.status.clone(),
        took_effect: put.took_effect,
        at: put.after,
    });
    let asked = Asked {
        allowed: allowed_by(plan),
        answered_by: by,
        sent: sent.collect(),
        deadlines: vec![plan.timeout],
        // With several deliveries the checks of all are in the log, and only one of them answered.
        checks: if plan.again.is_empty() { played.checks.clone() } else { Vec::new() },
        verdict: if plan.again.is_empty() { played.verdict.clone() } else { "nothing was checked".to_owned() },
    };
    let mut wrong = broken(&asked);
    if played.answers.contains(&Answer::Succeeded) {
        if let Some(flaw) = plan.flaw {
            wrong.push(format!("it put Succeeded with {flaw:?}"));
        }
        if let Some(harm) = plan.harm.filter(|harm| harm.deed().is_some()) {
            wrong.push(format!("it put Succeeded with a check that does {harm:?}"));
        }
        for operation in needed(plan.hook) {
            if played.good_replies.get(operation).is_none_or(|count| *count == 0) {
                wrong.push(format!("it put Succeeded without one good reply of {operation}"));
            }
        }
    }
    // With nothing planned to go wrong and time enough, a service that is well has to pass.
    let calm = plan.timeout >= ENOUGH
        && plan.faults.is_empty()
        && plan.harm.is_none()
        && plan.flaw.is_none()
        && plan.clock_behind == 0;
    if calm && played.answers != [Answer::Succeeded] {
        wrong.push(format!(
            "nothing was planned to go wrong, and the answers were {:?}: {}",
            played.answers, played.verdict
        ));
    }
    // Failed has a reason, and it can be read.
    let alone = plan.again.is_empty() && by == AnsweredBy::Hook;
    if alone && played.answers == [Answer::Failed] && played.code.is_empty() {
        wrong.push("it put Failed and logged no code".to_owned());
    }
    if !played.unknown_operations.is_empty() {
        wrong.push(format!("it called what the rehearsal does not know: {:?}", played.unknown_operations));
    }
    if let Some(line) = played.raw_log.iter().find(|line| line.contains("eyJlbmNyeXB0ZWREYXRhIjoi")) {
        wrong.push(format!("a line of its log has the execution id: {line}"));
    }
    wrong.extend(unsent(plan, played, by));
    wrong
}

/// An answer that nobody could send leaves the command with which to answer by hand.
fn unsent(plan: &Plan, played: &Played, by: AnsweredBy) -> Option<String> {
    let failed = |how: &InvocationResult| matches!(how, InvocationResult::Error { error_type, .. } if error_type == "AnswerNotSent");
    let told = played.raw_log.iter().any(|line| line.contains("put-lifecycle-event-hook-execution-status"));
    let has_to = played.invocations.iter().chain(&played.nets).any(failed);
    let dead = plan.harm.is_some_and(Harm::is_death);
    (by == AnsweredBy::Nobody && has_to && !told && !dead)
        .then(|| "nobody could answer, and no line says how to do it by hand".to_owned())
}

/// What a hook has to have read before it may say Succeeded.
fn needed(hook: HookName) -> impl Iterator<Item = &'static str> {
    operations(hook).iter().copied().filter(move |operation| *operation != PUT && !WARNS.contains(&(hook, operation)))
}

/// Who may answer, by the plan.
fn allowed_by(plan: &Plan) -> BTreeSet<AnsweredBy> {
    let mut hook = Planned::new(plan.hook, plan.timeout, &plan.faults);
    hook.dies = plan.harm.is_some_and(Harm::is_death);
    let behind = Duration::from_millis(plan.clock_behind.unsigned_abs());
    hook.believed = if plan.clock_behind > 0 { plan.timeout + behind } else { plan.timeout.saturating_sub(behind) };
    let mut allowed = allowed(&hook, Some(&Planned::net(&plan.faults)));
    // One that is delivered again may answer for the one that could not.
    if !plan.again.is_empty() {
        allowed.extend([AnsweredBy::Hook, AnsweredBy::Net]);
    }
    allowed
}

/// How many runs go on at once for each core: they wait more than they work, and their time-outs have to be real.
const AT_ONCE: usize = 10;
/// A run that broke the promise on a busy machine is played again by itself so often.
const REPEATS: usize = 2;

/// What came of many plans.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many were played.
    pub runs: usize,
    /// How many were answered by whom.
    pub by: [usize; 3],
    /// Those that broke the promise once, and kept it when they were played by themselves.
    pub unsteady: Vec<u64>,
    /// Those that broke the promise again, each in words: the smallest plan that does, and how.
    pub broken: Vec<String>,
}

/// Plays the plans of all `seeds`, many at once.
///
/// # Errors
/// One of them could not be played at all.
pub async fn play(seeds: impl IntoIterator<Item = u64>) -> anyhow::Result<Tally> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (gate, mut playing) = (Arc::new(Semaphore::new(AT_ONCE * cores)), JoinSet::new());
    let (mut tally, mut suspects) = (Tally::default(), Vec::new());
    let mut take = |tally: &mut Tally, (seed, outcome): (u64, anyhow::Result<Outcome>)| {
        let outcome = outcome.with_context(|| format!("seed {seed}"))?;
        tally.runs += 1;
        tally.by[outcome.by as usize] += 1;
        if !outcome.wrong.is_empty() {
            suspects.push(seed);
        }
        anyhow::Ok(())
    };
    for seed in seeds {
        let permit = gate.clone().acquire_owned().await?;
        playing.spawn(async move {
            let outcome = run(&Plan::draw(seed)).await;
            drop(permit);
            (seed, outcome)
        });
        while let Some(done) = playing.try_join_next() {
            take(&mut tally, done?)?;
        }
    }
    while let Some(done) = playing.join_next().await {
        take(&mut tally, done?)?;
    }
    for seed in suspects {
        match again(&Plan::draw(seed)).await? {
            None => tally.unsteady.push(seed),
            Some(_) => tally.broken.push(smallest(Plan::draw(seed)).await?),
        }
    }
    Ok(tally)
}

/// Plays a plan by itself until it breaks the promise, a few times at most.
async fn again(plan: &Plan) -> anyhow::Result<Option<Outcome>> {
    for _ in 0..REPEATS {
        let outcome = run(plan).await?;
        if !outcome.wrong.is_empty() {
            return Ok(Some(outcome));
        }
    }
    Ok(None)
}

/// Takes parts of a plan away as long as it still breaks the promise.
async fn smallest(mut plan: Plan) -> anyhow::Result<String> {
    let mut told = String::new();
    'smaller: loop {
        for smaller in plan.smaller() {
            if let Some(outcome) = again(&smaller).await? {
                told = in_words(&smaller, &outcome);
                plan = smaller;
                continue 'smaller;
            }
        }
        if told.is_empty() {
            told = again(&plan).await?.map_or_else(|| format!("{plan}\n  not every time"), |it| in_words(&plan, &it));
        }
        return Ok(told);
    }
}

fn in_words(plan: &Plan, outcome: &Outcome) -> String {
    let log: Vec<&str> = outcome.log.iter().map(String::as_str).collect();
    format!("{plan}\n  {}\n  the log was:\n    {}", outcome.wrong.join("\n  "), log.join("\n    "))
}
