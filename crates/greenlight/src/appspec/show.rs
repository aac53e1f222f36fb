//! What was found and what was written, for a person; and what was found, for a program.

use hook_core::gate_file::Fault;

use super::{
    check::{Finding, Level},
    edit::Written,
};
use crate::{
    faults::{self, Record},
    paint::{Look, Tone},
    source::Source,
};

/// All findings of all files as JSON.
pub fn json(checked: &[(&Source, Vec<Finding>)]) -> serde_json::Result<String> {
    let told = checked.iter().flat_map(|(source, found)| found.iter().map(|one| told(source, one)));
    serde_json::to_string_pretty(&told.collect::<Vec<_>>())
}

fn told<'a>(source: &'a Source, finding: &'a Finding) -> Record<'a> {
    let level = if finding.level == Level::Note { "note" } else { "fault" };
    Record::of(source, level, &finding.fault)
}

/// All findings of a file, and a line that counts them.
pub fn checked(look: Look, source: &Source, found: &[Finding]) -> String {
    let mut parts = Vec::new();
    for one in found {
        parts.push(match one.level {
            Level::Note => {
                let Fault { at, message, .. } = &one.fault;
                let noted = Fault::new(*at, format!("note: {message}"));
                faults::told_as(look, Tone::Warning, source, std::slice::from_ref(&noted))
            }
            Level::Refused | Level::Fault => faults::told(look, source, std::slice::from_ref(&one.fault)),
        });
    }
    let faults = found.iter().filter(|one| one.level != Level::Note).count();
    let name = &source.name;
    let count = match faults {
        0 => format!("{} {name}: fine", look.paint(Tone::Good, "✓")),
        many => format!("{} {name}: {}", look.paint(Tone::Bad, "✗"), faults::count(many)),
    };
    let notes = found.len() - faults;
    let notes = match notes {
        0 => String::new(),
        1 => "; 1 note".to_owned(),
        many => format!("; {many} notes"),
    };
    parts.push(format!("{count}{notes}"));
    parts.join("\n\n")
}

/// What was written into a file.
pub fn written(look: Look, name: &str, written: &Written, has_changed: bool) -> String {
    if !has_changed {
        return format!("{} {name}: nothing to change", look.paint(Tone::Good, "✓"));
    }
    let mut lines = vec![format!("{} {name}: wrote the Hooks section", look.paint(Tone::Good, "✓"))];
    for line in &written.lines {
        let before = line.from.and_then(|number| written.before.get(number)).map(|(_, function)| function);
        let (sign, was) = match before {
            None => ("+", String::new()),
            Some(before) if *before == line.function => (" ", String::new()),
            Some(before) => ("~", format!(" (was {})", if before.is_empty() { "empty" } else { before })),
        };
        lines.push(format!("  {sign} {}: {}{}", line.event, line.function, look.paint(Tone::Quiet, &was)));
    }
    lines.push(look.paint(Tone::Quiet, &format!("  next: greenlight rehearse --appspec {name}")));
    lines.join("\n")
}
