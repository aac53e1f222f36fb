//! Renders the results for a person, and the issues as JSON too.

use super::{
    issue::{Issue, Severity},
    rewrite::Rewritten,
};
use crate::{
    cli::InputFile,
    gate_file::diagnostics::{self, DiagnosticJson},
    terminal::{Emphasis, TerminalStyle, count},
};

/// The issues of a file for a program.
pub fn json_issues<'a>(source: &'a InputFile, found: &'a [Issue]) -> impl Iterator<Item = DiagnosticJson<'a>> {
    found.iter().map(move |issue| DiagnosticJson::new(source, issue.severity.level(), &issue.diagnostic))
}

/// Renders all issues of a file and a line with their number.
pub fn render_issues(style: TerminalStyle, source: &InputFile, found: &[Issue]) -> String {
    let render = |issue: &Issue| {
        diagnostics::render(style, issue.severity.level(), source, std::slice::from_ref(&issue.diagnostic))
    };
    let mut parts: Vec<String> = found.iter().map(render).collect();
    let faults = found.iter().filter(|one| one.severity != Severity::Note).count();
    let name = &source.name;
    let summary = match faults {
        0 => format!("{} {name}: fine", style.apply(Emphasis::Success, "✓")),
        many => format!("{} {name}: {}", style.apply(Emphasis::Error, "✗"), count(many, "fault")),
    };
    let notes = match found.len() - faults {
        0 => String::new(),
        many => format!("; {}", count(many, "note")),
    };
    parts.push(format!("{summary}{notes}"));
    parts.join("\n\n")
}

/// Renders the changes to a file.
pub fn render_rewritten(style: TerminalStyle, name: &str, written: &Rewritten, has_changed: bool) -> String {
    if !has_changed {
        return format!("{} {name}: nothing to change", style.apply(Emphasis::Success, "✓"));
    }
    let mut lines = vec![format!("{} {name}: wrote the Hooks section", style.apply(Emphasis::Success, "✓"))];
    for line in &written.lines {
        let before = line.existing.and_then(|number| written.before.get(number)).map(|(_, function)| function);
        let (sign, was) = match before {
            None => ("+", String::new()),
            Some(before) if *before == line.function => (" ", String::new()),
            Some(before) => ("~", format!(" (was {})", if before.is_empty() { "empty" } else { before })),
        };
        lines.push(format!("  {sign} {}: {}{}", line.event, line.function, style.apply(Emphasis::Dim, &was)));
    }
    lines.push(style.apply(Emphasis::Dim, &format!("  next: greenlight rehearse --appspec {name}")));
    lines.join("\n")
}
