//! Text for a reader who does not know the project: what a hook decides, why it stopped a deployment, what to do next.

use rehearsal::{AnsweredBy, CheckDecision, CheckLine, CheckOutcome, DeploymentOutcome, Hook, HookRun};

use crate::terminal::Emphasis;

/// The question that a hook decides.
pub const fn hook_question(hook: Hook) -> &'static str {
    match hook {
        Hook::BeforeInstall => "can this deployment begin?",
        Hook::AfterInstall => "did the new version come up healthy?",
        Hook::AfterAllowTestTraffic => "does it respond on the test listener?",
        Hook::BeforeAllowTraffic => "is it still healthy, just before customers get it?",
        Hook::AfterAllowTraffic => "does it serve customers well?",
    }
}

pub const fn outcome_label(outcome: DeploymentOutcome) -> (&'static str, Emphasis) {
    match outcome {
        DeploymentOutcome::Succeeded => ("succeeded", Emphasis::Success),
        DeploymentOutcome::Failed => ("failed", Emphasis::Error),
        DeploymentOutcome::RolledBack => ("rolled back", Emphasis::Error),
        DeploymentOutcome::Stopped => ("stopped", Emphasis::Warning),
    }
}

/// How to get the same ids in another run.
pub fn reproduce_hint(seed: u64) -> String {
    format!("to get the same ids: --seed {seed}")
}

pub fn glyph(check: &CheckLine) -> (&'static str, Emphasis) {
    match (&check.outcome, &check.decision) {
        // A check that was not run waited for another check, and that one is the reason.
        (CheckOutcome::NotApplicable | CheckOutcome::NotRun, _) | (_, CheckDecision::Ignore) => ("·", Emphasis::Dim),
        (_, CheckDecision::Pass) => ("✓", Emphasis::Success),
        (_, CheckDecision::Warn) => ("!", Emphasis::Warning),
        (_, CheckDecision::Fail | CheckDecision::Other(_)) => ("✗", Emphasis::Error),
    }
}

/// Why a hook stopped the deployment, and what to do next.
#[derive(Debug, PartialEq, Eq)]
pub struct StopReason<'a> {
    /// The check that decided the verdict.
    pub check: Option<&'a str>,
    /// The expected and the actual values.
    pub reason: &'a str,
    /// What to do, if the hook logged a hint.
    pub next: Option<&'a str>,
}

/// Why a hook did not put *Succeeded*: the line of the deciding check, with all of its evidence. If no check decided
/// (nobody put a status), the verdict is the only reason.
pub fn stop_reason(run: &HookRun) -> StopReason<'_> {
    // on-failure knows nothing of checks.
    let check = deciding_check(run).filter(|_| run.answered_by != AnsweredBy::OnFailureHandler);
    let (reason, hint) = check.map_or((run.reason.as_str(), &run.hint), |check| (check.reason(), &check.hint));
    let next = (!hint.is_empty()).then_some(hint.as_str());
    StopReason { check: check.map(|check| check.name.as_str()), reason, next }
}

/// The check with the verdict's reason code.
fn deciding_check(run: &HookRun) -> Option<&CheckLine> {
    let decides = |check: &&CheckLine| {
        check.decision == CheckDecision::Fail && check.code == run.code && check.outcome != CheckOutcome::NotRun
    };
    run.checks.iter().find(decides)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rehearse::fixtures;

    #[test]
    fn the_reason_comes_from_the_deciding_check_with_what_to_do_next() {
        let run = fixtures::stopped_run();
        let why = stop_reason(&run);
        assert_eq!(why.check, Some("health_check"));
        assert!(why.reason.starts_with("GET http://"), "{why:?}");
        assert_eq!(why.next, Some("request the same URL manually and read the service's log"));
    }

    #[test]
    fn without_a_check_the_verdict_is_the_reason() {
        let run = HookRun {
            hook: Hook::AfterInstall,
            status: None,
            answered_by: AnsweredBy::Nobody,
            code: String::new(),
            verdict: "AfterInstall: the function timed out after 5 s".into(),
            reason: "the function timed out after 5 s".into(),
            hint: "wait for the alarm".into(),
            checks: Vec::new(),
            took: Duration::from_secs(5),
        };
        let next = Some("wait for the alarm");
        assert_eq!(stop_reason(&run), StopReason { check: None, reason: "the function timed out after 5 s", next });
    }

    #[test]
    fn the_net_s_sentence_ends_with_what_to_do() {
        let run = fixtures::answered_on_failure_run();
        let why = stop_reason(&run);
        assert_eq!((why.check, why.next), (None, Some("read the log of CodeDeployHook_after-install")));
        assert!(why.reason.ends_with("so on-failure put Failed for it"), "{why:?}");
    }
}
