//! What a stranger has to be told, in words: what a hook asks, why a deployment was stopped, what to do next.

use rehearsal::{AnsweredBy, CheckLine, HookName, HookRun, Outcome};

use crate::paint::Tone;

/// What a hook wants to know.
pub const fn question(hook: HookName) -> &'static str {
    match hook {
        HookName::BeforeInstall => "may this deployment begin?",
        HookName::AfterInstall => "did the new version come up healthy?",
        HookName::AfterAllowTestTraffic => "does it answer on the test listener?",
        HookName::BeforeAllowTraffic => "is it still well, just before customers get it?",
        HookName::AfterAllowTraffic => "does it serve customers well?",
    }
}

/// How a deployment ended, as words and a tone.
pub const fn outcome(outcome: Outcome) -> (&'static str, Tone) {
    match outcome {
        Outcome::Succeeded => ("succeeded", Tone::Good),
        Outcome::Failed => ("failed", Tone::Bad),
        Outcome::RolledBack => ("rolled back", Tone::Bad),
        Outcome::Stopped => ("stopped", Tone::Warning),
    }
}

/// How to have the same ids again.
pub fn same_again(seed: u64) -> String {
    format!("the same ids again: --seed {seed}")
}

/// The glyph of a check and its tone.
pub fn mark(check: &CheckLine) -> (&'static str, Tone) {
    match (check.outcome.as_str(), check.decision.as_str()) {
        // It waited for another check, and that one is the reason.
        ("not_applicable" | "not_run", _) | (_, "ignore") => ("·", Tone::Quiet),
        (_, "pass") => ("✓", Tone::Good),
        (_, "warn") => ("!", Tone::Warning),
        _ => ("✗", Tone::Bad),
    }
}

/// A check's line without its name, which the reader has seen already.
pub fn message(check: &CheckLine) -> &str {
    without(&check.message, &format!("{}: ", check.name))
}

fn without<'a>(text: &'a str, head: &str) -> &'a str {
    text.strip_prefix(head).unwrap_or(text)
}

/// Why a hook stopped the deployment, and what to do next.
#[derive(Debug, PartialEq, Eq)]
pub struct Why<'a> {
    /// The check that decided it.
    pub check: Option<&'a str>,
    /// What was expected and seen.
    pub reason: &'a str,
    /// What to do, where the hook said so.
    pub next: Option<&'a str>,
}

/// Reads the reason out of a hook that did not say yes: the deciding check's line, with all of its evidence. Where no
/// check decided (nobody answered), the verdict says all there is.
pub fn why(run: &HookRun) -> Why<'_> {
    if run.answered_by == AnsweredBy::Net {
        // The net knows nothing of checks. Its sentence ends with what to do.
        let (reason, next) =
            run.verdict.rsplit_once("; ").map_or((run.verdict.as_str(), None), |it| (it.0, Some(it.1)));
        return Why { check: None, reason, next };
    }
    let Some(check) = deciding(run) else {
        let next = Some(run.hint.as_str()).filter(|hint| !hint.is_empty());
        // Whoever reads this has read the hook's name.
        let reason = without(&run.verdict, run.hook.name());
        let reason =
            ["failed: ", ": "].iter().find_map(|head| reason.trim_start().strip_prefix(head)).unwrap_or(&run.verdict);
        return Why { check: None, reason, next };
    };
    let reason = message(check);
    if check.hint.is_empty() {
        return Why { check: Some(&check.name), reason, next: None };
    }
    let reason = reason.strip_suffix(&format!("; {}", check.hint)).unwrap_or(reason);
    Why { check: Some(&check.name), reason, next: Some(&check.hint) }
}

/// The check whose fault is the reason.
fn deciding(run: &HookRun) -> Option<&CheckLine> {
    run.checks.iter().find(|check| check.decision == "fail" && check.code == run.code && check.outcome != "not_run")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sample;

    #[test]
    fn the_reason_comes_from_the_deciding_check_with_what_to_do_next() {
        let run = sample::stopped_run();
        let why = why(&run);
        assert_eq!(why.check, Some("answers"));
        assert!(why.reason.starts_with("GET http://"), "{why:?}");
        assert_eq!(why.next, Some("ask the same URL by hand and read the service's log"));
    }

    #[test]
    fn without_a_check_the_verdict_is_the_reason() {
        let run = HookRun {
            hook: HookName::AfterInstall,
            answer: None,
            answered_by: AnsweredBy::Nobody,
            code: String::new(),
            verdict: "the function timed out after 5 s".into(),
            hint: "it is left to the alarm".into(),
            checks: Vec::new(),
            took: Duration::from_secs(5),
        };
        let next = Some("it is left to the alarm");
        assert_eq!(why(&run), Why { check: None, reason: "the function timed out after 5 s", next });
    }

    #[test]
    fn the_net_s_sentence_ends_with_what_to_do() {
        let run = sample::caught_run();
        let why = why(&run);
        assert_eq!((why.check, why.next), (None, Some("read that function's log")));
        assert!(why.reason.ends_with("so Failed was answered for it"), "{why:?}");
    }
}
