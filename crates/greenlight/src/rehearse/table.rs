//! Many scenarios as a table: a row for each deployment, under headings that say how it ended. Below it, with `--why`,
//! the reasons of the stopped deployments, and then in full what was not as expected.

use std::{fmt::Write, time::Duration};

use lifecycle::format_duration;
use rehearsal::{AnsweredBy, DeploymentOutcome, DeploymentReport, Hook, HookRun, Report, Status};

use super::{
    messages::{self, StopReason},
    outcome_group::OutcomeGroup,
    scenario_run::{RunEnd, ScenarioRun},
    timeline::unmet_expectations,
};
use crate::terminal::{Emphasis, TIME_WIDTH, TerminalStyle, time_column, truncate};

/// The width of all columns except name and reason, with the gaps between them.
const OTHER_COLUMNS_WIDTH: usize = 2 + 2 + 9 + 2 + 2 + TIME_WIDTH;
/// A name always has at least this width.
const MIN_NAME_WIDTH: usize = 12;
/// In the list of reasons a longer name is cut, so that the reason has room.
const MAX_NAME_WIDTH: usize = 28;

/// For which deployments the table explains the reason. For dozens of scenarios the reason code in the row is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonScope {
    /// Only scenarios that did not end as expected.
    UnmetOnly,
    /// Every deployment that was stopped.
    AllStopped,
}

/// Totals for the summary line.
#[derive(Clone, Copy, Debug)]
pub struct RunStats {
    pub elapsed: Duration,
    /// How many scenarios ran at a time.
    pub jobs: usize,
}

/// Renders the legend, the table, the reasons and the summary.
pub fn render_table(style: TerminalStyle, runs: &[ScenarioRun], reasons: ReasonScope, stats: RunStats) -> String {
    let mut sorted: Vec<(OutcomeGroup, &ScenarioRun)> =
        runs.iter().map(|played| (OutcomeGroup::from_run(played), played)).collect();
    // The sort is stable: under a heading the scenarios keep their order.
    sorted.sort_by_key(|(ending, _)| *ending);
    let rows: Vec<(OutcomeGroup, TableRow<'_>)> =
        sorted.iter().flat_map(|(ending, played)| table_rows(played).into_iter().map(|row| (*ending, row))).collect();
    let reason = rows.iter().map(|(_, row)| row.reason_code().chars().count()).max().unwrap_or(0).max("reason".len());
    // The column of names is limited, so that a row fits on a terminal of 80 columns.
    let name = rows.iter().map(|(_, row)| row.name.chars().count()).max().unwrap_or(0).max("scenario".len());
    let name = name.min(style.width.saturating_sub(OTHER_COLUMNS_WIDTH + reason).max(MIN_NAME_WIDTH));

    let mut text = render_legend(style);
    let head = format!("  {:name$}  1 2 3 4 5  {:reason$}  {:>TIME_WIDTH$}", "scenario", "reason", "time");
    let _ = writeln!(text, "{}", style.apply(Emphasis::Bold, &head));
    for group in rows.chunk_by(|one, next| one.0 == next.0) {
        if let Some((ending, _)) = group.first() {
            let count = sorted.iter().filter(|(it, _)| it == ending).count();
            let (heading, tone) = ending.heading();
            let _ = writeln!(text, "\n{} ({count})", style.apply(tone, &heading));
        }
        for (_, row) in group {
            let _ = writeln!(text, "{}", row.render(style, name, reason));
        }
    }
    let sorted: Vec<&ScenarioRun> = sorted.iter().map(|(_, played)| *played).collect();
    if reasons == ReasonScope::AllStopped {
        text += &render_stop_reasons(style, &rows);
    }
    text + &render_unmet(style, &sorted) + &summary_line(style, runs, stats)
}

fn render_legend(style: TerminalStyle) -> String {
    // With a no-break space, so that no number is left alone at the end of a line.
    let hooks: Vec<String> = Hook::ALL.iter().zip(1..).map(|(hook, number)| format!("{number}\u{a0}{hook}")).collect();
    let marks = [
        (Emphasis::Success, "✓", "continue"),
        (Emphasis::Error, "✗", "stop"),
        (Emphasis::Error, "∪", "stop by on-failure"),
        (Emphasis::Error, "?", "no status"),
        (Emphasis::Dim, "–", "not reached"),
    ];
    let marks: Vec<String> =
        marks.iter().map(|(tone, glyph, word)| format!("{} {word}", style.apply(*tone, glyph))).collect();
    format!(
        "{}\nmarks  {}\n\n",
        style.hanging("hooks  ", 7, Emphasis::Plain, &hooks.join("  ")).replace('\u{a0}', " "),
        marks.join("  ")
    )
}

/// The reasons for `--why`: at most two lines for each deployment.
fn render_stop_reasons(style: TerminalStyle, rows: &[(OutcomeGroup, TableRow<'_>)]) -> String {
    // Scenarios that did not end as expected follow below, in full.
    let stopped: Vec<_> = rows
        .iter()
        .filter(|(_, row)| row.met_expectations)
        .filter_map(|(_, row)| Some((row, row.stop_reason()?)))
        .collect();
    if stopped.is_empty() {
        return String::new();
    }
    let widest = stopped.iter().map(|(row, _)| row.title().chars().count()).max().unwrap_or(0).min(MAX_NAME_WIDTH);
    let mut text = format!("\n{}\n", style.apply(Emphasis::Bold, "why they were stopped"));
    for (row, (_, why)) in &stopped {
        let which = row.deployment_suffix();
        let name = truncate(&row.scenario, widest.saturating_sub(which.chars().count())).into_owned() + &which;
        let check = why.check.map(|check| format!("{check}: ")).unwrap_or_default();
        let _ = writeln!(
            text,
            "{}",
            style.hanging_two_lines(&format!("  {name}"), widest + 4, &format!("{check}{}", why.reason))
        );
    }
    text
}

fn render_unmet(style: TerminalStyle, all: &[&ScenarioRun]) -> String {
    let broken: Vec<&ScenarioRun> = all.iter().copied().filter(|one| !one.met_expectations()).collect();
    if broken.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", style.apply(Emphasis::Error, "not as expected"));
    for one in broken {
        let _ = writeln!(text, "  {}", style.apply(Emphasis::Bold, &one.scenario));
        match &one.end {
            RunEnd::Error(error) => {
                let _ = writeln!(
                    text,
                    "{}",
                    style.hanging("    - ", 6, Emphasis::Plain, &format!("could not be played: {error}"))
                );
            }
            RunEnd::Completed(report) => text += &render_unmet_report(style, report),
        }
    }
    text + &format!(
        "  {}\n",
        style.apply(Emphasis::Dim, "--scenario NAME plays one scenario and prints its whole timeline")
    )
}

fn render_unmet_report(style: TerminalStyle, report: &Report) -> String {
    let mut text = String::new();
    for line in unmet_expectations(report) {
        let _ = writeln!(text, "{}", style.hanging("    - ", 6, Emphasis::Plain, &line));
    }
    for run in report.deployments.iter().filter_map(stopping_hook) {
        let StopReason { check, reason, next } = messages::stop_reason(run);
        let check = check.map(|name| format!(", check `{name}`")).unwrap_or_default();
        let _ = writeln!(
            text,
            "{}",
            style.hanging("    why   ", 10, Emphasis::Plain, &format!("{}{check}: {reason}", run.hook))
        );
        if let Some(next) = next {
            let _ = writeln!(text, "{}", style.hanging("    next  ", 10, Emphasis::Plain, next));
        }
    }
    text + &format!("    {}\n", style.apply(Emphasis::Dim, &messages::reproduce_hint(report.seed)))
}

fn summary_line(style: TerminalStyle, runs: &[ScenarioRun], RunStats { elapsed: took, jobs }: RunStats) -> String {
    let (held, total) = (runs.iter().filter(|one| one.met_expectations()).count(), runs.len());
    let (glyph, tone) = if held == total { ("✓", Emphasis::Success) } else { ("✗", Emphasis::Error) };
    let at_a_time = if jobs > 1 { format!(", {jobs} at a time") } else { String::new() };
    let glyph = style.apply(tone, glyph);
    format!("\n{glyph} {held} of {total} scenarios ended as expected, in {}{at_a_time}", format_duration(took))
}

struct TableRow<'a> {
    scenario: String,
    /// Which deployment of the scenario, and how many it has.
    number: (usize, usize),
    name: String,
    deployment: Option<&'a DeploymentReport>,
    met_expectations: bool,
}

fn table_rows(played: &ScenarioRun) -> Vec<TableRow<'_>> {
    let Some(report) = played.report() else {
        let name = played.scenario.clone();
        return vec![TableRow {
            scenario: name.clone(),
            number: (1, 1),
            name,
            deployment: None,
            met_expectations: false,
        }];
    };
    let (of, ending) = (report.deployments.len(), OutcomeGroup::from_run(played));
    let name = |number: usize, one: &DeploymentReport| match number {
        1 => report.scenario.clone(),
        // The heading is about another deployment of the scenario.
        _ if one.outcome == DeploymentOutcome::Succeeded && ending != OutcomeGroup::Succeeded => {
            format!("  deployment {number} of {of}: succeeded")
        }
        _ => format!("  deployment {number} of {of}"),
    };
    // An unknown operation belongs to no particular deployment, so it counts against all of the scenario.
    let held = |one: &DeploymentReport| one.differences.is_empty() && report.unknown_operations.is_empty();
    let row = |(one, number)| TableRow {
        scenario: report.scenario.clone(),
        number: (number, of),
        name: name(number, one),
        deployment: Some(one),
        met_expectations: held(one),
    };
    report.deployments.iter().zip(1..).map(row).collect()
}

impl TableRow<'_> {
    /// The name for a place without the other rows of the scenario.
    fn title(&self) -> String {
        format!("{}{}", self.scenario, self.deployment_suffix())
    }

    fn deployment_suffix(&self) -> String {
        match self.number {
            (_, 1) => String::new(),
            (number, of) => format!(" ({number} of {of})"),
        }
    }

    fn render(&self, style: TerminalStyle, name: usize, reason: usize) -> String {
        let mark = if self.met_expectations { " ".to_owned() } else { style.apply(Emphasis::Error, "✗") };
        let Some(one) = self.deployment else { return format!("{mark} {}", self.name).trim_end().to_owned() };
        // A name is never cut here, so that it can be given to --scenario: a long name gets its own line.
        let title = match self.name.chars().count() > name {
            true => format!("{}\n  {:name$}", self.name, ""),
            false => format!("{:name$}", self.name),
        };
        let glyphs: Vec<String> = Hook::ALL
            .iter()
            .map(|hook| {
                let run = one.hooks.iter().find(|run| run.hook == *hook);
                match run.map(|run| (run.status, run.answered_by)) {
                    None => style.apply(Emphasis::Dim, "–"),
                    Some((Some(Status::Succeeded), _)) => style.apply(Emphasis::Success, "✓"),
                    Some((Some(Status::Failed), AnsweredBy::OnFailureHandler)) => style.apply(Emphasis::Error, "∪"),
                    Some((Some(Status::Failed), _)) => style.apply(Emphasis::Error, "✗"),
                    Some((None, _)) => style.apply(Emphasis::Error, "?"),
                }
            })
            .collect();
        let (glyphs, code) = (glyphs.join(" "), self.reason_code());
        format!("{mark} {title}  {glyphs}  {code:reason$}  {}", time_column(one.took))
    }

    fn reason_code(&self) -> &str {
        self.deployment.and_then(stopping_hook).map(|run| run.code.as_str()).unwrap_or_default()
    }

    fn stop_reason(&self) -> Option<(Hook, StopReason<'_>)> {
        self.deployment.and_then(stopping_hook).map(|run| (run.hook, messages::stop_reason(run)))
    }
}

fn stopping_hook(one: &DeploymentReport) -> Option<&HookRun> {
    one.hooks.iter().find(|run| run.status != Some(Status::Succeeded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rehearse::fixtures, terminal::NO_STYLE};

    const STATS: RunStats = RunStats { elapsed: Duration::from_millis(12_345), jobs: 8 };
    const BROKEN: ReasonScope = ReasonScope::UnmetOnly;

    fn completed(report: Report) -> ScenarioRun {
        fixtures::completed_run(report)
    }

    #[test]
    fn every_promise_held() {
        let all = [
            completed(fixtures::stopped().0),
            completed(fixtures::healthy().0),
            completed(fixtures::two_deployments()),
        ];
        insta::assert_snapshot!(render_table(NO_STYLE, &all, ReasonScope::AllStopped, STATS));
    }

    #[test]
    fn some_promises_did_not_hold() {
        let mut odd = fixtures::healthy().0;
        odd.unknown_operations.push("ssm:GetParameter".into());
        let mut twice = fixtures::two_deployments();
        twice.deployments[1].differences.push("expected it to be rolled back; it succeeded".into());
        let mut stopped = fixtures::stopped().0;
        stopped.deployments[0].differences.push("expected it to succeed; AfterAllowTestTraffic stopped it".into());
        let all = [
            completed(odd),
            completed(fixtures::no_answer().0),
            completed(fixtures::answered_on_failure().0),
            completed(stopped),
            completed(twice),
            fixtures::not_run("tasks-stop", "cannot start after-install: permission denied"),
        ];
        insta::assert_snapshot!(render_table(NO_STYLE, &all, BROKEN, RunStats { jobs: 1, ..STATS }));
    }

    #[test]
    fn a_terminal_of_80_columns_is_wide_enough() {
        let mut long = fixtures::stopped().0;
        long.scenario = "a-scenario-whose-name-is-longer-than-any-name-should-be".into();
        let all = [completed(fixtures::stopped().0), completed(fixtures::two_deployments()), completed(long)];
        let text = render_table(TerminalStyle { width: 80, ..NO_STYLE }, &all, ReasonScope::AllStopped, STATS);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("a-scenario-whose-name-is-longer-than-any-name-should-be\n"), "{text}");
    }

    #[test]
    fn colour_changes_no_word() {
        let all = [completed(fixtures::healthy().0), completed(fixtures::stopped().0)];
        let coloured = render_table(TerminalStyle { colour: true, ..NO_STYLE }, &all, ReasonScope::AllStopped, STATS);
        assert_eq!(console::strip_ansi_codes(&coloured), render_table(NO_STYLE, &all, ReasonScope::AllStopped, STATS));
    }
}
