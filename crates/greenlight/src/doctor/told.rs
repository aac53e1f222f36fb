//! What was found, for a person and for a program.

use hook_core::Hook;
use serde::Serialize;

use super::{
    facts::{Facts, Kin, Unseen},
    findings::{Finding, has_prefix},
};
use crate::paint::{Look, Tone};

/// Where a finding's sentences begin.
const INDENT: usize = 8;

/// What is looked at, before anything is known.
pub fn heading(look: Look, application: &str, group: &str, region: &str) -> String {
    let text = format!("deployment group {group} of {application} in {region}; it is only read");
    look.hang("", 0, Tone::Quiet, &text)
}

/// All of it.
pub fn text(look: Look, facts: &Facts, findings: &[Finding]) -> String {
    let mut parts: Vec<String> = functions(look, facts).into_iter().collect();
    parts.extend(findings.iter().map(|finding| of_finding(look, finding)));
    parts.extend(facts.unseen.iter().map(|unseen| of_unseen(look, unseen)));
    parts.push(sum(look, facts, findings));
    parts.join("\n\n")
}

/// Who is asked at which event: what CodeDeploy would do, so that one that is missing shows.
fn functions(look: Look, facts: &Facts) -> Option<String> {
    let app_spec = facts.app_spec.seen()?;
    let lines = facts.functions.iter().map(|wired| {
        let notes = [
            (wired.is == Kin::Stranger).then_some("not one of these hooks"),
            (!has_prefix(wired))
                .then_some("no CodeDeployHook_ in its name: most of AWS's policies for CodeDeploy do not allow it"),
        ];
        let notes: Vec<_> = notes.into_iter().flatten().collect();
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
        look.hang(&format!("  {:21}", wired.event), 24, Tone::Plain, &format!("{}{notes}", wired.written))
    });
    let title = look.hang("", 0, Tone::Quiet, &format!("hooks by {}", app_spec.title));
    let is_asked = |hook: &Hook| facts.functions.iter().any(|wired| wired.event == hook.event_name());
    let missing = Hook::ALL.into_iter().filter(|hook| !is_asked(hook));
    let missing = missing.map(|hook| look.paint(Tone::Quiet, &format!("  {:21} nobody is asked", hook.event_name())));
    Some([title].into_iter().chain(lines).chain(missing).collect::<Vec<_>>().join("\n"))
}

fn of_finding(look: Look, finding: &Finding) -> String {
    let Finding { code, place, message, fix, command } = finding;
    let head = format!("{} {}", look.paint(Tone::Bad, "✗"), look.paint(Tone::Strong, code));
    let mut lines = vec![
        head,
        look.hang("  where", INDENT, Tone::Plain, place),
        look.hang("  what", INDENT, Tone::Plain, message),
        look.hang("  fix", INDENT, Tone::Plain, fix),
    ];
    // A command that is broken into lines cannot be copied.
    lines.extend(command.as_ref().map(|command| format!("{:INDENT$}{command}", "")));
    lines.join("\n")
}

fn of_unseen(look: Look, unseen: &Unseen) -> String {
    let Unseen { looked_for, permission, why } = unseen;
    let needs = permission.map(|it| format!(" ({it})")).unwrap_or_default();
    let head = look.paint(Tone::Warning, "?");
    let text = format!("could not look{needs}: {looked_for}");
    format!(
        "{}\n{}",
        look.hang(&format!("{head} "), 2, Tone::Warning, &text),
        look.hang("  why", INDENT, Tone::Plain, why)
    )
}

/// The last line: whether all is well.
fn sum(look: Look, facts: &Facts, findings: &[Finding]) -> String {
    let plural = |count: usize, one: &str, many: &str| {
        if count == 1 { one.to_owned() } else { many.replace('N', &count.to_string()) }
    };
    let unseen = plural(facts.unseen.len(), "1 thing could not be looked at", "N things could not be looked at");
    let looked_at = plural(facts.looked_at, "1 thing looked at", "N things looked at");
    match (findings.len(), facts.unseen.len()) {
        (0, 0) => look.paint(Tone::Good, &format!("nothing found: {looked_at}")),
        (0, _) => look.paint(Tone::Warning, &format!("nothing found among {looked_at}, and {unseen}")),
        (many, others) => {
            let found = plural(many, "1 finding", "N findings");
            let unseen = if others == 0 { String::new() } else { format!(", and {unseen}") };
            look.paint(Tone::Bad, &format!("{found}{unseen}"))
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    application: &'a str,
    deployment_group: &'a str,
    region: &'a str,
    findings: &'a [Finding],
    unseen: &'a [Unseen],
    looked_at: usize,
}

/// The same for a program.
pub fn json(facts: &Facts, findings: &[Finding]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Report {
        application: &facts.application,
        deployment_group: &facts.group_name,
        region: &facts.region,
        findings,
        unseen: &facts.unseen,
        looked_at: facts.looked_at,
    })
}
