//! Renders the policy as text: each statement with its purpose, and notes.

use std::collections::BTreeSet;

use hook_core::{
    Hook,
    permissions::{ArnNames, PermissionInputs, Resource},
};

use super::{
    RoleName,
    policy::{PolicyDocument, PolicyStatement},
    required_actions::{ActionUse, RequiredActions},
    sam_template::TemplateParameters,
};
use crate::terminal::{Emphasis, TerminalStyle};

/// The maximum length of a managed policy, in characters without whitespace.
const MAX_MANAGED_POLICY_CHARS: usize = 6_144;

/// The title, which names the roles and the gate file.
pub fn render_title(name: &str, roles: &[RoleName], not_in_template: bool) -> String {
    let need = match roles {
        // The on-failure handler runs no checks.
        [RoleName::OnFailure] => return "What the role of on-failure needs".to_owned(),
        [one] => format!("the role of {} needs", one.as_str()),
        _ => "the roles of the five hooks need".to_owned(),
    };
    let beyond = if not_in_template { ", beyond what infra/template.yaml can allow" } else { "" };
    format!("What {need} for {name}{beyond}")
}

/// Renders every statement below the title.
pub fn render_policy(style: TerminalStyle, title: &str, policy: &PolicyDocument<'_>, roles: &[RoleName]) -> String {
    let mut blocks = vec![style.apply(Emphasis::Bold, title)];
    if policy.statements.is_empty() {
        blocks.push("Nothing.".to_owned());
    }
    blocks.extend(policy.statements.iter().map(|it| render_statement(style, it, roles.len() == 1)));
    blocks.join("\n\n")
}

fn render_statement(style: TerminalStyle, it: &PolicyStatement<'_>, is_ones: bool) -> String {
    let mut lines = vec![style.apply(Emphasis::Bold, &it.sid)];
    lines.extend(it.resources.iter().map(|arn| format!("  on {arn}")));
    if let Some(condition) = &it.condition {
        lines.push(format!("  if {} is like {}", condition.key, condition.values.join(" or ")));
    }
    if let Some(why) = it.wildcard_reason {
        lines.push(style.hanging("  ", 2, Emphasis::Dim, &format!("not narrower: {why}")));
    }
    for action in &it.actions {
        lines.push(format!("  {}", style.apply(Emphasis::Success, action)));
        let uses: Vec<&ActionUse> =
            it.required_by.iter().filter(|own| own.action == *action).flat_map(|own| &own.uses).collect();
        for ActionUse { purpose: why, roles: by } in uses {
            lines.push(style.hanging("    ", 4, Emphasis::Plain, &format!("{why}{}", role_list(by, is_ones))));
        }
    }
    lines.join("\n")
}

/// The users of an action: ` (every hook)` or ` (AfterInstall: tasks, containers; BeforeAllowTraffic: tasks)`. For a
/// single role only the checks: ` (tasks)`.
fn role_list(by: &[(&'static str, Vec<String>)], is_ones: bool) -> String {
    if is_ones {
        let checks = by.iter().flat_map(|(_, checks)| checks).map(String::as_str).collect::<Vec<_>>().join(", ");
        return if checks.is_empty() { checks } else { format!(" ({checks})") };
    }
    if by.len() == Hook::ALL.len() && by.iter().all(|(_, checks)| checks.is_empty()) {
        return " (every hook)".to_owned();
    }
    let describe = |(role, checks): &(&'static str, Vec<String>)| {
        if checks.is_empty() { (*role).to_owned() } else { format!("{role}: {}", checks.join(", ")) }
    };
    format!(" ({})", by.iter().map(describe).collect::<Vec<_>>().join("; "))
}

/// Explains how infra/template.yaml allows these actions.
pub fn render_template_section(style: TerminalStyle, parameters: &TemplateParameters, beyond: bool) -> String {
    let mut lines = vec![format!("\n{}", style.apply(Emphasis::Bold, "In infra/template.yaml"))];
    let parameters: Vec<_> = parameters.lines().map(|line| format!("    {line}")).collect();
    lines.push(match (parameters.is_empty(), beyond) {
        (true, false) => "  its roles already allow this.".to_owned(),
        (true, true) => "  its roles allow part of this.".to_owned(),
        (false, beyond) => {
            let part = if beyond { "part of this" } else { "this" };
            format!("  its roles allow {part} with these parameters; ARNs can be narrower, or patterns:")
        }
    });
    lines.extend(parameters);
    if beyond {
        let more = "No parameter allows the rest: --not-in-template --json prints a policy with it for MorePolicyArns.";
        lines.push(format!("  {more}"));
    }
    lines.join("\n")
}

/// Notes about the policy for a person.
pub fn notes(
    required: &RequiredActions,
    policy: &PolicyDocument<'_>,
    names: &ArnNames,
    inputs: &PermissionInputs,
) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(placeholder_note(policy, names));
    let has = |sort: fn(&Resource) -> bool| required.0.iter().any(|it| sort(&it.resource));
    let reads_stored_values =
        has(|it| matches!(it, Resource::Parameter(_) | Resource::Secret(_) | Resource::Object { .. }));
    if reads_stored_values && inputs.kms_keys.is_empty() {
        let note =
            "If a parameter, a secret or an object above is encrypted with a KMS key of your own, add --kms-key ARN.";
        notes.push(note.to_owned());
    }
    if has(|it| *it == Resource::Application) && inputs.app_spec.is_none() {
        notes.push("If deployments name their AppSpec file in S3, add --appspec s3://BUCKET/KEY.".to_owned());
    }
    let has_placeholder = |it: &Resource| match it {
        Resource::Parameter(name) => name.contains('{'),
        Resource::Object { bucket, key } => bucket.contains('{') || key.contains('{'),
        _ => false,
    };
    if required.0.iter().any(|it| has_placeholder(&it.resource))
        && (names.application.is_none() || names.deployment_group.is_none())
    {
        let note = "{application} and {deployment_group} in a name become *, unless --application and --deployment-group are given.";
        notes.push(note.to_owned());
    }
    notes.extend(length_note(policy));
    notes
}

/// Warnings about a policy that is printed as JSON.
pub fn warnings(policy: &PolicyDocument<'_>, names: &ArnNames) -> Vec<String> {
    let empty = policy
        .statements
        .is_empty()
        .then(|| "no more permissions are needed; IAM does not accept a policy without a statement".to_owned());
    empty.into_iter().chain(placeholder_note(policy, names)).chain(length_note(policy)).collect()
}

/// A note that lists the placeholders in capitals and the options that replace them.
fn placeholder_note(policy: &PolicyDocument<'_>, names: &ArnNames) -> Option<String> {
    let conditions = policy.statements.iter().filter_map(|it| it.condition.as_ref()).flat_map(|it| &it.values);
    let texts = policy.statements.iter().flat_map(|it| &it.resources).chain(conditions);
    let words: BTreeSet<_> = texts.flat_map(|text| names.placeholders_in(text)).collect();
    let option = |word: &&str| match *word {
        "GROUP" => "--deployment-group".to_owned(),
        word => format!("--{}", word.to_lowercase()),
    };
    let options: Vec<_> = words.iter().map(option).collect();
    let words: Vec<_> = words.into_iter().collect();
    (!words.is_empty())
        .then(|| format!("To replace the placeholders {}, add {}.", words.join(", "), options.join(", ")))
}

fn length_note(policy: &PolicyDocument<'_>) -> Option<String> {
    let text = serde_json::to_string(policy).unwrap_or_default();
    let length = text.chars().filter(|c| !c.is_whitespace()).count();
    (length > MAX_MANAGED_POLICY_CHARS).then(|| {
        format!(
            "The policy has {length} characters, but IAM allows {MAX_MANAGED_POLICY_CHARS} in a managed policy (10240 \
             in all inline policies of a role together): use --hook for smaller policies, or * in names."
        )
    })
}

/// Wraps the notes to the width of the terminal.
pub fn wrap_notes(style: TerminalStyle, notes: &[String]) -> String {
    notes.iter().map(|note| format!("\n{}", style.paragraph(Emphasis::Plain, note))).collect::<Vec<_>>().join("")
}
