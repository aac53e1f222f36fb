//! Many scenarios as a table: a row for each deployment, under headings that say how it ended; then, if that is asked
//! for, why the stopped ones were stopped; then, in full, what was not as promised.

use std::{fmt::Write, time::Duration};

use rehearsal::{Answer, AnsweredBy, DeploymentReport, HookName, HookRun, Outcome, Report};

use crate::{
    ending::Ending,
    paint::{Look, Tone, seconds},
    played::{End, Played},
    timeline::differences,
    words::{self, Why},
};

/// All columns but the name and the reason, with the gaps between them.
const AFTER_NAME: usize = 2 + 2 + 9 + 2 + 2 + 7;
/// A name is not cut below this.
const LEAST_NAME: usize = 12;
/// Above the reasons a longer name gives way, so that the reason has room.
const WIDEST_NAME: usize = 28;

/// Whose reasons are told below the table. Of dozens of scenarios the code in the row says enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reasons {
    /// Only where a promise was broken.
    BrokenPromises,
    /// Of every deployment that was stopped.
    All,
}

/// What it cost to play them.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// From the first to the last.
    pub took: Duration,
    /// So many at a time.
    pub jobs: usize,
}

/// The whole table with its legend and what is said below it.
pub fn matrix(look: Look, all: &[Played], reasons: Reasons, cost: Cost) -> String {
    let mut sorted: Vec<(Ending, &Played)> = all.iter().map(|played| (Ending::of(played), played)).collect();
    // Within a heading they keep their telling order.
    sorted.sort_by_key(|(ending, _)| *ending);
    let rows: Vec<(Ending, Row<'_>)> =
        sorted.iter().flat_map(|(ending, played)| rows(played).into_iter().map(|row| (*ending, row))).collect();
    let reason = rows.iter().map(|(_, row)| row.reason().chars().count()).max().unwrap_or(0).max("reason".len());
    // A long name gives way, so that a row stays a row on a terminal of 80 columns.
    let name = rows.iter().map(|(_, row)| row.name.chars().count()).max().unwrap_or(0).max("scenario".len());
    let name = name.min(look.width.saturating_sub(AFTER_NAME + reason).max(LEAST_NAME));

    let mut text = legend(look);
    let head = format!("  {:name$}  1 2 3 4 5  {:reason$}  {:>7}", "scenario", "reason", "time");
    let _ = writeln!(text, "{}", look.paint(Tone::Strong, &head));
    for group in rows.chunk_by(|one, next| one.0 == next.0) {
        if let Some((ending, _)) = group.first() {
            let of = sorted.iter().filter(|(it, _)| it == ending).count();
            let (heading, tone) = ending.heading();
            let _ = writeln!(text, "\n{} ({of})", look.paint(tone, &heading));
        }
        for (_, row) in group {
            let _ = writeln!(text, "{}", row.line(look, name, reason));
        }
    }
    let sorted: Vec<&Played> = sorted.iter().map(|(_, played)| *played).collect();
    if reasons == Reasons::All {
        text += &why_stopped(look, &rows);
    }
    text + &not_as_promised(look, &sorted) + &sum(look, all, cost)
}

fn legend(look: Look) -> String {
    // Held together by a no-break space, so that no number is left alone at the end of a line.
    let hooks: Vec<String> =
        HookName::ALL.iter().zip(1..).map(|(hook, number)| format!("{number}\u{a0}{hook}")).collect();
    let marks = [
        (Tone::Good, "✓", "go on"),
        (Tone::Bad, "✗", "stop"),
        (Tone::Bad, "∪", "stop by the net"),
        (Tone::Bad, "?", "no answer"),
        (Tone::Quiet, "–", "not reached"),
    ];
    let marks: Vec<String> =
        marks.iter().map(|(tone, glyph, word)| format!("{} {word}", look.paint(*tone, glyph))).collect();
    format!(
        "{}\nmarks  {}\n\n",
        look.hang("hooks  ", 7, Tone::Plain, &hooks.join("  ")).replace('\u{a0}', " "),
        marks.join("  ")
    )
}

/// For those who believe the table and want to know what it was: two lines at most for each.
fn why_stopped(look: Look, rows: &[(Ending, Row<'_>)]) -> String {
    // Those that broke their promise are told in full, below.
    let stopped: Vec<_> =
        rows.iter().filter(|(_, row)| row.held).filter_map(|(_, row)| Some((row, row.why()?))).collect();
    if stopped.is_empty() {
        return String::new();
    }
    let widest = stopped.iter().map(|(row, _)| row.title().chars().count()).max().unwrap_or(0).min(WIDEST_NAME);
    let mut text = format!("\n{}\n", look.paint(Tone::Strong, "why they were stopped"));
    for (row, (_, why)) in &stopped {
        let which = row.which();
        let name = console::truncate_str(&row.scenario, widest.saturating_sub(which.chars().count()), "…").into_owned()
            + &which;
        let check = why.check.map(|check| format!("{check}: ")).unwrap_or_default();
        let _ =
            writeln!(text, "{}", look.hang_short(&format!("  {name}"), widest + 4, &format!("{check}{}", why.reason)));
    }
    text
}

fn not_as_promised(look: Look, all: &[&Played]) -> String {
    let broken: Vec<&Played> = all.iter().copied().filter(|one| !one.held()).collect();
    if broken.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", look.paint(Tone::Bad, "not as promised"));
    for one in broken {
        let _ = writeln!(text, "  {}", look.paint(Tone::Strong, &one.scenario));
        match &one.end {
            End::Not(error) => {
                let _ =
                    writeln!(text, "{}", look.hang("    - ", 6, Tone::Plain, &format!("could not be played: {error}")));
            }
            End::Through(report) => text += &broken_promise(look, report),
        }
    }
    text + &format!("  {}\n", look.paint(Tone::Quiet, "--scenario NAME plays one alone and shows all of it"))
}

fn broken_promise(look: Look, report: &Report) -> String {
    let mut text = String::new();
    for line in differences(report) {
        let _ = writeln!(text, "{}", look.hang("    - ", 6, Tone::Plain, &line));
    }
    for run in report.deployments.iter().filter_map(stopper) {
        let Why { check, reason, next } = words::why(run);
        let check = check.map(|name| format!(", check `{name}`")).unwrap_or_default();
        let _ =
            writeln!(text, "{}", look.hang("    why   ", 10, Tone::Plain, &format!("{}{check}: {reason}", run.hook)));
        if let Some(next) = next {
            let _ = writeln!(text, "{}", look.hang("    next  ", 10, Tone::Plain, next));
        }
    }
    text + &format!("    {}\n", look.paint(Tone::Quiet, &words::same_again(report.seed)))
}

fn sum(look: Look, all: &[Played], Cost { took, jobs }: Cost) -> String {
    let (held, of) = (all.iter().filter(|one| one.held()).count(), all.len());
    let (glyph, tone) = if held == of { ("✓", Tone::Good) } else { ("✗", Tone::Bad) };
    let at_a_time = if jobs > 1 { format!(", {jobs} at a time") } else { String::new() };
    let glyph = look.paint(tone, glyph);
    format!("\n{glyph} {held} of {of} scenarios ended as they promise, in {}{at_a_time}", seconds(took))
}

struct Row<'a> {
    scenario: String,
    /// Which deployment of how many.
    number: (usize, usize),
    name: String,
    what: Option<&'a DeploymentReport>,
    held: bool,
}

fn rows(played: &Played) -> Vec<Row<'_>> {
    let Some(report) = played.report() else {
        let name = played.scenario.clone();
        return vec![Row { scenario: name.clone(), number: (1, 1), name, what: None, held: false }];
    };
    let (of, ending) = (report.deployments.len(), Ending::of(played));
    let name = |number: usize, one: &DeploymentReport| match number {
        1 => report.scenario.clone(),
        // The heading is about another one of them.
        _ if one.outcome == Outcome::Succeeded && ending != Ending::Succeeded => {
            format!("  deployment {number} of {of}: succeeded")
        }
        _ => format!("  deployment {number} of {of}"),
    };
    // An unknown operation belongs to no deployment in particular, so it spoils all of the scenario's.
    let held = |one: &DeploymentReport| one.differences.is_empty() && report.unknown_operations.is_empty();
    let row = |(one, number)| Row {
        scenario: report.scenario.clone(),
        number: (number, of),
        name: name(number, one),
        what: Some(one),
        held: held(one),
    };
    report.deployments.iter().zip(1..).map(row).collect()
}

impl Row<'_> {
    /// Its name away from the other rows of its scenario.
    fn title(&self) -> String {
        format!("{}{}", self.scenario, self.which())
    }

    fn which(&self) -> String {
        match self.number {
            (_, 1) => String::new(),
            (number, of) => format!(" ({number} of {of})"),
        }
    }

    fn line(&self, look: Look, name: usize, reason: usize) -> String {
        let mark = if self.held { " ".to_owned() } else { look.paint(Tone::Bad, "✗") };
        let Some(one) = self.what else { return format!("{mark} {}", self.name).trim_end().to_owned() };
        // A name that was cut could not be given to --scenario: one that is too long has a line of its own.
        let title = match self.name.chars().count() > name {
            true => format!("{}\n  {:name$}", self.name, ""),
            false => format!("{:name$}", self.name),
        };
        let glyphs: Vec<String> = HookName::ALL
            .iter()
            .map(|hook| {
                let run = one.hooks.iter().find(|run| run.hook == *hook);
                match run.map(|run| (run.answer, run.answered_by)) {
                    None => look.paint(Tone::Quiet, "–"),
                    Some((Some(Answer::Succeeded), _)) => look.paint(Tone::Good, "✓"),
                    Some((Some(Answer::Failed), AnsweredBy::Net)) => look.paint(Tone::Bad, "∪"),
                    Some((Some(Answer::Failed), _)) => look.paint(Tone::Bad, "✗"),
                    Some((None, _)) => look.paint(Tone::Bad, "?"),
                }
            })
            .collect();
        let (glyphs, code) = (glyphs.join(" "), self.reason());
        format!("{mark} {title}  {glyphs}  {code:reason$}  {:>7}", seconds(one.took))
    }

    fn reason(&self) -> &str {
        self.what.and_then(stopper).map(|run| run.code.as_str()).unwrap_or_default()
    }

    fn why(&self) -> Option<(HookName, Why<'_>)> {
        self.what.and_then(stopper).map(|run| (run.hook, words::why(run)))
    }
}

fn stopper(one: &DeploymentReport) -> Option<&HookRun> {
    one.hooks.iter().find(|run| run.answer != Some(Answer::Succeeded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{paint::PLAIN, sample};

    const COST: Cost = Cost { took: Duration::from_millis(12_345), jobs: 8 };
    const BROKEN: Reasons = Reasons::BrokenPromises;

    fn through(report: Report) -> Played {
        sample::played(report)
    }

    #[test]
    fn every_promise_held() {
        let all = [through(sample::stopped().0), through(sample::healthy().0), through(sample::twice())];
        insta::assert_snapshot!(matrix(PLAIN, &all, Reasons::All, COST));
    }

    #[test]
    fn some_promises_did_not_hold() {
        let mut odd = sample::healthy().0;
        odd.unknown_operations.push("ssm:GetParameter".into());
        let mut twice = sample::twice();
        twice.deployments[1].differences.push("expected it to be rolled back; it succeeded".into());
        let mut stopped = sample::stopped().0;
        stopped.deployments[0].differences.push("expected it to succeed; AfterAllowTestTraffic stopped it".into());
        let all = [
            through(odd),
            through(sample::silent().0),
            through(sample::caught().0),
            through(stopped),
            through(twice),
            sample::not_played("tasks-stop", "cannot start after-install: permission denied"),
        ];
        insta::assert_snapshot!(matrix(PLAIN, &all, BROKEN, Cost { jobs: 1, ..COST }));
    }

    #[test]
    fn a_terminal_of_80_columns_is_wide_enough() {
        let mut long = sample::stopped().0;
        long.scenario = "a-scenario-whose-name-is-longer-than-any-name-should-be".into();
        let all = [through(sample::stopped().0), through(sample::twice()), through(long)];
        let text = matrix(Look { width: 80, ..PLAIN }, &all, Reasons::All, COST);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("a-scenario-whose-name-is-longer-than-any-name-should-be\n"), "{text}");
    }

    #[test]
    fn colour_changes_no_word() {
        let all = [through(sample::healthy().0), through(sample::stopped().0)];
        let coloured = matrix(Look { colour: true, ..PLAIN }, &all, Reasons::All, COST);
        assert_eq!(console::strip_ansi_codes(&coloured), matrix(PLAIN, &all, Reasons::All, COST));
    }
}
