//! Renders the findings for a person, and as JSON.

use hook_core::Hook;
use serde::Serialize;

use super::{
    findings::{DoctorFinding, has_prefix},
    snapshot::{AccountSnapshot, FunctionKind, UnreadableResource},
};
use crate::style::{Emphasis, TerminalStyle};

/// The column in which the text of a finding starts.
const INDENT: usize = 8;

/// The heading, which is printed before anything is read.
pub fn render_heading(style: TerminalStyle, application: &str, group: &str, region: &str) -> String {
    let text = format!("deployment group {group} of {application} in {region}; nothing is changed");
    style.hanging("", 0, Emphasis::Dim, &text)
}

/// Renders the whole report.
pub fn render(style: TerminalStyle, facts: &AccountSnapshot, findings: &[DoctorFinding]) -> String {
    let mut parts: Vec<String> = render_functions(style, facts).into_iter().collect();
    parts.extend(findings.iter().map(|finding| render_finding(style, finding)));
    parts.extend(facts.unreadable.iter().map(|unseen| render_unreadable(style, unseen)));
    parts.push(summary_line(style, facts, findings));
    parts.join("\n\n")
}

/// Lists the function that CodeDeploy would invoke for each event, so that a missing one is visible.
fn render_functions(style: TerminalStyle, facts: &AccountSnapshot) -> Option<String> {
    let app_spec = facts.app_spec.found()?;
    let lines = facts.functions.iter().map(|wired| {
        let notes = [
            (wired.kind == FunctionKind::Other).then_some("not a function of Greenlight"),
            (!has_prefix(wired)).then_some(
                "no CodeDeployHook_ in its name: most of AWS's policies do not allow CodeDeploy to invoke it",
            ),
        ];
        let notes: Vec<_> = notes.into_iter().flatten().collect();
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
        style.hanging(
            &format!("  {:21}", wired.event),
            24,
            Emphasis::Plain,
            &format!("{}{notes}", wired.name_in_app_spec),
        )
    });
    let title = style.hanging("", 0, Emphasis::Dim, &format!("hooks from {}", app_spec.title));
    let is_asked = |hook: &Hook| facts.functions.iter().any(|wired| wired.event == hook.event_name());
    let missing = Hook::ALL.into_iter().filter(|hook| !is_asked(hook));
    let missing = missing.map(|hook| style.apply(Emphasis::Dim, &format!("  {:21} no function", hook.event_name())));
    Some([title].into_iter().chain(lines).chain(missing).collect::<Vec<_>>().join("\n"))
}

fn render_finding(style: TerminalStyle, finding: &DoctorFinding) -> String {
    let DoctorFinding { code, resource: place, message, fix, command } = finding;
    let head = format!("{} {}", style.apply(Emphasis::Error, "✗"), style.apply(Emphasis::Bold, code));
    let mut lines = vec![
        head,
        style.hanging("  where", INDENT, Emphasis::Plain, place),
        style.hanging("  what", INDENT, Emphasis::Plain, message),
        style.hanging("  fix", INDENT, Emphasis::Plain, fix),
    ];
    // The command is not wrapped, so that it can be copied.
    lines.extend(command.as_ref().map(|command| format!("{:INDENT$}{command}", "")));
    lines.join("\n")
}

fn render_unreadable(style: TerminalStyle, unseen: &UnreadableResource) -> String {
    let UnreadableResource { resource: looked_for, permission, why } = unseen;
    let needs = permission.map(|it| format!(" ({it})")).unwrap_or_default();
    let head = style.apply(Emphasis::Warning, "?");
    let text = format!("could not check{needs}: {looked_for}");
    format!(
        "{}\n{}",
        style.hanging(&format!("{head} "), 2, Emphasis::Warning, &text),
        style.hanging("  why", INDENT, Emphasis::Plain, why)
    )
}

/// The last line, with the numbers of findings and of checked items.
fn summary_line(style: TerminalStyle, facts: &AccountSnapshot, findings: &[DoctorFinding]) -> String {
    let plural = |count: usize, one: &str, many: &str| {
        if count == 1 { one.to_owned() } else { many.replace('N', &count.to_string()) }
    };
    let unseen = plural(facts.unreadable.len(), "1 item could not be checked", "N items could not be checked");
    let looked_at = plural(facts.resources_read, "1 item checked", "N items checked");
    match (findings.len(), facts.unreadable.len()) {
        (0, 0) => style.apply(Emphasis::Success, &format!("nothing found: {looked_at}")),
        (0, _) => style.apply(Emphasis::Warning, &format!("nothing found among {looked_at}, and {unseen}")),
        (many, others) => {
            let found = plural(many, "1 finding", "N findings");
            let unseen = if others == 0 { String::new() } else { format!(", and {unseen}") };
            style.apply(Emphasis::Error, &format!("{found}{unseen}"))
        }
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
}

/// Renders the report as JSON.
pub fn render_json(facts: &AccountSnapshot, findings: &[DoctorFinding]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&DoctorJson {
        application: &facts.application,
        deployment_group: &facts.group_name,
        region: &facts.region,
        findings,
        unreadable: &facts.unreadable,
        resources_read: facts.resources_read,
    })
}
