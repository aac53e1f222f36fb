//! `greenlight explain`: what the hooks will do, in plain words.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use hook_core::{Hook, gate_file};

use crate::{
    args::parse_hook,
    diagnostics,
    exit::{CommandError, CommandOutcome},
    input_file::InputFile,
    output::Output,
    style::{Emphasis, TerminalStyle},
};

const AFTER_HELP: &str = "\
Every check is told with what it expects, how long it may take and what its failure means; built-in checks and defaults are
filled in. Nothing is read from AWS, so what depends on the deployment is told as the file has it: {{green.image_tag}}. Warnings
of `greenlight check` follow at the end.

Exit status:
  0    it is explained
  1    the file has a fault, which is shown as `greenlight check` shows it
  2    bad usage: a file that cannot be read";

/// `greenlight explain`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct ExplainOptions {
    /// A gate file, or - for standard input [default: none, so the built-in checks alone]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Only this hook, such as AfterInstall
    #[arg(long, value_name = "HOOK", value_parser = parse_hook)]
    hook: Option<Hook>,
}

/// Does what was asked.
pub fn explain(args: &ExplainOptions) -> Result<CommandOutcome, CommandError> {
    let mut screen = Output::stdout();
    let source = args.file.as_deref().map(InputFile::read_gate_file).transpose().map_err(CommandError::Usage)?;
    let mut explanations = Vec::new();
    for hook in Hook::ALL.into_iter().filter(|hook| args.hook.is_none_or(|only| only == *hook)) {
        match (gate_file::explain(source.as_ref().map(|source| source.text.as_str()), hook), &source) {
            (Ok(text), _) => explanations.push(wrap_explanation(screen.style, &text)),
            (Err(faults), Some(source)) => {
                screen.println(&diagnostics::render_errors(screen.style, source, &faults))?;
                return Ok(CommandOutcome::Failure);
            }
            (Err(_), None) => return Err(CommandError::Failed(anyhow!("the built-in checks have a fault"))),
        }
    }
    screen.println(&explanations.join("\n\n\n"))?;
    if let Some(source) = &source {
        let warnings = gate_file::diagnose(&source.text).warnings;
        if !warnings.is_empty() {
            screen.println(&format!("\n\n{}", diagnostics::render_warnings(screen.style, source, &warnings)))?;
        }
    }
    Ok(CommandOutcome::Success)
}

/// A space at which no line is broken.
const NO_BREAK_SPACE: &str = "\u{a0}";

/// The explanation as it fits the terminal: what has no room hangs under its beginning.
fn wrap_explanation(style: TerminalStyle, text: &str) -> String {
    let lines = text.trim_end().lines().enumerate().map(|(index, line)| match (index, line.trim_start()) {
        (0, _) => render_heading(style, line),
        (_, "") => String::new(),
        (_, rest) if line.starts_with(' ') => {
            // A long list of conditions is easier to read when each line of it begins in the same column.
            let (word, more) = rest.split_once(' ').filter(|(word, _)| *word == "expects").unwrap_or(("", rest));
            let head = format!("   {word}");
            let (indent, more) = match word {
                "" => (head.len(), more.to_owned()),
                // And when no condition is broken in two: a space that is none keeps it together.
                _ => (head.len() + 1, more.replace(' ', NO_BREAK_SPACE).replace(&format!(",{NO_BREAK_SPACE}"), ", ")),
            };
            style.hanging(&head, indent, Emphasis::Plain, &more).replace(NO_BREAK_SPACE, " ")
        }
        (_, rest) => match rest.split_once(". ") {
            Some((number, title)) if number.parse::<u32>().is_ok() => {
                style.hanging(&format!("{number}. "), number.len() + 2, Emphasis::Bold, title)
            }
            _ => style.hanging("", 0, Emphasis::Plain, rest),
        },
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `AfterInstall (after_install)`, and what it does with what it finds.
fn render_heading(style: TerminalStyle, line: &str) -> String {
    let name = line.split(' ').next().unwrap_or(line);
    style.hanging("", 0, Emphasis::Plain, line).replacen(name, &style.apply(Emphasis::Bold, name), 1)
}
