//! What a stranger has to be told, in words: what a hook asks, why a deployment was stopped, what to do next.

use rehearsal::{AnsweredBy, CheckLine, DeploymentOutcome, HookName, HookRun};

use crate::style::Emphasis;

/// What a hook wants to know.
pub const fn hook_question(hook: HookName) -> &'static str {
    match hook {
        HookName::BeforeInstall => "may this deployment begin?",
        HookName::AfterInstall => "did the new version come up healthy?",
        HookName::AfterAllowTestTraffic => "does it answer on the test listener?",
        HookName::BeforeAllowTraffic => "is it still well, just before customers get it?",
        HookName::AfterAllowTraffic => "does it serve customers well?",
    }
}

/// How a deployment ended, as words and a tone.
pub const fn outcome_label(outcome: DeploymentOutcome) -> (&'static str, Emphasis) {
    match outcome {
        DeploymentOutcome::Succeeded => ("succeeded", Emphasis::Success),
        DeploymentOutcome::Failed => ("failed", Emphasis::Error),
        DeploymentOutcome::RolledBack => ("rolled back", Emphasis::Error),
        DeploymentOutcome::Stopped => ("stopped", Emphasis::Warning),
    }
}

/// How to have the same ids again.
pub fn reproduce_hint(seed: u64) -> String {
    format!("the same ids again: --seed {seed}")
}

/// The glyph of a check and its tone.
pub fn glyph(check: &CheckLine) -> (&'static str, Emphasis) {
    match (check.outcome.as_str(), check.decision.as_str()) {
        // It waited for another check, and that one is the reason.
        ("not_applicable" | "not_run", _) | (_, "ignore") => ("·", Emphasis::Dim),
        (_, "pass") => ("✓", Emphasis::Success),
        (_, "warn") => ("!", Emphasis::Warning),
        _ => ("✗", Emphasis::Error),
    }
}

/// A check's line without its name, which the reader has seen already.
pub fn check_message(check: &CheckLine) -> &str {
    strip_name(&check.message, &format!("{}: ", check.name))
}

fn strip_name<'a>(text: &'a str, head: &str) -> &'a str {
    text.strip_prefix(head).unwrap_or(text)
}

/// Why a hook stopped the deployment, and what to do next.
#[derive(Debug, PartialEq, Eq)]
pub struct StopReason<'a> {
    /// The check that decided it.
    pub check: Option<&'a str>,
    /// What was expected and seen.
    pub reason: &'a str,
    /// What to do, where the hook said so.
    pub next: Option<&'a str>,
}

/// Reads the reason out of a hook that did not say yes: the deciding check's line, with all of its evidence. Where no
/// check decided (nobody answered), the verdict says all there is.
pub fn stop_reason(run: &HookRun) -> StopReason<'_> {
    if run.answered_by == AnsweredBy::OnFailureHandler {
        // The net knows nothing of checks. Its sentence ends with what to do.
        let (reason, next) =
            run.verdict.rsplit_once("; ").map_or((run.verdict.as_str(), None), |it| (it.0, Some(it.1)));
        return StopReason { check: None, reason, next };
    }
    let Some(check) = deciding_check(run) else {
        let next = Some(run.hint.as_str()).filter(|hint| !hint.is_empty());
        // Whoever reads this has read the hook's name.
        let reason = strip_name(&run.verdict, run.hook.name());
        let reason =
            ["failed: ", ": "].iter().find_map(|head| reason.trim_start().strip_prefix(head)).unwrap_or(&run.verdict);
        return StopReason { check: None, reason, next };
    };
    let reason = check_message(check);
    if check.hint.is_empty() {
        return StopReason { check: Some(&check.name), reason, next: None };
    }
    let reason = reason.strip_suffix(&format!("; {}", check.hint)).unwrap_or(reason);
    StopReason { check: Some(&check.name), reason, next: Some(&check.hint) }
}

/// The check whose fault is the reason.
fn deciding_check(run: &HookRun) -> Option<&CheckLine> {
    run.checks.iter().find(|check| check.decision == "fail" && check.code == run.code && check.outcome != "not_run")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fixtures;

    #[test]
    fn the_reason_comes_from_the_deciding_check_with_what_to_do_next() {
        let run = fixtures::stopped_run();
        let why = stop_reason(&run);
        assert_eq!(why.check, Some("health_check"));
        assert!(why.reason.starts_with("GET http://"), "{why:?}");
        assert_eq!(why.next, Some("ask the same URL by hand and read the service's log"));
    }

    #[test]
    fn without_a_check_the_verdict_is_the_reason() {
        let run = HookRun {
            hook: HookName::AfterInstall,
            status: None,
            answered_by: AnsweredBy::Nobody,
            code: String::new(),
            verdict: "the function timed out after 5 s".into(),
            hint: "it is left to the alarm".into(),
            checks: Vec::new(),
            took: Duration::from_secs(5),
        };
        let next = Some("it is left to the alarm");
        assert_eq!(stop_reason(&run), StopReason { check: None, reason: "the function timed out after 5 s", next });
    }

    #[test]
    fn the_net_s_sentence_ends_with_what_to_do() {
        let run = fixtures::answered_on_failure_run();
        let why = stop_reason(&run);
        assert_eq!((why.check, why.next), (None, Some("read that function's log")));
        assert!(why.reason.ends_with("so Failed was answered for it"), "{why:?}");
    }
}
