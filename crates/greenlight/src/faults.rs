//! The faults of a file: for a terminal with the line and a caret, for a program as JSON.

use hook_core::gate_file::{Fault, render};
use serde::Serialize;

use crate::{
    paint::{Look, Tone},
    source::Source,
};

/// All faults of a file.
pub fn told(look: Look, source: &Source, faults: &[Fault]) -> String {
    told_as(look, Tone::Bad, source, faults)
}

/// What is probably not meant in a file that can be used.
pub fn warnings(look: Look, source: &Source, warnings: &[Fault]) -> String {
    let named = warnings.iter().map(|one| Fault::new(one.at, format!("warning: {}", one.message)));
    told_as(look, Tone::Warning, source, &named.collect::<Vec<_>>())
}

/// The same in another tone, for what is no fault.
pub fn told_as(look: Look, tone: Tone, source: &Source, faults: &[Fault]) -> String {
    let told = render(&source.text, faults, &source.name);
    let painted: Vec<String> = told.lines().map(|line| painted(look, tone, &source.name, line)).collect();
    painted.join("\n")
}

/// A fault has a line that says it, and three with what it is about: a gutter, the line itself, the carets.
fn painted(look: Look, tone: Tone, origin: &str, line: &str) -> String {
    if let Some(rest) = line.strip_prefix(origin)
        && let Some((place, message)) = rest.split_once(": ")
    {
        let place = look.paint(Tone::Strong, &format!("{origin}{place}:"));
        return format!("{place} {}", look.paint(tone, message));
    }
    match line.split_once('|') {
        Some((gutter, text)) => {
            let carets = gutter.trim().is_empty();
            let gutter = look.paint(Tone::Quiet, &format!("{gutter}|"));
            let text = if carets { look.paint(tone, text) } else { text.to_owned() };
            format!("{gutter}{text}").trim_end().to_owned()
        }
        None => line.to_owned(),
    }
}

/// How many they are, in words.
pub fn count(faults: usize) -> String {
    if faults == 1 { "1 fault".to_owned() } else { format!("{faults} faults") }
}

/// One fault, for a program.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    level: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// Of a fault in a file, or of what else a level says that it is.
    pub fn of(source: &'a Source, level: &'static str, fault: &'a Fault) -> Self {
        Self {
            file: &source.name,
            line: fault.at.line,
            column: fault.at.column,
            level,
            message: &fault.message,
            suggestion: fault.suggestion(),
        }
    }
}
