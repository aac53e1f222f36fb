//! `greenlight check`: finds faults and warnings in gate files.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use hook_core::gate_file::{self, CheckCounts, Diagnostics};
use rehearsal::{Scenario, ServiceDescription};

use super::diagnostics::{self, DiagnosticJson, Level};
use crate::{
    cli::{CommandError, CommandOutcome, InputFile},
    terminal::{Emphasis, Output, count},
};

const AFTER_HELP: &str = "\
Prints each fault with its line and a caret, and suggests what to write for a misspelled word and for a word of another
tool, such as Gatus or k6. Prints all faults of all files, and warnings: what is valid and probably not intended. Reads
nothing from AWS.

With --json, standard output has one array of {file, line, column, level, message, suggestion?}; level is fault or
warning.

Exit status:
  0    no file has a fault; warnings do not count
  1    a file has a fault
  2    bad usage: a file that cannot be read; the other files are still checked";

#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct CheckGateOptions {
    /// A gate file, or - for standard input; can be repeated
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Print the faults as JSON
    #[arg(long)]
    json: bool,
}

pub fn check_gate(args: &CheckGateOptions) -> Result<CommandOutcome, CommandError> {
    let mut screen = Output::stdout();
    // A file that cannot be read must not hide the faults of the other files.
    let (mut sources, mut unreadable) = (Vec::new(), Vec::new());
    for path in &args.files {
        match InputFile::read_gate_file(path) {
            Ok(source) => sources.push(source),
            Err(error) => unreadable.push(format!("{error:#}")),
        }
    }
    let checked: Vec<_> = sources.iter().map(|source| (source, gate_file::diagnose(&source.text))).collect();
    if args.json {
        let records = checked.iter().flat_map(|(source, found)| {
            let faults = found.errors.iter().map(|fault| DiagnosticJson::new(source, Level::Fault, fault));
            faults.chain(found.warnings.iter().map(|warning| DiagnosticJson::new(source, Level::Warning, warning)))
        });
        screen.print_json(&records.collect::<Vec<_>>())?;
    } else {
        for (source, found) in &checked {
            screen.println(&render_file(&screen, source, found))?;
        }
    }
    if !unreadable.is_empty() {
        return Err(CommandError::Usage(anyhow!("{}", unreadable.join("\n       "))));
    }
    Ok(CommandOutcome::from_success(checked.iter().all(|(_, found)| found.errors.is_empty())))
}

/// Renders the faults, then the warnings, then one line with their number.
fn render_file(screen: &Output, source: &InputFile, found: &Diagnostics) -> String {
    if let Some(kind) = other_kind(source).filter(|_| !found.errors.is_empty()) {
        let glyph = screen.style.apply(Emphasis::Error, "✗");
        return format!("{glyph} {}: this is not a gate file, but {kind}", source.name);
    }
    let mut parts = Vec::new();
    if !found.errors.is_empty() {
        parts.push(diagnostics::render(screen.style, Level::Fault, source, &found.errors));
    }
    if !found.warnings.is_empty() {
        parts.push(diagnostics::render(screen.style, Level::Warning, source, &found.warnings));
    }
    parts.push(match found.errors.len() {
        0 => ok_line(screen, source, found.warnings.len()),
        many => {
            let glyph = screen.style.apply(Emphasis::Error, "✗");
            format!("{glyph} {}: {}", source.name, count(many, "fault"))
        }
    });
    parts.join("\n\n")
}

/// What a file is that is not a gate file, and where it belongs.
fn other_kind(source: &InputFile) -> Option<&'static str> {
    if source.text.lines().any(|line| line.starts_with("version:")) {
        return None;
    }
    if ServiceDescription::from_yaml(&source.text, &source.name).is_ok() {
        return Some("the description of a service, for `greenlight rehearse --service FILE`");
    }
    let is_scenario = Scenario::from_yaml(&source.text, &source.name).is_ok();
    is_scenario.then_some("a scenario, for `greenlight rehearse --scenario FILE`")
}

/// The summary line of a file without faults: how many hooks and checks it has.
fn ok_line(screen: &Output, source: &InputFile, warnings: usize) -> String {
    let CheckCounts { hooks, from_file, built_in } = gate_file::count_checks(&source.text).unwrap_or_default();
    let (hooks, checks) = (count(hooks, "hook"), count(from_file + built_in, "check"));
    let text = match (from_file, built_in) {
        (0, 0) => "nothing is checked".to_owned(),
        (0, _) => format!("{hooks} with {checks}, all built-in"),
        (_, 0) => format!("{hooks} with {checks}, none built-in"),
        (own, built_in) => format!("{hooks} with {checks}: {own} in the file, {built_in} built-in"),
    };
    let judged = match warnings {
        0 => "fine".to_owned(),
        many => count(many, "warning"),
    };
    format!("{} {}: {judged}; {text}", screen.style.apply(Emphasis::Success, "✓"), source.name)
}
