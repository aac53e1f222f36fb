//! `greenlight explain`: what the hooks will do, in plain words.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use hook_core::{Hook, gate_file};

use crate::{
    args::hook,
    exit::{Fault, Verdict},
    faults,
    paint::{Look, Tone},
    screen::Screen,
    source::Source,
};

const AFTER: &str = "\
Every check is told with what it expects, how long it may take and what its failure means; built-in checks and defaults are
filled in. Nothing is read from AWS, so what depends on the deployment is told as the file has it: {{green.image_tag}}. Warnings
of `greenlight check` follow at the end.

Exit status:
  0    it is explained
  1    the file has a fault, which is shown as `greenlight check` shows it
  2    bad usage: a file that cannot be read";

/// `greenlight explain`.
#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct Explain {
    /// A gate file, or - for standard input [default: none, so the built-in checks alone]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Only this hook, such as AfterInstall
    #[arg(long, value_name = "HOOK", value_parser = hook)]
    hook: Option<Hook>,
}

/// Does what was asked.
pub fn explain(args: &Explain) -> Result<Verdict, Fault> {
    let mut screen = Screen::stdout();
    let source = args.file.as_deref().map(Source::read).transpose().map_err(Fault::Usage)?;
    let mut told = Vec::new();
    for hook in Hook::ALL.into_iter().filter(|hook| args.hook.is_none_or(|only| only == *hook)) {
        match (gate_file::explain(source.as_ref().map(|source| source.text.as_str()), hook), &source) {
            (Ok(text), _) => told.push(laid_out(screen.look, &text)),
            (Err(faults), Some(source)) => {
                screen.say(&faults::told(screen.look, source, &faults))?;
                return Ok(Verdict::Bad);
            }
            (Err(_), None) => return Err(Fault::Failed(anyhow!("the built-in checks have a fault"))),
        }
    }
    screen.say(&told.join("\n\n\n"))?;
    if let Some(source) = &source {
        let warnings = gate_file::diagnose(&source.text).warnings;
        if !warnings.is_empty() {
            screen.say(&format!("\n\n{}", faults::warnings(screen.look, source, &warnings)))?;
        }
    }
    Ok(Verdict::Good)
}

/// A space at which no line is broken.
const TIE: &str = "\u{a0}";

/// The explanation as it fits the terminal: what has no room hangs under its beginning.
fn laid_out(look: Look, text: &str) -> String {
    let lines = text.trim_end().lines().enumerate().map(|(index, line)| match (index, line.trim_start()) {
        (0, _) => heading(look, line),
        (_, "") => String::new(),
        (_, rest) if line.starts_with(' ') => {
            // A long list of conditions is easier to read when each line of it begins in the same column.
            let (word, more) = rest.split_once(' ').filter(|(word, _)| *word == "expects").unwrap_or(("", rest));
            let head = format!("   {word}");
            let (indent, more) = match word {
                "" => (head.len(), more.to_owned()),
                // And when no condition is broken in two: a space that is none keeps it together.
                _ => (head.len() + 1, more.replace(' ', TIE).replace(&format!(",{TIE}"), ", ")),
            };
            look.hang(&head, indent, Tone::Plain, &more).replace(TIE, " ")
        }
        (_, rest) => match rest.split_once(". ") {
            Some((number, title)) if number.parse::<u32>().is_ok() => {
                look.hang(&format!("{number}. "), number.len() + 2, Tone::Strong, title)
            }
            _ => look.hang("", 0, Tone::Plain, rest),
        },
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `AfterInstall (after_install)`, and what it does with what it finds.
fn heading(look: Look, line: &str) -> String {
    let name = line.split(' ').next().unwrap_or(line);
    look.hang("", 0, Tone::Plain, line).replacen(name, &look.paint(Tone::Strong, name), 1)
}
