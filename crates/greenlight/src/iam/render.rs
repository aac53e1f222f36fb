//! The policy in words: each statement with what it is for, and what there is to know beside.

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
use crate::style::{Emphasis, TerminalStyle};

/// A managed policy has so many characters at most, spaces not counted.
const MAX_MANAGED_POLICY_CHARS: usize = 6_144;

/// What it is the policy of.
pub fn render_title(name: &str, roles: &[RoleName], not_in_template: bool) -> String {
    let roles = match roles {
        // It has no checks.
        [RoleName::OnFailure] => return "What the role of on-failure needs".to_owned(),
        [one] => format!("the role of {}", one.as_str()),
        _ => "the roles of the five hooks".to_owned(),
    };
    let beyond = if not_in_template { ", beyond what infra/template.yaml can allow" } else { "" };
    format!("What {roles} need{} for {name}{beyond}", if roles.starts_with("the role of") { "s" } else { "" })
}

/// Statement by statement.
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
        lines.push(style.hanging("  ", 2, Emphasis::Dim, &format!("no narrower: {why}")));
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

/// ` (every hook)`, ` (AfterInstall: tasks, containers; BeforeAllowTraffic: tasks)`; where all of it is one role's, ` (tasks)`.
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

/// How infra/template.yaml comes to allow it.
pub fn render_template_section(style: TerminalStyle, parameters: &TemplateParameters, beyond: bool) -> String {
    let mut lines = vec![format!("\n{}", style.apply(Emphasis::Bold, "In infra/template.yaml"))];
    let parameters: Vec<_> = parameters.lines().map(|line| format!("    {line}")).collect();
    lines.push(match (parameters.is_empty(), beyond) {
        (true, false) => "  its roles have it.".to_owned(),
        (true, true) => "  its roles have it in part.".to_owned(),
        (false, beyond) => {
            let part = if beyond { "it in part" } else { "it" };
            format!("  its roles have {part} with these parameters; ARNs may be narrower, or patterns:")
        }
    });
    lines.extend(parameters);
    if beyond {
        let more = "No parameter is for the rest: --not-in-template --json prints a policy of it for MorePolicyArns.";
        lines.push(format!("  {more}"));
    }
    lines.join("\n")
}

/// What there is to know beside.
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
        notes.push("Where one of these is encrypted with a key of your own, add --kms-key ARN.".to_owned());
    }
    if has(|it| *it == Resource::Application) && inputs.app_spec.is_none() {
        notes.push("Where deployments name their AppSpec file in S3, add --appspec s3://BUCKET/KEY.".to_owned());
    }
    let has_placeholder = |it: &Resource| match it {
        Resource::Parameter(name) => name.contains('{'),
        Resource::Object { bucket, key } => bucket.contains('{') || key.contains('{'),
        _ => false,
    };
    if required.0.iter().any(|it| has_placeholder(&it.resource))
        && (names.application.is_none() || names.deployment_group.is_none())
    {
        let note = "{application} and {deployment_group} in a name are *, unless --application and --deployment-group say more.";
        notes.push(note.to_owned());
    }
    notes.extend(length_note(&serde_json::to_string(policy).unwrap_or_default()));
    notes
}

/// What has to be told beside a document.
pub fn warnings(policy: &PolicyDocument<'_>, text: &str, names: &ArnNames) -> Vec<String> {
    let empty = policy
        .statements
        .is_empty()
        .then(|| "nothing more is needed; IAM takes no policy without a statement".to_owned());
    empty.into_iter().chain(placeholder_note(policy, names)).chain(length_note(text)).collect()
}

/// Words in capitals, and the options that replace them.
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
        .then(|| format!("{} stand for names that were not given: {}.", words.join(", "), options.join(", ")))
}

fn length_note(text: &str) -> Option<String> {
    let length = text.chars().filter(|c| !c.is_whitespace()).count();
    (length > MAX_MANAGED_POLICY_CHARS).then(|| {
        format!(
            "This is a policy of {length} characters, and IAM takes {MAX_MANAGED_POLICY_CHARS} in a managed one (10240 in all inline ones of a \
             role): use --hook for smaller ones, or * in names."
        )
    })
}

/// Notes as they fit the terminal.
pub fn wrap_notes(style: TerminalStyle, notes: &[String]) -> String {
    notes.iter().map(|note| format!("\n{}", style.hanging("", 0, Emphasis::Plain, note))).collect::<Vec<_>>().join("")
}
