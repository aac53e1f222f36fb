//! `--all` and `--filter`: many scenarios, several at a time.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    thread::available_parallelism,
    time::Instant,
};

use rehearsal::{Options, RehearsalEvent, Scenario};
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::{Id, JoinSet},
    time::{MissedTickBehavior, interval},
};

use super::{
    json,
    options::RehearseOptions,
    print::{print_json_report, print_logs},
    scenario_run::{RunEnd, RunEvent, STATUS_INTERVAL, ScenarioRun, run_scenario},
    table::{ReasonScope, RunStats, render_table},
};
use crate::{
    cli::CommandError,
    terminal::{Emphasis, Output, time_column},
};

/// Scenarios per CPU. A scenario has five processes that mostly wait: it takes a quarter of a second of CPU time, and
/// some seconds of real time.
const JOBS_PER_CPU: usize = 4;
/// How many scenarios run at a time if their responses must not be slower than they are.
pub const REPLAY_JOBS: usize = 2;
/// The limit on any machine, because each scenario has five processes in memory.
const MAX_JOBS: usize = 24;

/// The name of a scenario, and an event of it.
type ScenarioEvent = (Arc<str>, RehearsalEvent);

/// Plays all scenarios, prints the table, and returns the results in the order of `scenarios`.
pub async fn rehearse_many(
    screen: &mut Output,
    args: &RehearseOptions,
    scenarios: Vec<Scenario>,
    options: Options,
    jobs: usize,
) -> Result<Vec<ScenarioRun>, CommandError> {
    let started = Instant::now();
    let options = Arc::new(options);
    let (tx, mut events) = unbounded_channel::<ScenarioEvent>();
    let (total, jobs) = (scenarios.len(), jobs.min(scenarios.len()));
    let mut waiting: VecDeque<(usize, Scenario)> = scenarios.into_iter().enumerate().collect();
    // Dropping this future drops the set, which stops every scenario in it.
    let mut running: JoinSet<ScenarioRun> = JoinSet::new();
    let mut which: BTreeMap<Id, (usize, String)> = BTreeMap::new();
    let mut done: Vec<(usize, ScenarioRun)> = Vec::with_capacity(total);
    let mut ticks = interval(STATUS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

    while done.len() < total {
        while running.len() < jobs
            && let Some((index, scenario)) = waiting.pop_front()
        {
            let name = scenario.name.clone();
            let task = running.spawn(run_in_task(scenario, options.clone(), tx.clone()));
            which.insert(task.id(), (index, name));
        }
        tokio::select! {
            biased;
            Some((scenario, moment)) = events.recv() => {
                if args.json {
                    screen.print_json_line(&json::event_line(&scenario, &moment))?;
                }
            }
            Some(end) = running.join_next_with_id() => {
                let task = end.as_ref().map_or_else(|error| error.id(), |(task, _)| *task);
                let Some((index, name)) = which.remove(&task) else { continue };
                let played = match end {
                    Ok((_, played)) => played,
                    Err(error) => not_run(name, error.to_string(), started),
                };
                while let Ok((scenario, moment)) = events.try_recv() {
                    if args.json {
                        screen.print_json_line(&json::event_line(&scenario, &moment))?;
                    }
                }
                print_end(screen, args, &played)?;
                done.push((index, played));
            }
            _ = ticks.tick() => {
                if !args.json {
                    let line = status_line(started, &done, total, which.values().map(|(_, name)| name.as_str()));
                    let line = screen.style.apply(Emphasis::Dim, &line);
                    screen.status(&line)?;
                }
            }
        }
    }

    done.sort_by_key(|(index, _)| *index);
    let done: Vec<ScenarioRun> = done.into_iter().map(|(_, played)| played).collect();
    if !args.json && !args.is_trial() {
        let reasons = if args.why { ReasonScope::AllStopped } else { ReasonScope::UnmetOnly };
        let text = render_table(screen.style, &done, reasons, RunStats { elapsed: started.elapsed(), jobs });
        screen.println(&text)?;
    }
    Ok(done)
}

/// How many scenarios run at a time.
pub fn jobs(args: &RehearseOptions) -> usize {
    // The windows of a user's gate file are longer than the scenarios', and the processes wait for most of them.
    let per_cpu = if args.is_trial() { 3 * JOBS_PER_CPU } else { JOBS_PER_CPU };
    args.jobs
        .map_or_else(|| available_parallelism().map_or(1, Into::into).saturating_mul(per_cpu).min(MAX_JOBS), Into::into)
}

fn status_line<'a>(
    started: Instant,
    done: &[(usize, ScenarioRun)],
    total: usize,
    playing: impl Iterator<Item = &'a str>,
) -> String {
    let broken = match done.iter().filter(|(_, played)| !played.met_expectations()).count() {
        0 => String::new(),
        some => format!(" ({some} not as expected)"),
    };
    let playing: Vec<&str> = playing.collect();
    format!(
        "{}  {} of {total} done{broken}, playing {} …",
        time_column(started.elapsed()),
        done.len(),
        playing.join(", ")
    )
}

fn print_end(screen: &mut Output, args: &RehearseOptions, played: &ScenarioRun) -> Result<(), CommandError> {
    match &played.end {
        _ if args.json => print_json_report(screen, played, args),
        RunEnd::Completed(report) if args.logs => Ok(print_logs(screen, report)?),
        _ => Ok(()),
    }
}

async fn run_in_task(scenario: Scenario, options: Arc<Options>, tx: UnboundedSender<ScenarioEvent>) -> ScenarioRun {
    let (started, name) = (Instant::now(), Arc::<str>::from(scenario.name.as_str()));
    let on_event = |event: RunEvent<'_>| {
        if let RunEvent::Rehearsal(moment) = event {
            // Sending fails only while the receiver is being dropped.
            let _ = tx.send((name.clone(), moment.clone()));
        }
        Ok(())
    };
    run_scenario(&scenario, &options, on_event)
        .await
        .unwrap_or_else(|error| not_run(scenario.name.clone(), error.to_string(), started))
}

fn not_run(scenario: String, error: String, started: Instant) -> ScenarioRun {
    ScenarioRun { scenario, end: RunEnd::Error(error), elapsed: started.elapsed(), transcript: String::new() }
}
