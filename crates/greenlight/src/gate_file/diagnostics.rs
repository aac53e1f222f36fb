//! Renders the faults of a file: with line and caret for a terminal, as JSON for a program.

use hook_core::gate_file::{self, Diagnostic};
use serde::Serialize;

use crate::{
    cli::InputFile,
    terminal::{Emphasis, TerminalStyle},
};

/// How serious a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Fault,
    /// What is valid and probably not intended.
    Warning,
    /// Information that is not a fault.
    Note,
}

/// Renders diagnostics of one level, each with its line and a caret.
pub fn render(style: TerminalStyle, level: Level, source: &InputFile, diagnostics: &[Diagnostic]) -> String {
    let (tone, label) = match level {
        Level::Fault => (Emphasis::Error, ""),
        Level::Warning => (Emphasis::Warning, "warning: "),
        Level::Note => (Emphasis::Warning, "note: "),
    };
    let labelled = diagnostics.iter().map(|one| Diagnostic::new(one.at, format!("{label}{}", one.message)));
    let rendered = gate_file::render(&source.text, &labelled.collect::<Vec<_>>(), &source.name);
    let highlighted: Vec<String> = rendered.lines().map(|line| highlight(style, tone, &source.name, line)).collect();
    highlighted.join("\n")
}

/// Colours one line of a rendered fault. A fault has a message line, and three lines that show the source: an empty
/// gutter, the source line and the carets.
fn highlight(style: TerminalStyle, tone: Emphasis, origin: &str, line: &str) -> String {
    if let Some(rest) = line.strip_prefix(origin)
        && let Some((place, message)) = rest.split_once(": ")
    {
        let place = style.apply(Emphasis::Bold, &format!("{origin}{place}:"));
        return format!("{place} {}", style.apply(tone, message));
    }
    match line.split_once('|') {
        Some((gutter, text)) => {
            let carets = gutter.trim().is_empty();
            let gutter = style.apply(Emphasis::Dim, &format!("{gutter}|"));
            let text = if carets { style.apply(tone, text) } else { text.to_owned() };
            format!("{gutter}{text}").trim_end().to_owned()
        }
        None => line.to_owned(),
    }
}

/// One fault or warning, as JSON.
#[derive(Debug, Serialize)]
pub struct DiagnosticJson<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    level: Level,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<&'a str>,
}

impl<'a> DiagnosticJson<'a> {
    pub fn new(source: &'a InputFile, level: Level, fault: &'a Diagnostic) -> Self {
        Self {
            file: &source.name,
            line: fault.at.line,
            column: fault.at.column,
            level,
            message: &fault.message,
            suggestion: fault.suggestion.as_deref(),
        }
    }
}
