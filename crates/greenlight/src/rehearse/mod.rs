//! `greenlight rehearse`: plays scenarios and prints what happens.

mod filter;
#[cfg(test)]
mod fixtures;
mod gate_trial;
mod json;
mod junit;
mod list;
mod many;
mod messages;
mod options;
mod outcome_group;
mod print;
mod scenario_run;
mod select;
mod serve;
mod serve_once;
mod serve_printer;
mod table;
mod timeline;
mod trial_table;

use std::{fs::File, io::Write, path::Path, time::Instant};

use anyhow::{Context, anyhow};
use lifecycle::format_duration;
use rehearsal::{EventKind, Options, Scenario, TrialQuestion};

pub use self::{options::RehearseOptions, timeline::Timeline};
use self::{
    print::{print_json_report, print_logs},
    scenario_run::{RunEnd, RunEvent, ScenarioRun, not_run_line, run_scenario},
    select::SelectedScenarios,
    trial_table::{TrialNotes, TrialRow},
};
use crate::{
    appspec::{self, ForRehearsal},
    cli::{CommandError, CommandOutcome},
    terminal::{Emphasis, Output, TerminalStyle},
};

/// Dropping the future stops the rehearsal and its hook processes.
pub async fn rehearse(args: &RehearseOptions) -> Result<CommandOutcome, CommandError> {
    let mut screen = Output::stdout();
    if args.list {
        return print_list(&mut screen, args);
    }
    if args.serve {
        return serve::serve(&mut screen, args).await;
    }
    let service = select::service(args).map_err(CommandError::Usage)?;
    let SelectedScenarios { scenarios, questions, unsuitable } =
        select::selected_scenarios(args, service.as_ref()).map_err(CommandError::Usage)?;
    let mut options = select::options(args).map_err(CommandError::Usage)?;
    let mut notes = TrialNotes { unsuitable, explained: args.why, ..TrialNotes::default() };
    // The table has the first hook that stops a deployment. To play the hooks after it would take twice as long.
    let trial =
        gate_trial::requested(args.gate.as_deref(), service.as_ref(), args.is_table()).map_err(CommandError::Usage)?;
    if let Some(loaded) = trial {
        options.gate = Some(loaded.trial);
        (notes.left_out, notes.observes) = (loaded.left_out, loaded.observes);
    }
    if let Some(path) = &args.appspec {
        options.appspec = Some(load_appspec(&mut screen, path, args)?);
    }
    // Opened before anything is played, so that an error shows at once and not after a minute.
    let report = args
        .junit
        .as_ref()
        .map(|path| File::create(path).with_context(|| format!("cannot write the JUnit report {}", path.display())));
    let report = report.transpose().map_err(CommandError::Usage)?;
    let started = Instant::now();
    let runs = match args.is_table() {
        true => play_many(&mut screen, args, (&scenarios, &questions), options, &mut notes).await?,
        false => run_sequentially(&mut screen, args, &scenarios, &options).await?,
    };
    if args.is_trial() {
        let rows = trial_table::rows(&scenarios, questions, &runs);
        notes.took = started.elapsed();
        print_trial(&mut screen, args, &rows, notes)?;
    }
    if let Some(mut report) = report {
        let written = junit::render_junit(&runs, started.elapsed()).and_then(|text| report.write_all(&text));
        written.context("cannot write the JUnit report").map_err(CommandError::Failed)?;
    }
    // A user's own gate file promises nothing about a scenario of the library.
    let promises_nothing = |run: &ScenarioRun| run.report().is_some_and(|report| report.is_trial);
    let is_success = |run: &ScenarioRun| promises_nothing(run) || run.met_expectations();
    Ok(CommandOutcome::from_success(runs.iter().all(is_success)))
}

/// Plays many scenarios at a time. In a trial, those that a time limit decided are played again, a few at a time: the
/// time limits of a user's gate file are real, and many scenarios at a time make every response slow.
async fn play_many(
    screen: &mut Output,
    args: &RehearseOptions,
    (scenarios, questions): (&[Scenario], &[TrialQuestion]),
    options: Options,
    notes: &mut TrialNotes,
) -> Result<Vec<ScenarioRun>, CommandError> {
    let jobs = many::jobs(args);
    let mut runs = many::rehearse_many(screen, args, scenarios.to_vec(), options.clone(), jobs).await?;
    if args.is_trial() {
        let again: Vec<_> = (0..runs.len())
            .filter(|index| trial_table::is_decided_by_time(&questions[*index], &runs[*index]))
            .collect();
        let scenarios = again.iter().map(|index| scenarios[*index].clone()).collect();
        notes.replayed = again.len();
        let replayed = many::rehearse_many(screen, args, scenarios, options, jobs.min(many::REPLAY_JOBS)).await?;
        again.into_iter().zip(replayed).for_each(|(index, run)| runs[index] = run);
    }
    Ok(runs)
}

/// Prints what a gate file would have caught.
fn print_trial(
    screen: &mut Output,
    args: &RehearseOptions,
    rows: &[TrialRow],
    mut notes: TrialNotes,
) -> Result<(), CommandError> {
    if args.json {
        for line in trial_table::json_lines(rows) {
            screen.print_json_line(&line)?;
        }
        return Ok(());
    }
    if args.why {
        screen.println(&trial_table::render_reasons(screen.style, rows))?;
    }
    if args.filters.is_empty() {
        let unsuitable: usize = notes.unsuitable.values().map(Vec::len).sum();
        notes.others = Scenario::built_in().len().saturating_sub(rows.len() + unsuitable);
    }
    screen.println(&trial_table::render(screen.style, rows, &notes))?;
    Ok(())
}

/// Prints the problems of an AppSpec file before anything is played. Refuses a file that CodeDeploy does not accept.
fn load_appspec(screen: &mut Output, path: &Path, args: &RehearseOptions) -> Result<rehearsal::AppSpec, CommandError> {
    let ForRehearsal { source, issues: found, file } =
        appspec::load_for_rehearsal(path, args.serve).map_err(CommandError::Usage)?;
    let style = if args.json { TerminalStyle::stderr() } else { screen.style };
    let Some(file) = file else {
        let rendered = appspec::render_issues(TerminalStyle::stderr(), &source, &found);
        return Err(CommandError::Usage(anyhow!("CodeDeploy does not accept this AppSpec file\n{rendered}")));
    };
    let rendered = appspec::render_issues(style, &source, &found) + "\n";
    match args.json {
        // With --json, standard output has only JSON lines.
        true if !found.is_empty() => screen.eprintln(rendered.trim_end())?,
        true => {}
        false => screen.println(&rendered)?,
    }
    Ok(file)
}

async fn run_sequentially(
    screen: &mut Output,
    args: &RehearseOptions,
    scenarios: &[Scenario],
    options: &Options,
) -> Result<Vec<ScenarioRun>, CommandError> {
    if !args.json {
        let own = if options.binaries.is_file() {
            " of this program, because the functions' programs are not next to it"
        } else {
            ""
        };
        let text = format!(
            "Five hooks decide in turn whether a deployment may continue. Each is a real process{own}; the AWS around it is simulated."
        );
        let text = screen.style.paragraph(Emphasis::Dim, &text);
        screen.println(&(text + "\n"))?;
    }
    let (started, mut runs) = (Instant::now(), Vec::new());
    for scenario in scenarios {
        runs.push(match args.json {
            true => print_json(screen, scenario, options, args).await?,
            false => print_timeline(screen, scenario, options, args).await?,
        });
    }
    if !args.json {
        let (held, total) = (runs.iter().filter(|played| played.met_expectations()).count(), runs.len());
        if total > 1 {
            screen.println(&format!(
                "{held} of {total} scenarios ended as expected, in {}",
                format_duration(started.elapsed())
            ))?;
        }
        if select::is_default_selection(args) {
            let more = "--list lists every scenario, --all plays them all and prints a table, --gate FILE shows what your own gate file would have caught, --service FILE with your own service.";
            let more = screen.style.paragraph(Emphasis::Dim, more);
            screen.println(&more)?;
        }
    }
    Ok(runs)
}

fn print_list(screen: &mut Output, args: &RehearseOptions) -> Result<CommandOutcome, CommandError> {
    let scenarios = select::matching_scenarios(&args.filters).map_err(CommandError::Usage)?;
    if args.json {
        for one in &scenarios {
            screen.print_json_line(&json::scenario_line(one))?;
        }
    } else {
        let text = list::render_list(screen.style, &scenarios);
        screen.println(&text)?;
    }
    Ok(CommandOutcome::Success)
}

async fn print_timeline(
    screen: &mut Output,
    scenario: &Scenario,
    options: &Options,
    args: &RehearseOptions,
) -> Result<ScenarioRun, CommandError> {
    let mut timeline = Timeline::new(screen.style);
    screen.println(&timeline.heading(&scenario.name, &scenario.about))?;
    let mut created = Instant::now();
    let played = run_scenario(scenario, options, |event| match event {
        RunEvent::Rehearsal(moment) => {
            if let EventKind::DeploymentCreated { .. } = moment.kind {
                created = Instant::now();
            }
            screen.println(&timeline.render_event(moment))
        }
        RunEvent::Tick => screen.status(&timeline.status_line(created.elapsed())),
    })
    .await?;
    match &played.end {
        RunEnd::Completed(report) => {
            screen.println(&(timeline.render_verdict(report) + "\n"))?;
            if args.logs {
                print_logs(screen, report)?;
            }
        }
        RunEnd::Error(error) => {
            let text = not_run_line(screen.style, error);
            screen.println(&(text + "\n"))?;
        }
    }
    Ok(played)
}

async fn print_json(
    screen: &mut Output,
    scenario: &Scenario,
    options: &Options,
    args: &RehearseOptions,
) -> Result<ScenarioRun, CommandError> {
    let played = run_scenario(scenario, options, |event| match event {
        RunEvent::Rehearsal(moment) => screen.print_json_line(&json::event_line(&scenario.name, moment)),
        RunEvent::Tick => Ok(()),
    })
    .await?;
    print_json_report(screen, &played, args)?;
    Ok(played)
}
