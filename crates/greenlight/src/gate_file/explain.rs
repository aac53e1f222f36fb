//! `greenlight explain`: describes in plain words what the hooks do.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use hook_core::{Hook, gate_file};

use super::diagnostics::{self, Level};
use crate::{
    cli::{CommandError, CommandOutcome, InputFile, parse_hook},
    terminal::{Emphasis, Output, TerminalStyle},
};

const AFTER_HELP: &str = "\
Explains for each check what it expects, how long it can take and what its failure means, with built-in checks and
defaults filled in. Reads nothing from AWS, so facts about the deployment appear as the file has them:
{{green.image_tag}}. The warnings of `greenlight check` follow at the end.

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
}

pub fn explain(args: &ExplainOptions) -> Result<CommandOutcome, CommandError> {
    let mut screen = Output::stdout();
    let source = args.file.as_deref().map(InputFile::read_gate_file).transpose().map_err(CommandError::Usage)?;
    let mut explanations = Vec::new();
    for hook in Hook::ALL.into_iter().filter(|hook| args.hook.is_none_or(|only| only == *hook)) {
        match (gate_file::explain(source.as_ref().map(|source| source.text.as_str()), hook), &source) {
            (Ok(text), _) => explanations.push(wrap_explanation(screen.style, &text)),
            (Err(faults), Some(source)) => {
                screen.println(&diagnostics::render(screen.style, Level::Fault, source, &faults))?;
                return Ok(CommandOutcome::Failure);
            }
            (Err(_), None) => return Err(CommandError::Failed(anyhow!("the built-in checks have a fault"))),
        }
    }
    screen.println(&explanations.join("\n\n\n"))?;
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

/// Wraps the explanation to the terminal. Continuation lines are indented to where the text starts.
fn wrap_explanation(style: TerminalStyle, text: &str) -> String {
    let lines = text.trim_end().lines().enumerate().map(|(index, line)| match (index, line.trim_start()) {
        (0, _) => render_heading(style, line),
        (_, "") => String::new(),
        (_, rest) if line.starts_with(' ') => {
            // A long list of conditions is easier to read when each of its lines starts in the same column.
            let (word, more) = rest.split_once(' ').filter(|(word, _)| *word == "expects").unwrap_or(("", rest));
            let head = format!("   {word}");
            let (indent, more) = match word {
                "" => (head.len(), more.to_owned()),
                // It is also easier to read when no condition is broken in two, so its spaces become no-break spaces.
                _ => (head.len() + 1, more.replace(' ', NO_BREAK_SPACE).replace(&format!(",{NO_BREAK_SPACE}"), ", ")),
            };
            style.hanging(&head, indent, Emphasis::Plain, &more).replace(NO_BREAK_SPACE, " ")
        }
        (_, rest) => match rest.split_once(". ") {
            Some((number, title)) if number.parse::<u32>().is_ok() => {
                style.hanging(&format!("{number}. "), number.len() + 2, Emphasis::Bold, title)
            }
            _ => style.paragraph(Emphasis::Plain, rest),
        },
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Prints the hook's name in bold: `AfterInstall (after_install)`.
fn render_heading(style: TerminalStyle, line: &str) -> String {
    let name = line.split(' ').next().unwrap_or(line);
    style.paragraph(Emphasis::Plain, line).replacen(name, &style.apply(Emphasis::Bold, name), 1)
}
