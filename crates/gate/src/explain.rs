//! Describes what a hook will do, with built-in checks and defaults filled in.

use std::{fmt, time::Duration};

use lifecycle::{Hook, printable};

use super::{CheckSpec, Condition, Fact, HookSection, YamlValue, format_duration};
use crate::{
    Mode, Policies, Policy,
    check_spec::CheckOrigin,
    kinds::WindowKey,
    plan::{self, PlannedCheck},
    run_mode::grace,
};

/// Keys that the description covers in a sentence.
const DESCRIBED_KEYS: [&str; 11] =
    ["name", "expect", "when", "on_fail", "on_error", "no_data", "within", "for", "stable_for", "consecutive", "every"];

/// What a hook will do. No text in it has characters that would control a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub hook: Hook,
    /// What the results mean, and when the hook applies. The first paragraph begins with the name of the hook.
    pub summary: Vec<String>,
    pub checks: ExplainedChecks,
}

/// The checks of an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExplainedChecks {
    /// The hook has none, and what that means.
    None(&'static str),
    Some(Vec<ExplainedCheck>),
}

/// One check of an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedCheck {
    /// Name, kind and origin.
    pub title: String,
    pub details: Vec<ExplainedDetail>,
}

/// One line about a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExplainedDetail {
    /// The conditions of `expect`, separated by commas.
    Expects(String),
    Sentence(String),
}

/// The explanation as text, one line for each sentence.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for paragraph in &self.summary {
            writeln!(f, "{paragraph}")?;
        }
        match &self.checks {
            ExplainedChecks::None(why) => writeln!(f, "\n{why}"),
            ExplainedChecks::Some(checks) => checks.iter().enumerate().try_for_each(|(index, check)| {
                writeln!(f, "\n{}. {}", index + 1, check.title)?;
                check.details.iter().try_for_each(|detail| match detail {
                    ExplainedDetail::Expects(conditions) => writeln!(f, "   expects {conditions}"),
                    ExplainedDetail::Sentence(text) => writeln!(f, "   {text}"),
                })
            }),
        }
    }
}

pub fn explain(hook: Hook, gate: &HookSection) -> Explanation {
    let checks = match (&gate.checks[..], gate.explicitly_empty) {
        ([], true) => ExplainedChecks::None("This hook checks nothing, because the file says `checks: none`."),
        ([], false) => {
            ExplainedChecks::None("This hook puts Failed: it has no checks, and the file does not say `checks: none`.")
        }
        (checks, _) => {
            let unsettled = checks.iter().map(|spec| (spec.clone(), None)).collect();
            let steps = plan::order_with_barriers(unsettled, gate.defaults);
            ExplainedChecks::Some(steps.iter().map(|step| explain_check(step, &steps, gate)).collect())
        }
    };
    Explanation { hook, summary: summarize(hook, gate), checks }
}

fn summarize(hook: Hook, gate: &HookSection) -> Vec<String> {
    let mut first = format!("{hook} ({}) ", hook.key());
    first += match gate.mode {
        Mode::Enforce => "puts Failed if a check fails",
        Mode::Observe => "only observes: it always puts Succeeded, and reports what it would have stopped",
    };
    first += &match grace(hook, gate.run_mode(), gate.mode) {
        None => "; every check runs to its end".to_owned(),
        Some(Duration::ZERO) => "; the first check that fails ends the others".to_owned(),
        Some(grace) => format!("; after the first check that fails, the others have {} left", format_duration(grace)),
    };
    first += &match gate.deadline {
        Some(deadline) => format!("; its checks end within {}.", format_duration(deadline)),
        None => "; its checks end before the function's timeout.".to_owned(),
    };
    let mut summary = vec![first];
    if !gate.when.is_empty() {
        summary.push(format!(
            "Applies only if {}; otherwise it puts Succeeded without checks.",
            printable(&join_conditions(&gate.when))
        ));
    }
    if let Some(skip) = &gate.skip {
        summary.push(format!(
            "Skipped for a deployment whose description contains {:?}, until {}.",
            skip.marker, skip.until
        ));
    }
    summary
}

fn explain_check(step: &PlannedCheck, steps: &[PlannedCheck], gate: &HookSection) -> ExplainedCheck {
    let spec = &step.spec;
    let kind = spec.check.spec();
    let origin = match spec.origin {
        CheckOrigin::Implied => ", implied",
        CheckOrigin::BuiltIn => ", built-in",
        CheckOrigin::File => "",
    };
    let title = kind.default_name();
    let title = if title == spec.name { String::new() } else { format!(": {title}") };
    let title = printable(&format!("{}{title} ({}{origin})", spec.name, kind.key())).into_owned();
    let sentence = |text: String| ExplainedDetail::Sentence(printable(&text).into_owned());
    let mut details = Vec::new();
    if !spec.when.is_empty() {
        details.push(sentence(format!("only if {}", join_conditions(&spec.when))));
    }
    let before: Vec<_> =
        step.depends_on.iter().filter_map(|index| Some(steps.get(*index)?.spec.name.as_str())).collect();
    if !before.is_empty() {
        details.push(sentence(format!("waits for {}", before.join(" and "))));
    }
    if !kind.expect().is_empty() {
        let conditions: Vec<_> = kind.expect().iter().map(Condition::describe).collect();
        details.push(ExplainedDetail::Expects(printable(&conditions.join(", ")).into_owned()));
    }
    details.extend(describe_polling(spec).map(sentence));
    if let YamlValue::Map(entries) = &spec.effective {
        let plain = |(key, node): &(super::MapKey, super::YamlNode)| {
            let is_described = DESCRIBED_KEYS.contains(&key.name.as_str()) || key.name == kind.key();
            (!is_described).then(|| format!("{}: {}", key.name, super::yaml_writer::to_flow_line(&node.data)))
        };
        let others: Vec<_> = entries.iter().filter_map(plain).collect();
        if !others.is_empty() {
            details.push(sentence(others.join(", ")));
        }
    }
    for fact in &spec.facts {
        if let Fact::Secret(name) = fact
            && let Some(reference) = gate.secrets.get(name)
        {
            details.push(sentence(format!("reads the secret {name} from {reference}")));
        }
    }
    details.push(sentence(describe_policies(spec.policies)));
    ExplainedCheck { title, details }
}

fn join_conditions(conditions: &[Condition]) -> String {
    conditions.iter().map(Condition::to_string).collect::<Vec<_>>().join(" and ")
}

/// How often the check runs, and when it passes. `None` for a kind without these keys, and for an implied check.
fn describe_polling(spec: &CheckSpec) -> Option<String> {
    let kind = spec.check.spec();
    let policy = kind.poll_policy().filter(|_| spec.origin != CheckOrigin::Implied)?;
    let mut parts = Vec::new();
    if !policy.within.is_zero() {
        parts.push(format!("has {} to pass", format_duration(policy.within)));
    }
    if kind.consecutive() > 1 {
        parts.push(format!("must pass {} times in a row", kind.consecutive()));
    }
    // `settle` is among the other keys.
    if !policy.hold_for.is_zero() && kind.window_key() != WindowKey::Settle {
        parts.push(format!("must keep passing for {}", format_duration(policy.hold_for)));
    }
    if parts.is_empty() {
        return Some("runs once".to_owned());
    }
    parts.push(format!("polls every {}", format_duration(policy.every)));
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
