//! Renders the faults of a file: with line and caret for a terminal, as JSON for a program.

use hook_core::gate_file::{Diagnostic, render};
use serde::Serialize;

use crate::{
    cli::InputFile,
    terminal::{Emphasis, TerminalStyle},
};

pub fn render_errors(style: TerminalStyle, source: &InputFile, faults: &[Diagnostic]) -> String {
    render_with_emphasis(style, Emphasis::Error, source, faults)
}

/// Renders warnings: what is valid and probably not intended.
pub fn render_warnings(style: TerminalStyle, source: &InputFile, warnings: &[Diagnostic]) -> String {
    let named = warnings.iter().map(|one| Diagnostic::new(one.at, format!("warning: {}", one.message)));
    render_with_emphasis(style, Emphasis::Warning, source, &named.collect::<Vec<_>>())
}

/// Renders diagnostics in the given tone.
pub fn render_with_emphasis(style: TerminalStyle, tone: Emphasis, source: &InputFile, faults: &[Diagnostic]) -> String {
    let rendered = render(&source.text, faults, &source.name);
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
    level: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<&'a str>,
}

impl<'a> DiagnosticJson<'a> {
    /// `level` says what the diagnostic is: `fault` or `warning`.
    pub fn new(source: &'a InputFile, level: &'static str, fault: &'a Diagnostic) -> Self {
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
