//! What a hook is going to do, in plain words: built-in checks and defaults filled in.

use std::{fmt::Write as _, time::Duration};

use super::{CheckSpec, Condition, Data, Fact, HookGate, fields::conditions_line, in_words};
use crate::{
    finding::{Policies, Policy},
    hook::Hook,
    plan::{self, Step},
    printable::printable,
    runner,
    verdict::Mode,
};

/// Keys that are told in words of their own.
const TOLD: [&str; 12] = [
    "name",
    "expect",
    "when",
    "on_fail",
    "on_error",
    "no_data",
    "within",
    "until",
    "for",
    "stable_for",
    "consecutive",
    "every",
];

/// The words.
pub fn explain(hook: Hook, gate: &HookGate) -> String {
    let mut text = format!("{hook} ({}) ", hook.key());
    text += match gate.mode {
        Mode::Enforce => "answers Failed if a check fails",
        Mode::Observe => "only observes: it answers Succeeded whatever it finds, and says what it would have stopped",
    };
    text += &match runner::grace(hook, gate.run(), gate.mode) {
        None => "; every check runs to its end".to_owned(),
        Some(Duration::ZERO) => "; the first check that fails ends the others".to_owned(),
        Some(grace) => format!("; the first check that fails leaves the others {}", in_words(grace)),
    };
    let _ = match gate.deadline {
        Some(deadline) => writeln!(text, "; over within {}.", in_words(deadline)),
        None => writeln!(text, "; over in time for the function's time-out."),
    };
    if !gate.when.is_empty() {
        let _ =
            writeln!(text, "Only where {}; elsewhere it answers Succeeded unchecked.", printable(&joined(&gate.when)));
    }
    if let Some(skip) = &gate.skip {
        let _ =
            writeln!(text, "Skipped for a deployment whose description has {:?}, until {}.", skip.words, skip.until);
    }
    if gate.checks.is_empty() {
        text += if gate.none_in_words {
            "\nNothing is checked here, as the file says in words.\n"
        } else {
            "\nNothing is checked here, and the file does not say `checks: none`: it answers Failed.\n"
        };
        return text;
    }
    let steps = plan::order(gate.checks.iter().map(|spec| (spec.clone(), None)).collect(), gate.defaults);
    for (index, step) in steps.iter().enumerate() {
        let _ = write!(text, "\n{}. {}", index + 1, one(step, &steps, gate));
    }
    text
}

fn one(step: &Step, steps: &[Step], gate: &HookGate) -> String {
    let spec = &step.spec;
    let origin = match (&spec.written, spec.built_in) {
        (Data::Null, _) => ", implied",
        (_, true) => ", built-in",
        (_, false) => "",
    };
    let title = spec.check.title();
    let title = if title == spec.name { String::new() } else { format!(": {title}") };
    let mut text = printable(&format!("{}{title} ({}{origin})", spec.name, spec.kind)).into_owned() + "\n";
    let mut line = |words: String| {
        let _ = writeln!(text, "   {}", printable(&words));
    };
    if !spec.when.is_empty() {
        line(format!("only where {}", joined(&spec.when)));
    }
    let before: Vec<_> =
        step.waits_for.iter().filter_map(|index| Some(steps.get(*index)?.spec.name.as_str())).collect();
    if !before.is_empty() {
        line(format!("waits for {}", before.join(" and ")));
    }
    if let Some(expected) = spec.value("expect").and_then(conditions_line) {
        line(format!("expects {expected}"));
    }
    if let Some(pace) = pace(spec) {
        line(pace);
    }
    if let Data::Map(entries) = &spec.written {
        let plain = |(key, node): &(super::Key, super::Node)| {
            let told = TOLD.contains(&key.name.as_str()) || key.name == spec.kind;
            (!told).then(|| format!("{}: {}", key.name, super::print::line(&node.data)))
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
    line(policies(spec.policies));
    text
}

fn joined(conditions: &[Condition]) -> String {
    conditions.iter().map(Condition::to_string).collect::<Vec<_>>().join(" and ")
}

/// How often it looks, and when it is content. None for a kind that has no such keys.
fn pace(spec: &CheckSpec) -> Option<String> {
    spec.value("every")?;
    let within = spec.span("within").max(spec.span("until"));
    let stay = spec.span("for").max(spec.span("stable_for"));
    let every = in_words(spec.span("every"));
    let row = match spec.value("consecutive") {
        Some(Data::Integer(row)) if *row > 1 => Some(*row),
        _ => None,
    };
    let mut words = Vec::new();
    if within > Duration::ZERO {
        words.push(format!("may take {} to become so", in_words(within)));
    }
    if let Some(row) = row {
        words.push(format!("has to be so {row} times in a row"));
    }
    if stay > Duration::ZERO {
        words.push(format!("has to stay so for {}", in_words(stay)));
    }
    if words.is_empty() {
        return Some("looks once".to_owned());
    }
    words.push(format!("looks every {every}"));
    Some(words.join(", "))
}

fn policies(policies: Policies) -> String {
    let word = |policy| match policy {
        Policy::Fail => "stops the deployment",
        Policy::Warn => "warns",
        Policy::Ignore => "is only recorded",
    };
    let Policies { on_fail, on_error, no_data } = policies;
    if on_fail == on_error && on_error == no_data {
        return format!("whatever is wrong {}", word(on_fail));
    }
    format!("a false condition {}, an error {}, no data {}", word(on_fail), word(on_error), word(no_data))
}
