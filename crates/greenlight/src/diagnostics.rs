//! The faults of a file: for a terminal with the line and a caret, for a program as JSON.

use hook_core::gate_file::{Diagnostic, render};
use serde::Serialize;

use crate::{
    input_file::InputFile,
    style::{Emphasis, TerminalStyle},
};

/// All faults of a file.
pub fn render_errors(style: TerminalStyle, source: &InputFile, faults: &[Diagnostic]) -> String {
    render_with_emphasis(style, Emphasis::Error, source, faults)
}

/// What is probably not meant in a file that can be used.
pub fn render_warnings(style: TerminalStyle, source: &InputFile, warnings: &[Diagnostic]) -> String {
    let named = warnings.iter().map(|one| Diagnostic::new(one.at, format!("warning: {}", one.message)));
    render_with_emphasis(style, Emphasis::Warning, source, &named.collect::<Vec<_>>())
}

/// The same in another tone, for what is no fault.
pub fn render_with_emphasis(style: TerminalStyle, tone: Emphasis, source: &InputFile, faults: &[Diagnostic]) -> String {
    let rendered = render(&source.text, faults, &source.name);
    let highlighted: Vec<String> = rendered.lines().map(|line| highlight(style, tone, &source.name, line)).collect();
    highlighted.join("\n")
}

/// A fault has a line that says it, and three with what it is about: a gutter, the line itself, the carets.
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

/// How many they are, in words.
pub fn fault_count(faults: usize) -> String {
    if faults == 1 { "1 fault".to_owned() } else { format!("{faults} faults") }
}

/// One fault, for a program.
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
    /// Of a fault in a file, or of what else a level says that it is.
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
