//! `greenlight check`: whether gate files can be used.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use hook_core::gate_file::{self, Diagnostics};

use crate::{
    exit::{Fault, Verdict},
    faults::{self, Record},
    paint::Tone,
    screen::Screen,
    source::Source,
};

const AFTER: &str = "\
A fault is shown with its line, a caret and, where a word is nearly one that is known, a suggestion. All faults of all files
are shown, and warnings: what can be used and is probably not meant. Nothing is read from AWS.

With --json, standard output has one array of {file, line, column, level, message, suggestion?}; level is fault or warning.

Exit status:
  0    every file can be used, with warnings or without
  1    one has a fault
  2    bad usage: a file that cannot be read; the others are checked all the same";

/// `greenlight check`.
#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct Check {
    /// A gate file, or - for standard input; may be given more than once
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Print the faults as JSON for a program to read
    #[arg(long)]
    json: bool,
}

/// Does what was asked.
pub fn check(args: &Check) -> Result<Verdict, Fault> {
    let mut screen = Screen::stdout();
    // A file that cannot be read does not hide what is wrong with the others.
    let (mut sources, mut unread) = (Vec::new(), Vec::new());
    for path in &args.files {
        match Source::read(path) {
            Ok(source) => sources.push(source),
            Err(error) => unread.push(format!("{error:#}")),
        }
    }
    let checked: Vec<_> = sources.iter().map(|source| (source, gate_file::diagnose(&source.text))).collect();
    if args.json {
        let records = checked.iter().flat_map(|(source, found)| {
            let faults = found.faults.iter().map(|fault| Record::of(source, "fault", fault));
            faults.chain(found.warnings.iter().map(|warning| Record::of(source, "warning", warning)))
        });
        screen.say(&serde_json::to_string_pretty(&records.collect::<Vec<_>>())?)?;
    } else {
        for (source, found) in &checked {
            screen.say(&told(&screen, source, found))?;
        }
    }
    if !unread.is_empty() {
        return Err(Fault::Usage(anyhow!("{}", unread.join("\n       "))));
    }
    Ok(if checked.iter().all(|(_, found)| found.faults.is_empty()) { Verdict::Good } else { Verdict::Bad })
}

/// Faults, then warnings, then one line that counts them.
fn told(screen: &Screen, source: &Source, found: &Diagnostics) -> String {
    let mut parts = Vec::new();
    if !found.faults.is_empty() {
        parts.push(faults::told(screen.look, source, &found.faults));
    }
    if !found.warnings.is_empty() {
        parts.push(faults::warnings(screen.look, source, &found.warnings));
    }
    parts.push(match found.faults.len() {
        0 => usable(screen, source, found.warnings.len()),
        many => {
            let count = format!("{}: {}", source.name, faults::count(many));
            format!("{} {count}", screen.look.paint(Tone::Bad, "✗"))
        }
    });
    parts.join("\n\n")
}

/// What was found in a file that can be used.
fn usable(screen: &Screen, source: &Source, warnings: usize) -> String {
    let count = gate_file::count(&source.text).unwrap_or_default();
    let plural = |many: usize, what: &str| if many == 1 { format!("1 {what}") } else { format!("{many} {what}s") };
    let (hooks, checks) = (plural(count.hooks, "hook"), plural(count.own + count.built_in, "check"));
    let text = match (count.own, count.built_in) {
        (0, 0) => "nothing is checked".to_owned(),
        (0, _) => format!("{hooks} with {checks}, all built-in"),
        (_, 0) => format!("{hooks} with {checks}, none built-in"),
        (own, built_in) => format!("{hooks} with {checks}: {own} of its own, {built_in} built-in"),
    };
    let judged = match warnings {
        0 => "fine".to_owned(),
        many => plural(many, "warning"),
    };
    format!("{} {}: {judged}; {text}", screen.look.paint(Tone::Good, "✓"), source.name)
}
