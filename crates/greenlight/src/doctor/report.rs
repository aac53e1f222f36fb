//! Renders the findings for a person, and as JSON.

use std::collections::BTreeSet;

use hook_core::Hook;
use serde::Serialize;

use super::{
    findings::{DoctorFinding, DoctorProblem, has_prefix},
    function_name::FunctionKind,
    snapshot::{AccountSnapshot, UnreadableResource},
};
use crate::terminal::{Emphasis, TerminalStyle, count};

/// The column in which the text of a finding starts.
const INDENT: usize = 8;

/// The heading, which is printed before anything is read.
pub fn render_heading(style: TerminalStyle, application: &str, group: &str, region: &str) -> String {
    let text = format!("deployment group {group} of {application} in {region}; nothing is changed");
    style.paragraph(Emphasis::Dim, &text)
}

/// What no finding can be about, because nothing here can read it. docs/DOCTOR.md has the same list.
pub const CANNOT_KNOW: [&str; 6] = [
    "whether network ACLs, DNS servers and proxies let the functions' requests through",
    "how the service responds: nothing is requested from it; `greenlight dry-run` sends the checks' requests",
    "whether the policies of a bucket, a secret, a parameter or a key forbid what the functions' roles allow",
    "whether a secret has the key, and a parameter the value, that a check needs: no value is read",
    "a gate file in the functions' package, unless --gate FILE shows it",
    "what changes after this moment: the next deployment can have another AppSpec file and other targets",
];

/// Renders the whole report.
pub fn render(
    style: TerminalStyle,
    snapshot: &AccountSnapshot,
    findings: &[DoctorFinding],
    is_verbose: bool,
) -> String {
    let mut parts: Vec<String> = render_functions(style, snapshot).into_iter().collect();
    parts.extend(findings.iter().map(|finding| render_finding(style, finding)));
    parts.extend(snapshot.unreadable.iter().map(|unreadable| render_unreadable(style, unreadable)));
    if is_verbose {
        parts.push(render_list(style, "looked at", looked_at(snapshot).into_iter()));
        parts.push(render_list(style, "cannot know", CANNOT_KNOW.into_iter()));
    }
    parts.push(summary_line(style, snapshot, findings));
    parts.join("\n\n")
}

/// Lists the function that CodeDeploy would invoke for each event, so that a missing one is visible.
fn render_functions(style: TerminalStyle, snapshot: &AccountSnapshot) -> Option<String> {
    let app_spec = snapshot.app_spec.found()?;
    let lines = snapshot.functions.iter().map(|function| {
        let notes = [
            (function.kind == FunctionKind::Other).then_some("not a function of Greenlight"),
            (!has_prefix(function)).then_some(
                "no CodeDeployHook_ in its name: most of AWS's policies do not allow CodeDeploy to invoke it",
            ),
        ];
        let notes: Vec<_> = notes.into_iter().flatten().collect();
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
        style.hanging(
            &format!("  {:21}", function.event),
            24,
            Emphasis::Plain,
            &format!("{}{notes}", function.name_in_app_spec),
        )
    });
    let title = style.paragraph(Emphasis::Dim, &format!("hooks from {}", app_spec.title));
    let is_asked = |hook: &Hook| snapshot.functions.iter().any(|function| function.event == hook.event_name());
    let missing = Hook::ALL.into_iter().filter(|hook| !is_asked(hook));
    let missing = missing.map(|hook| style.apply(Emphasis::Dim, &format!("  {:21} no function", hook.event_name())));
    Some([title].into_iter().chain(lines).chain(missing).collect::<Vec<_>>().join("\n"))
}

/// What was read, each resource once.
fn looked_at(snapshot: &AccountSnapshot) -> BTreeSet<&str> {
    snapshot.resources_read.iter().map(String::as_str).collect()
}

fn render_list<'a>(style: TerminalStyle, title: &str, items: impl Iterator<Item = &'a str>) -> String {
    let lines = items.map(|item| style.hanging("  - ", 4, Emphasis::Plain, item));
    [style.apply(Emphasis::Bold, title)].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

fn render_finding(style: TerminalStyle, finding: &DoctorFinding) -> String {
    let DoctorFinding { code, problem: DoctorProblem { resource, message, fix, command } } = finding;
    let head = format!("{} {}", style.apply(Emphasis::Error, "✗"), style.apply(Emphasis::Bold, code));
    let mut lines = vec![
        head,
        style.hanging("  where", INDENT, Emphasis::Plain, resource),
        style.hanging("  what", INDENT, Emphasis::Plain, message),
        style.hanging("  fix", INDENT, Emphasis::Plain, fix),
    ];
    // The command is not wrapped, so that it can be copied.
    lines.extend(command.as_ref().map(|command| format!("{:INDENT$}{command}", "")));
    lines.join("\n")
}

fn render_unreadable(style: TerminalStyle, unreadable: &UnreadableResource) -> String {
    let UnreadableResource { resource, permission, why } = unreadable;
    let needs = permission.map(|it| format!(" ({it})")).unwrap_or_default();
    let head = style.apply(Emphasis::Warning, "?");
    let text = format!("could not check{needs}: {resource}");
    format!(
        "{}\n{}",
        style.hanging(&format!("{head} "), 2, Emphasis::Warning, &text),
        style.hanging("  why", INDENT, Emphasis::Plain, why)
    )
}

/// The last line, with the numbers of findings and of checked items.
fn summary_line(style: TerminalStyle, snapshot: &AccountSnapshot, findings: &[DoctorFinding]) -> String {
    let checked = format!("{} checked", count(snapshot.resources_read.len(), "item"));
    let unchecked = match snapshot.unreadable.len() {
        0 => String::new(),
        number => format!(", and {} could not be checked", count(number, "item")),
    };
    match (findings.len(), snapshot.unreadable.len()) {
        (0, 0) => style.apply(Emphasis::Success, &format!("nothing found: {checked}")),
        (0, _) => style.apply(Emphasis::Warning, &format!("nothing found among {checked}{unchecked}")),
        (number, _) => style.apply(Emphasis::Error, &format!("{}{unchecked}", count(number, "finding"))),
    }
}

#[derive(Serialize)]
struct DoctorJson<'a> {
    application: &'a str,
    deployment_group: &'a str,
    region: &'a str,
    findings: &'a [DoctorFinding],
    unreadable: &'a [UnreadableResource],
    resources_read: usize,
    looked_at: BTreeSet<&'a str>,
}

/// The report for a program.
pub fn json_report<'a>(snapshot: &'a AccountSnapshot, findings: &'a [DoctorFinding]) -> impl Serialize + 'a {
    DoctorJson {
        application: &snapshot.application,
        deployment_group: &snapshot.group_name,
        region: &snapshot.region,
        findings,
        unreadable: &snapshot.unreadable,
        resources_read: snapshot.resources_read.len(),
        looked_at: looked_at(snapshot),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_what_the_doctor_cannot_know() {
        let manual = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/DOCTOR.md")).unwrap();
        for line in CANNOT_KNOW {
            assert!(manual.contains(&format!("- {line}\n")), "{line}");
        }
    }
}
