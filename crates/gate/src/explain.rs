//! Describes what a hook will do, with built-in checks and defaults filled in.

use std::{collections::BTreeSet, fmt, time::Duration};

use lifecycle::{Hook, TrafficRoute, printable};

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
    pub mode: Mode,
    /// What a failed check means. It begins with the name of the hook, and has no full stop.
    pub headline: String,
    /// `deadline` of the hook.
    pub deadline: Option<Duration>,
    /// Clauses that follow the headline: when the checks end.
    timing: Vec<String>,
    /// When the hook checks nothing.
    pub exceptions: Vec<String>,
    pub checks: ExplainedChecks,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExplainedChecks {
    /// The hook has none, and what that means.
    None(&'static str),
    Some(Vec<ExplainedCheck>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedCheck {
    /// Name and subject, such as `tasks: tasks green`.
    pub title: String,
    pub kind: &'static str,
    pub origin: CheckOrigin,
    /// The listener whose checks wait for this one.
    pub unblocks: Option<TrafficRoute>,
    /// The positions in the list of the checks that must pass before this one starts.
    pub waits_for: Vec<usize>,
    /// In a few words, what is not the default: `within 5m`, `only warns`.
    pub notes: Vec<String>,
    pub details: Vec<ExplainedDetail>,
}

/// Checks that start at the same moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedStage {
    /// The positions of the checks that must pass first. Empty if these checks start at once.
    pub waits_for: Vec<usize>,
    /// The positions of its checks.
    pub checks: Vec<usize>,
}

impl ExplainedCheck {
    /// Title, kind and origin.
    pub fn full_title(&self) -> String {
        let origin = self.origin.label().map_or_else(String::new, |origin| format!(", {origin}"));
        format!("{} ({}{origin})", self.title, self.kind)
    }
}

/// The stages of these checks, in the order in which they start. A barrier can itself wait for another one.
pub fn stages(checks: &[ExplainedCheck]) -> Vec<ExplainedStage> {
    let mut stages: Vec<ExplainedStage> = Vec::new();
    for (index, check) in checks.iter().enumerate() {
        match stages.iter_mut().find(|stage| stage.waits_for == check.waits_for) {
            Some(stage) => stage.checks.push(index),
            None => stages.push(ExplainedStage { waits_for: check.waits_for.clone(), checks: vec![index] }),
        }
    }
    // The number of barriers one after the other. A barrier never waits for itself.
    let depth = |stage: &ExplainedStage| {
        let mut depth = 0;
        let mut before: BTreeSet<usize> = stage.waits_for.iter().copied().collect();
        while !before.is_empty() && depth < checks.len() {
            depth += 1;
            before =
                before.iter().filter_map(|index| checks.get(*index)).flat_map(|it| &it.waits_for).copied().collect();
        }
        depth
    };
    stages.sort_by_key(depth);
    stages
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
        for paragraph in self.summary() {
            writeln!(f, "{paragraph}")?;
        }
        match &self.checks {
            ExplainedChecks::None(why) => writeln!(f, "\n{why}"),
            ExplainedChecks::Some(checks) => checks.iter().enumerate().try_for_each(|(index, check)| {
                writeln!(f, "\n{}. {}", index + 1, check.full_title())?;
                check.details.iter().try_for_each(|detail| match detail {
                    ExplainedDetail::Expects(conditions) => writeln!(f, "   expects {conditions}"),
                    ExplainedDetail::Sentence(text) => writeln!(f, "   {text}"),
                })
            }),
        }
    }
}

impl Explanation {
    /// What the results mean, and when the hook applies, in paragraphs. The first one begins with the name of the hook.
    pub fn summary(&self) -> Vec<String> {
        let clauses: Vec<&str> = std::iter::once(&self.headline).chain(&self.timing).map(String::as_str).collect();
        let first = format!("{}.", clauses.join("; "));
        std::iter::once(first).chain(self.exceptions.iter().cloned()).collect()
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
    let result = match gate.mode {
        Mode::Enforce => "puts Failed if a check fails",
        Mode::Observe => "only observes",
    };
    let headline = format!("{hook} ({}) {result}", hook.key());
    Explanation {
        hook,
        mode: gate.mode,
        headline,
        deadline: gate.deadline,
        timing: timing(hook, gate),
        exceptions: exceptions(gate),
        checks,
    }
}

/// What an observing hook does, for one that is explained in full.
pub const OBSERVES: &str = "it always puts Succeeded, and reports what it would have stopped";

fn timing(hook: Hook, gate: &HookSection) -> Vec<String> {
    let observes = (gate.mode == Mode::Observe).then(|| OBSERVES.to_owned());
    let others = match grace(hook, gate.run_mode(), gate.mode) {
        None => "every check runs to its end".to_owned(),
        Some(Duration::ZERO) => "the first check that fails ends the others".to_owned(),
        Some(grace) => format!("after the first check that fails, the others have {} left", format_duration(grace)),
    };
    let end = match gate.deadline {
        Some(deadline) => format!("its checks end within {}", format_duration(deadline)),
        None => "its checks end before the function's timeout".to_owned(),
    };
    observes.into_iter().chain([others, end]).collect()
}

fn exceptions(gate: &HookSection) -> Vec<String> {
    let mut summary = Vec::new();
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
    let title = kind.default_name();
    let title = if title == spec.name { String::new() } else { format!(": {title}") };
    let title = printable(&format!("{}{title}", spec.name)).into_owned();
    let sentence = |text: String| ExplainedDetail::Sentence(printable(&text).into_owned());
    let mut details = Vec::new();
    if !spec.when.is_empty() {
        details.push(sentence(format!("only if {}", join_conditions(&spec.when))));
    }
    let before: Vec<_> =
        step.depends_on.iter().filter_map(|index| Some(format!("`{}`", steps.get(*index)?.spec.name))).collect();
    if !before.is_empty() {
        details.push(sentence(format!("waits for {}", before.join(" and "))));
    }
    if !kind.expect().is_empty() {
        let conditions: Vec<_> = kind.expect().iter().map(Condition::describe).collect();
        details.push(ExplainedDetail::Expects(printable(&conditions.join(", ")).into_owned()));
    }
    details.extend(describe_polling(spec, gate.deadline).map(sentence));
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
    details.push(sentence(describe_policies(spec.policies, gate.mode)));
    ExplainedCheck {
        title,
        kind: kind.key(),
        origin: spec.origin,
        unblocks: spec.check.unblocks(),
        waits_for: step.depends_on.clone(),
        notes: notes(spec).iter().map(|note| printable(note).into_owned()).collect(),
        details,
    }
}

/// What is not the default of a check, in a few words each.
fn notes(spec: &CheckSpec) -> Vec<String> {
    let kind = spec.check.spec();
    let mut notes = Vec::new();
    if !spec.when.is_empty() {
        notes.push(format!("only if {}", join_conditions(&spec.when)));
    }
    if let Some(policy) = kind.poll_policy().filter(|_| spec.origin != CheckOrigin::Implied) {
        if !policy.within.is_zero() {
            notes.push(format!("within {}", format_duration(policy.within)));
        }
        if kind.consecutive() > 1 {
            notes.push(format!("{} times in a row", kind.consecutive()));
        }
        if !policy.hold_for.is_zero() && kind.window_key() != WindowKey::Settle {
            notes.push(format!("for {}", format_duration(policy.hold_for)));
        }
    }
    let Policies { on_fail, on_error, no_data } = spec.policies;
    if on_fail == on_error && on_error == no_data {
        match on_fail {
            Policy::Fail => {}
            Policy::Warn => notes.push("only warns".to_owned()),
            Policy::Ignore => notes.push("is only recorded".to_owned()),
        }
        return notes;
    }
    let keys = [("on_fail", on_fail), ("on_error", on_error), ("no_data", no_data)];
    let others = keys.into_iter().filter(|(_, policy)| *policy != Policy::Fail);
    let word = |policy| Policy::VARIANTS.iter().find(|(_, known)| *known == policy).map_or("", |(word, _)| *word);
    notes.extend(others.map(|(key, policy)| format!("{key}: {}", word(policy))));
    notes
}

fn join_conditions(conditions: &[Condition]) -> String {
    conditions.iter().map(Condition::to_string).collect::<Vec<_>>().join(" and ")
}

/// How often the check runs, and when it passes. `None` for a kind without these keys, and for an implied check.
fn describe_polling(spec: &CheckSpec, deadline: Option<Duration>) -> Option<String> {
    let kind = spec.check.spec();
    let policy = kind.poll_policy().filter(|_| spec.origin != CheckOrigin::Implied)?;
    let mut parts = Vec::new();
    if !policy.within.is_zero() {
        let within = format_duration(policy.within);
        parts.push(match deadline.filter(|deadline| *deadline < policy.within) {
            Some(deadline) => {
                format!("has {} to pass (the hook's deadline; `within` is {within})", format_duration(deadline))
            }
            None => format!("has {within} to pass"),
        });
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

fn describe_policies(policies: Policies, mode: Mode) -> String {
    let describe = |policy| match (policy, mode) {
        (Policy::Fail, Mode::Enforce) => "stops the deployment",
        (Policy::Fail, Mode::Observe) => "would stop the deployment",
        (Policy::Warn, _) => "warns",
        (Policy::Ignore, _) => "is only recorded",
    };
    let Policies { on_fail, on_error, no_data } = policies;
    let stops_nothing = mode == Mode::Observe && [on_fail, on_error, no_data].contains(&Policy::Fail);
    let observes = if stops_nothing { "only observes: " } else { "" };
    if on_fail == on_error && on_error == no_data {
        return format!("{observes}any problem {}", describe(on_fail));
    }
    format!(
        "{observes}a false condition {}, an error {}, no data {}",
        describe(on_fail),
        describe(on_error),
        describe(no_data)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(text: &str) -> Explanation {
        crate::explain(Some(text), Hook::AfterAllowTraffic).unwrap()
    }

    /// The titles of the checks that start together.
    fn stage_titles(explanation: &Explanation) -> Vec<Vec<&str>> {
        let ExplainedChecks::Some(checks) = &explanation.checks else { return Vec::new() };
        let titles = |stage: ExplainedStage| {
            stage.checks.iter().map(|index| checks[*index].title.split(':').next().unwrap()).collect()
        };
        stages(checks).into_iter().map(titles).collect()
    }

    #[test]
    fn checks_start_at_once_or_after_their_barriers() {
        let explanation = explained(
            "version: 1
hooks:
  after_allow_traffic:
    built_in: none
    checks:
      - { name: late, http: '{{production_url}}/', expect: [status == 200] }
      - { name: tasks, tasks: green, expect: [running >= 1] }
      - { name: customers, forwards_to: green, listener: production, http: '{{production_url}}/', headers: { X: '{{test_url}}' }, expect: [status == 200] }
      - { name: test, forwards_to: green, listener: test }
      - { name: smoke, http: '{{test_url}}/', expect: [status == 200] }
",
        );
        assert_eq!(stage_titles(&explanation), [vec!["tasks", "test"], vec!["customers", "smoke"], vec!["late"]]);
        let ExplainedChecks::Some(checks) = &explanation.checks else { panic!("{explanation:?}") };
        let unblocks: Vec<_> = checks.iter().filter_map(|check| check.unblocks).collect();
        assert_eq!(unblocks, [TrafficRoute::Production, TrafficRoute::Test]);
    }

    #[test]
    fn time_to_pass_is_at_most_the_deadline_of_the_hook() {
        let file = |within: &str| {
            let check = format!("{{ tasks: green, expect: [running >= 1], within: {within}, every: 5s }}");
            format!(
                "version: 1\nhooks: {{ after_allow_traffic: {{ deadline: 1m, built_in: none, checks: [{check}] }} }}"
            )
        };
        let cut = "has 1m to pass (the hook's deadline; `within` is 5m), polls every 5s";
        assert!(explained(&file("5m")).to_string().contains(cut));
        assert!(explained(&file("30s")).to_string().contains("has 30s to pass, polls every 5s"));
    }

    #[test]
    fn notes_say_only_what_is_not_the_default() {
        let notes = |keys: &str| {
            let check = format!("{{ tasks: green, expect: [running >= 1], {keys} }}");
            let file = format!("version: 1\nhooks: {{ after_allow_traffic: {{ built_in: none, checks: [{check}] }} }}");
            match explained(&file).checks {
                ExplainedChecks::Some(checks) => checks[0].notes.join(", "),
                ExplainedChecks::None(why) => why.to_owned(),
            }
        };
        assert_eq!(notes("every: 3s"), "");
        assert_eq!(notes("within: 1m, for: 2m, consecutive: 3"), "within 1m, 3 times in a row, for 2m");
        assert_eq!(notes("on_fail: warn, on_error: warn, no_data: warn"), "only warns");
        assert_eq!(notes("on_error: ignore, no_data: warn"), "on_error: ignore, no_data: warn");
        assert_eq!(notes("when: [env.STAGE == prod]"), "only if env.STAGE == prod");
    }

    #[test]
    fn a_hook_that_observes_stops_nothing() {
        let text = explained("version: 1\nmode: observe").to_string();
        assert!(text.contains("only observes: any problem would stop the deployment"), "{text}");
        assert!(!text.contains("stops the deployment"), "{text}");
        assert!(explained("version: 1").to_string().contains("stops the deployment"), "enforcing is not the default");
    }
}
