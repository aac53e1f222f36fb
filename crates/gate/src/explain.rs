//! Describes what a hook will do, with built-in checks and defaults filled in.

use std::{fmt::Write as _, time::Duration};

use lifecycle::{Hook, printable};

use super::{CheckSpec, Condition, Fact, HookSection, YamlValue, format_duration, reader::conditions_line};
use crate::{
    Mode, Policies, Policy,
    plan::{self, PlannedCheck},
    run_mode::grace,
};

/// Keys that the description covers in a sentence.
const DESCRIBED_KEYS: [&str; 11] =
    ["name", "expect", "when", "on_fail", "on_error", "no_data", "within", "for", "stable_for", "consecutive", "every"];

pub fn explain(hook: Hook, gate: &HookSection) -> String {
    let mut text = format!("{hook} ({}) ", hook.key());
    text += match gate.mode {
        Mode::Enforce => "answers Failed if a check fails",
        Mode::Observe => "only observes: it always answers Succeeded, and reports what it would have stopped",
    };
    text += &match grace(hook, gate.run_mode(), gate.mode) {
        None => "; every check runs to its end".to_owned(),
        Some(Duration::ZERO) => "; the first check that fails ends the others".to_owned(),
        Some(grace) => format!("; after the first check that fails, the others have {} left", format_duration(grace)),
    };
    let _ = match gate.deadline {
        Some(deadline) => writeln!(text, "; its checks end within {}.", format_duration(deadline)),
        None => writeln!(text, "; its checks end before the function's timeout."),
    };
    if !gate.when.is_empty() {
        let _ = writeln!(
            text,
            "Applies only if {}; otherwise it answers Succeeded without checks.",
            printable(&join_conditions(&gate.when))
        );
    }
    if let Some(skip) = &gate.skip {
        let _ = writeln!(
            text,
            "Skipped for a deployment whose description contains {:?}, until {}.",
            skip.marker, skip.until
        );
    }
    if gate.checks.is_empty() {
        text += if gate.explicitly_empty {
            "\nThis hook checks nothing, because the file says `checks: none`.\n"
        } else {
            "\nThis hook answers Failed: it has no checks, and the file does not say `checks: none`.\n"
        };
        return text;
    }
    let steps = plan::order_with_barriers(gate.checks.iter().map(|spec| (spec.clone(), None)).collect(), gate.defaults);
    for (index, step) in steps.iter().enumerate() {
        let _ = write!(text, "\n{}. {}", index + 1, describe_step(step, &steps, gate));
    }
    text
}

fn describe_step(step: &PlannedCheck, steps: &[PlannedCheck], gate: &HookSection) -> String {
    let spec = &step.spec;
    let origin = match (&spec.effective, spec.built_in) {
        (YamlValue::Null, _) => ", implied",
        (_, true) => ", built-in",
        (_, false) => "",
    };
    let title = spec.check.default_name();
    let title = if title == spec.name { String::new() } else { format!(": {title}") };
    let mut text = printable(&format!("{}{title} ({}{origin})", spec.name, spec.kind)).into_owned() + "\n";
    let mut line = |words: String| {
        let _ = writeln!(text, "   {}", printable(&words));
    };
    if !spec.when.is_empty() {
        line(format!("only if {}", join_conditions(&spec.when)));
    }
    let before: Vec<_> =
        step.depends_on.iter().filter_map(|index| Some(steps.get(*index)?.spec.name.as_str())).collect();
    if !before.is_empty() {
        line(format!("waits for {}", before.join(" and ")));
    }
    if let Some(expected) = spec.field("expect").and_then(conditions_line) {
        line(format!("expects {expected}"));
    }
    if let Some(pace) = describe_polling(spec) {
        line(pace);
    }
    if let YamlValue::Map(entries) = &spec.effective {
        let plain = |(key, node): &(super::MapKey, super::YamlNode)| {
            let is_described = DESCRIBED_KEYS.contains(&key.name.as_str()) || key.name == spec.kind;
            (!is_described).then(|| format!("{}: {}", key.name, super::yaml_writer::to_flow_line(&node.data)))
        };
        let others: Vec<_> = entries.iter().filter_map(plain).collect();
        if !others.is_empty() {
            line(others.join(", "));
        }
    }
    for fact in &spec.facts {
        if let Fact::Secret(name) = fact
            && let Some(reference) = gate.secrets.get(name)
        {
            line(format!("reads the secret {name} from {reference}"));
        }
    }
    line(describe_policies(spec.policies));
    text
}

fn join_conditions(conditions: &[Condition]) -> String {
    conditions.iter().map(Condition::to_string).collect::<Vec<_>>().join(" and ")
}

/// How often the check runs, and when it passes. `None` for a kind without these keys.
fn describe_polling(spec: &CheckSpec) -> Option<String> {
    spec.field("every")?;
    let within = spec.duration_of("within");
    let hold_for = spec.duration_of("for").max(spec.duration_of("stable_for"));
    let every = format_duration(spec.duration_of("every"));
    let row = match spec.field("consecutive") {
        Some(YamlValue::Integer(row)) if *row > 1 => Some(*row),
        _ => None,
    };
    let mut parts = Vec::new();
    if within > Duration::ZERO {
        parts.push(format!("has {} to pass", format_duration(within)));
    }
    if let Some(row) = row {
        parts.push(format!("must pass {row} times in a row"));
    }
    if hold_for > Duration::ZERO {
        parts.push(format!("must keep passing for {}", format_duration(hold_for)));
    }
    if parts.is_empty() {
        return Some("runs once".to_owned());
    }
    parts.push(format!("polls every {every}"));
    Some(parts.join(", "))
}

fn describe_policies(policies: Policies) -> String {
    let describe = |policy| match policy {
        Policy::Fail => "stops the deployment",
        Policy::Warn => "warns",
        Policy::Ignore => "is only recorded",
    };
    let Policies { on_fail, on_error, no_data } = policies;
    if on_fail == on_error && on_error == no_data {
        return format!("any problem {}", describe(on_fail));
    }
    format!("a false condition {}, an error {}, no data {}", describe(on_fail), describe(on_error), describe(no_data))
}
