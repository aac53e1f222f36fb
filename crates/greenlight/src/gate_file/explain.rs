//! `greenlight explain`: describes in plain words what the hooks do.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use hook_core::{
    Hook,
    gate_file::{self, ExplainedChecks, ExplainedDetail, Explanation},
};

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
            (Ok(explanation), _) => explanations.push(render_explanation(screen.style, &explanation)),
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

/// The explanation, wrapped to the terminal. Continuation lines are indented to where the text starts.
fn render_explanation(style: TerminalStyle, explanation: &Explanation) -> String {
    let Explanation { hook, summary, checks } = explanation;
    let mut lines: Vec<String> = summary.iter().map(|text| style.paragraph(Emphasis::Plain, text)).collect();
    if let Some(heading) = lines.first_mut() {
        // Prints the hook's name in bold: `AfterInstall (after_install)`.
        let name = hook.to_string();
        *heading = heading.replacen(&name, &style.apply(Emphasis::Bold, &name), 1);
    }
    match checks {
        ExplainedChecks::None(why) => lines.extend([String::new(), style.paragraph(Emphasis::Plain, why)]),
        ExplainedChecks::Some(checks) => {
            for (index, check) in checks.iter().enumerate() {
                let number = format!("{}. ", index + 1);
                lines.push(String::new());
                lines.push(style.hanging(&number, number.len(), Emphasis::Bold, &check.title));
                lines.extend(check.details.iter().map(|detail| render_detail(style, detail)));
            }
        }
    }
    lines.join("\n")
}

fn render_detail(style: TerminalStyle, detail: &ExplainedDetail) -> String {
    match detail {
        // A long list of conditions is easier to read when each of its lines starts in the same column, and when no
        // condition is broken in two, so its spaces become no-break spaces.
        ExplainedDetail::Expects(conditions) => {
            let head = "   expects";
            let text = conditions.replace(' ', NO_BREAK_SPACE).replace(&format!(",{NO_BREAK_SPACE}"), ", ");
            style.hanging(head, head.len() + 1, Emphasis::Plain, &text).replace(NO_BREAK_SPACE, " ")
        }
        ExplainedDetail::Sentence(text) => style.hanging("   ", 3, Emphasis::Plain, text),
    }
}
