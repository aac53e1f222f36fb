//! What a scenario promised against what happened, in words.

use crate::{
    hook_name::HookName,
    report::{Expect, Outcome},
};

/// The differences; none when the promise was kept.
pub(super) fn differences(expect: &Expect, outcome: Outcome, stopped_by: Option<HookName>, code: &str) -> Vec<String> {
    let mut differences = Vec::new();
    if expect.outcome != outcome {
        differences.push(format!("expected the deployment to {}; it {}", wish(expect.outcome), fact(outcome)));
    }
    let hook_differs = expect.stopped_by.is_some() && expect.stopped_by != stopped_by;
    let code_differs = expect.code.as_deref().is_some_and(|expected| expected != code);
    if hook_differs || code_differs {
        let with = |code: &str| if code.is_empty() { String::new() } else { format!(" with {code}") };
        let whom = expect.stopped_by.map_or("a hook", HookName::name);
        let was = match stopped_by {
            Some(hook) => format!("it was {hook}{}", with(code)),
            None => "no hook did".to_owned(),
        };
        differences
            .push(format!("expected {whom} to stop it{}; {was}", with(expect.code.as_deref().unwrap_or_default())));
    }
    differences
}

const fn wish(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeed",
        Outcome::Failed => "fail where it is",
        Outcome::RolledBack => "be rolled back",
        Outcome::Stopped => "be stopped by an operator",
    }
}

const fn fact(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed where it was",
        Outcome::RolledBack => "was rolled back",
        Outcome::Stopped => "was stopped by an operator",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect(outcome: Outcome, stopped_by: Option<HookName>, code: Option<&str>) -> Expect {
        Expect { outcome, stopped_by, code: code.map(str::to_owned) }
    }

    #[test]
    fn a_kept_promise_has_no_differences() {
        let promise = expect(Outcome::RolledBack, Some(HookName::AfterInstall), Some("TasksStopped"));
        assert!(differences(&promise, Outcome::RolledBack, Some(HookName::AfterInstall), "TasksStopped").is_empty());
        assert!(differences(&expect(Outcome::Succeeded, None, None), Outcome::Succeeded, None, "").is_empty());
    }

    #[test]
    fn what_is_left_out_is_not_compared() {
        let promise = expect(Outcome::RolledBack, None, None);
        assert!(differences(&promise, Outcome::RolledBack, Some(HookName::AfterInstall), "TasksStopped").is_empty());
    }

    #[test]
    fn a_broken_promise_is_told_in_words() {
        let promise = expect(Outcome::RolledBack, Some(HookName::AfterInstall), Some("TargetsUnhealthy"));
        let told =
            differences(&promise, Outcome::RolledBack, Some(HookName::AfterAllowTestTraffic), "UnexpectedStatus");
        assert_eq!(
            told,
            [
                "expected AfterInstall to stop it with TargetsUnhealthy; it was AfterAllowTestTraffic with UnexpectedStatus"
            ]
        );
        let told = differences(&promise, Outcome::Succeeded, None, "");
        assert_eq!(
            told,
            [
                "expected the deployment to be rolled back; it succeeded",
                "expected AfterInstall to stop it with TargetsUnhealthy; no hook did"
            ]
        );
    }
}
