//! `greenlight explain`: describes in plain words what the hooks do.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use hook_core::{
    Hook,
    gate_file::{self, ExplainedCheck, ExplainedChecks, ExplainedDetail, ExplainedStage, Explanation, Mode},
};
use lifecycle::format_duration;

use super::diagnostics::{self, Level};
use crate::{
    cli::{CommandError, CommandOutcome, InputFile, parse_hook},
    terminal::{Emphasis, Output, TerminalStyle},
};

const AFTER_HELP: &str = "\
Shows the checks of each hook in the order in which they start, with built-in checks filled in: one line each, with
what is not the default, and with what the check expects. A barrier is a check that others wait for. With --verbose,
explains for each check what it expects, how long it can take and what its failure means, with all defaults.

Reads nothing from AWS, so facts about the deployment appear as the file has them: {{green.image_tag}}. The warnings of
`greenlight check` follow at the end.

Exit status:
  0    success
  1    the file has a fault, which is printed as `greenlight check` prints it
  2    bad usage: a file that cannot be read";

#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct ExplainOptions {
    /// A gate file, or - for standard input [default: none, so only the built-in checks]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Only this hook, such as AfterInstall
    #[arg(long, value_name = "HOOK", value_parser = parse_hook)]
    hook: Option<Hook>,

    /// Explain every key, with the defaults
    #[arg(long)]
    verbose: bool,
}

pub fn explain(args: &ExplainOptions) -> Result<CommandOutcome, CommandError> {
    let mut screen = Output::stdout();
    let source = args.file.as_deref().map(InputFile::read_gate_file).transpose().map_err(CommandError::Usage)?;
    let (mut explanations, mut observes) = (Vec::new(), false);
    for hook in Hook::ALL.into_iter().filter(|hook| args.hook.is_none_or(|only| only == *hook)) {
        match (gate_file::explain(source.as_ref().map(|source| source.text.as_str()), hook), &source) {
            (Ok(explanation), _) => {
                observes |= explanation.mode == Mode::Observe;
                explanations.push(match args.verbose {
                    true => render_explanation(screen.style, &explanation),
                    false => render_overview(screen.style, &explanation),
                });
            }
            (Err(faults), Some(source)) => {
                screen.println(&diagnostics::render(screen.style, Level::Fault, source, &faults))?;
                return Ok(CommandOutcome::Failure);
            }
            (Err(_), None) => return Err(CommandError::Failed(anyhow!("the built-in checks have a fault"))),
        }
    }
    if args.verbose {
        screen.println(&explanations.join("\n\n\n"))?;
    } else {
        let observes = observes.then(|| format!("A hook that only observes: {}.", gate_file::OBSERVES));
        let notes = observes.into_iter().chain(["--verbose explains every key, with the defaults".to_owned()]);
        let notes: Vec<_> = notes.map(|note| screen.style.paragraph(Emphasis::Dim, &note)).collect();
        screen.println(&format!("{}\n\n{}", explanations.join("\n\n"), notes.join("\n")))?;
    }
    if let Some(source) = &source {
        let warnings = gate_file::diagnose(&source.text).warnings;
        if !warnings.is_empty() {
            screen.println(&format!("\n\n{}", diagnostics::render(screen.style, Level::Warning, source, &warnings)))?;
        }
    }
    Ok(CommandOutcome::Success)
}

/// `textwrap` breaks no line at this space.
const NO_BREAK_SPACE: &str = "\u{a0}";

/// The hook in short: its checks in the order in which they start, one line each.
fn render_overview(style: TerminalStyle, explanation: &Explanation) -> String {
    let end = explanation.deadline.map(|deadline| format!("; its checks end within {}", format_duration(deadline)));
    let headline = format!("{}{}.", explanation.headline, end.unwrap_or_default());
    let headline = style.paragraph(Emphasis::Plain, &headline);
    let mut lines = vec![with_bold_name(style, explanation, &headline)];
    lines.extend(explanation.exceptions.iter().map(|text| style.paragraph(Emphasis::Plain, text)));
    match &explanation.checks {
        ExplainedChecks::None(why) => lines.push(style.paragraph(Emphasis::Plain, why)),
        ExplainedChecks::Some(checks) => {
            let stages = gate_file::stages(checks);
            // The numbers follow the order in which the checks start.
            let order: Vec<usize> = stages.iter().flat_map(|stage| stage.checks.iter().copied()).collect();
            let number_of = |index: usize| order.iter().position(|shown| *shown == index).map_or(0, |place| place + 1);
            for ExplainedStage { waits_for, checks: members } in stages {
                let barriers: Vec<_> = waits_for.iter().map(|index| number_of(*index).to_string()).collect();
                lines.push(match &barriers[..] {
                    [] => "  first:".to_owned(),
                    [one] => format!("  after {one} passes:"),
                    several => format!("  after {} pass:", several.join(" and ")),
                });
                let line = |index: &usize| Some(render_line(style, number_of(*index), checks.get(*index)?));
                lines.extend(members.iter().filter_map(line));
            }
        }
    }
    lines.join("\n")
}

/// A check and its conditions, in one line if it is wide enough.
fn render_line(style: TerminalStyle, number: usize, check: &ExplainedCheck) -> String {
    // The title of a barrier names its listener.
    let barrier = check.unblocks.map(|_| "barrier");
    let notes = barrier.into_iter().chain(check.origin.label()).chain(check.notes.iter().map(String::as_str));
    let notes: Vec<&str> = notes.collect();
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    let expects = check.details.iter().find_map(|detail| match detail {
        ExplainedDetail::Expects(conditions) => Some(format!(": {}", unbreakable(conditions))),
        ExplainedDetail::Sentence(_) => None,
    });
    let number = format!("{number:>4}. ");
    let text = format!("{}{notes}{}", check.title, expects.unwrap_or_default());
    style.hanging(&number, number.len(), Emphasis::Plain, &text).replace(NO_BREAK_SPACE, " ")
}

/// Prints the hook's name in bold: `AfterInstall (after_install)`.
fn with_bold_name(style: TerminalStyle, explanation: &Explanation, text: &str) -> String {
    let name = explanation.hook.to_string();
    text.replacen(&name, &style.apply(Emphasis::Bold, &name), 1)
}

/// The explanation, wrapped to the terminal. Continuation lines are indented to where the text starts.
fn render_explanation(style: TerminalStyle, explanation: &Explanation) -> String {
    let summary = explanation.summary();
    let mut lines: Vec<String> = summary.iter().map(|text| style.paragraph(Emphasis::Plain, text)).collect();
    if let Some(heading) = lines.first_mut() {
        *heading = with_bold_name(style, explanation, heading);
    }
    match &explanation.checks {
        ExplainedChecks::None(why) => lines.extend([String::new(), style.paragraph(Emphasis::Plain, why)]),
        ExplainedChecks::Some(checks) => {
            for (index, check) in checks.iter().enumerate() {
                let number = format!("{}. ", index + 1);
                lines.push(String::new());
                lines.push(style.hanging(&number, number.len(), Emphasis::Bold, &check.full_title()));
                lines.extend(check.details.iter().map(|detail| render_detail(style, detail)));
            }
        }
    }
    lines.join("\n")
}

/// A list of conditions in which only the end of a condition can be the end of a line.
fn unbreakable(conditions: &str) -> String {
    conditions.replace(' ', NO_BREAK_SPACE).replace(&format!(",{NO_BREAK_SPACE}"), ", ")
}

fn render_detail(style: TerminalStyle, detail: &ExplainedDetail) -> String {
    match detail {
        // A long list of conditions is easier to read when each of its lines starts in the same column.
        ExplainedDetail::Expects(conditions) => {
            let head = "   expects";
            style.hanging(head, head.len() + 1, Emphasis::Plain, &unbreakable(conditions)).replace(NO_BREAK_SPACE, " ")
        }
        ExplainedDetail::Sentence(text) => style.hanging("   ", 3, Emphasis::Plain, text),
    }
}
