//! Many scenarios as a table: a row for each deployment, then why the stopped ones were stopped, then what went wrong.

use std::{fmt::Write, time::Duration};

use rehearsal::{Answer, DeploymentReport, HookName, Report};

use crate::{
    paint::{Look, Tone, seconds},
    timeline::differences,
    words::{self, Why},
};

/// All columns but the name and the reason, with the gaps between them.
const AFTER_NAME: usize = 2 + 9 + 2 + 11 + 2 + 2 + 7 + 2 + 4;
/// A name is not cut below this.
const LEAST_NAME: usize = 12;

/// What became of one scenario.
#[derive(Debug)]
pub enum Played {
    /// It was played to its end.
    Through(Box<Report>),
    /// It could not be played.
    Not {
        /// The scenario's name.
        scenario: String,
        /// Why.
        error: String,
    },
}

impl Played {
    /// Whether it ended as it promises.
    pub fn held(&self) -> bool {
        match self {
            Self::Through(report) => report.held(),
            Self::Not { .. } => false,
        }
    }
}

/// The whole table with its legend and what is said below it.
pub fn matrix(look: Look, all: &[Played], took: Duration) -> String {
    let rows: Vec<Row<'_>> = all.iter().flat_map(rows).collect();
    let reason = rows.iter().map(|row| row.reason().chars().count()).max().unwrap_or(0).max("reason".len());
    let name = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max("scenario".len());
    // A long name gives way, so that a row stays a row on a terminal of 80 columns.
    let name = name.min(look.width.saturating_sub(AFTER_NAME + reason).max(LEAST_NAME));

    // Held together by a no-break space, so that no number is left alone at the end of a line.
    let legend: Vec<String> =
        HookName::ALL.iter().zip(1..).map(|(hook, number)| format!("{number}\u{a0}{hook}")).collect();
    let mut text = look.hang("hooks   ", 8, Tone::Plain, &legend.join("  ")).replace('\u{a0}', " ");
    let marks = [
        (Tone::Good, "✓", "go on"),
        (Tone::Bad, "✗", "stop"),
        (Tone::Bad, "?", "no answer"),
        (Tone::Quiet, "–", "not reached"),
    ];
    let marks: Vec<String> =
        marks.iter().map(|(tone, glyph, word)| format!("{} {word}", look.paint(*tone, glyph))).collect();
    let _ = writeln!(text, "\nmarks   {}\nheld    it ended as the scenario promises\n", marks.join("  "));
    let head = format!("{:name$}  1 2 3 4 5  {:11}  {:reason$}  {:>7}  held", "scenario", "outcome", "reason", "time");
    let _ = writeln!(text, "{}", look.paint(Tone::Strong, &head));
    for row in &rows {
        let _ = writeln!(text, "{}", row.line(look, name, reason));
    }
    text + &below(look, all, &rows, took)
}

fn below(look: Look, all: &[Played], rows: &[Row<'_>], took: Duration) -> String {
    let mut text = String::new();
    let stopped: Vec<_> = rows.iter().filter_map(|row| row.why().map(|why| (row, why))).collect();
    if !stopped.is_empty() {
        let _ = writeln!(text, "\n{}", look.paint(Tone::Strong, "why they were stopped"));
        for (row, (hook, why)) in stopped {
            let _ = writeln!(text, "  {}", look.paint(Tone::Strong, &row.name));
            let check = why.check.map(|name| format!(", check `{name}`")).unwrap_or_default();
            let _ = writeln!(text, "{}", look.hang("    ", 4, Tone::Plain, &format!("{hook}{check}: {}", why.reason)));
        }
    }
    let broken: Vec<&Played> = all.iter().filter(|one| !one.held()).collect();
    if !broken.is_empty() {
        let _ = writeln!(text, "\n{}", look.paint(Tone::Bad, "not as promised"));
        for one in &broken {
            let (name, said) = match one {
                Played::Through(report) => (&report.scenario, differences(report)),
                Played::Not { scenario, error } => (scenario, vec![format!("could not be played: {error}")]),
            };
            let _ = writeln!(text, "  {}", look.paint(Tone::Strong, name));
            for line in said {
                let _ = writeln!(text, "{}", look.hang("    - ", 6, Tone::Plain, &line));
            }
        }
    }
    let (held, of) = (all.len() - broken.len(), all.len());
    let (glyph, tone) = if broken.is_empty() { ("✓", Tone::Good) } else { ("✗", Tone::Bad) };
    let glyph = look.paint(tone, glyph);
    let _ = write!(text, "\n{glyph} {held} of {of} scenarios ended as they promise, in {}", seconds(took));
    text
}

struct Row<'a> {
    name: String,
    what: What<'a>,
}

enum What<'a> {
    Deployment { one: &'a DeploymentReport, held: Held },
    NotPlayed,
}

/// Whether a deployment ended as promised.
#[derive(Clone, Copy)]
enum Held {
    Yes,
    No,
}

fn rows(played: &Played) -> Vec<Row<'_>> {
    match played {
        Played::Not { scenario, .. } => vec![Row { name: scenario.clone(), what: What::NotPlayed }],
        Played::Through(report) => {
            let of = report.deployments.len();
            let name = |number: usize| match number {
                1 => report.scenario.clone(),
                _ => format!("  deployment {number} of {of}"),
            };
            // An unknown operation belongs to no deployment in particular, so it spoils all of the scenario's.
            let held = |one: &DeploymentReport| {
                if one.differences.is_empty() && report.unknown_operations.is_empty() { Held::Yes } else { Held::No }
            };
            let row = |(one, number)| Row { name: name(number), what: What::Deployment { one, held: held(one) } };
            report.deployments.iter().zip(1..).map(row).collect()
        }
    }
}

impl Row<'_> {
    fn line(&self, look: Look, name: usize, reason: usize) -> String {
        let no = look.paint(Tone::Bad, "no");
        let title = console::truncate_str(&self.name, name, "…");
        let title = console::pad_str(&title, name, console::Alignment::Left, None);
        let What::Deployment { one, held } = &self.what else {
            return format!(
                "{title}  {:9}  {}  {:reason$}  {:>7}  {no}",
                "",
                look.paint(Tone::Bad, "not played "),
                "",
                ""
            );
        };
        let glyphs: Vec<String> = HookName::ALL
            .iter()
            .map(|hook| match one.hooks.iter().find(|run| run.hook == *hook).map(|run| run.answer) {
                None => look.paint(Tone::Quiet, "–"),
                Some(Some(Answer::Succeeded)) => look.paint(Tone::Good, "✓"),
                Some(Some(Answer::Failed)) => look.paint(Tone::Bad, "✗"),
                Some(None) => look.paint(Tone::Bad, "?"),
            })
            .collect();
        let (word, tone) = words::outcome(one.outcome);
        let outcome = look.paint(tone, &format!("{word:11}"));
        let held = match held {
            Held::Yes => look.paint(Tone::Good, "yes"),
            Held::No => no,
        };
        let (glyphs, code) = (glyphs.join(" "), self.reason());
        format!("{title}  {glyphs}  {outcome}  {code:reason$}  {:>7}  {held}", seconds(one.took))
    }

    fn reason(&self) -> &str {
        match &self.what {
            What::Deployment { one, .. } => stopper(one).map(|run| run.code.as_str()).unwrap_or_default(),
            What::NotPlayed => "",
        }
    }

    fn why(&self) -> Option<(HookName, Why<'_>)> {
        match &self.what {
            What::Deployment { one, .. } => stopper(one).map(|run| (run.hook, words::why(run))),
            What::NotPlayed => None,
        }
    }
}

fn stopper(one: &DeploymentReport) -> Option<&rehearsal::HookRun> {
    one.hooks.iter().find(|run| run.answer != Some(Answer::Succeeded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    const PLAIN: Look = Look { width: 100, colour: false };
    const TOOK: Duration = Duration::from_millis(12_345);

    fn through(report: Report) -> Played {
        Played::Through(Box::new(report))
    }

    #[test]
    fn every_promise_held() {
        let all = [through(sample::healthy().0), through(sample::stopped().0), through(sample::twice())];
        insta::assert_snapshot!(matrix(PLAIN, &all, TOOK));
    }

    #[test]
    fn some_promises_did_not_hold() {
        let mut odd = sample::healthy().0;
        odd.unknown_operations.push("ssm:GetParameter".into());
        let mut twice = sample::twice();
        twice.deployments[1].differences.push("expected it to be rolled back; it succeeded".into());
        let not = Played::Not {
            scenario: "tasks-stop".into(),
            error: "cannot start after-install: permission denied".into(),
        };
        let all = [through(odd), through(sample::silent().0), through(twice), not];
        insta::assert_snapshot!(matrix(PLAIN, &all, TOOK));
    }

    #[test]
    fn a_row_fits_a_terminal_of_80_columns() {
        let all = [through(sample::stopped().0), through(sample::twice())];
        let text = matrix(Look { width: 80, ..PLAIN }, &all, TOOK);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("second-deployment-colo…"), "{text}");
    }

    #[test]
    fn colour_changes_no_word() {
        let all = [through(sample::healthy().0), through(sample::stopped().0)];
        let coloured = matrix(Look { colour: true, ..PLAIN }, &all, TOOK);
        assert_eq!(console::strip_ansi_codes(&coloured), matrix(PLAIN, &all, TOOK));
    }
}
