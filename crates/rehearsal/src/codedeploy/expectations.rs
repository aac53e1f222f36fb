//! Compares a scenario's expectations with what happened.

use std::collections::BTreeSet;

use lifecycle::{Hook, Status};

use crate::{
    check_line::CheckDecision,
    report::{DeploymentOutcome, Expect, HookRun},
};

/// The differences, in words. Empty if the expectations were met.
pub(super) fn differences(
    expect: &Expect,
    outcome: DeploymentOutcome,
    stopped_by: Option<Hook>,
    hooks: &[HookRun],
) -> Vec<String> {
    let code = hooks.last().map(|run| run.code.as_str()).unwrap_or_default();
    let mut differences = outcome_differences(expect, outcome, stopped_by, code);
    let warned: BTreeSet<&str> = hooks
        .iter()
        .flat_map(|run| &run.checks)
        .filter(|check| check.decision == CheckDecision::Warn)
        .map(|check| check.code.as_str())
        .collect();
    for code in expect.warns.iter().filter(|code| !warned.contains(code.as_str())) {
        let warned: Vec<_> = warned.iter().copied().collect();
        let seen =
            if warned.is_empty() { "there was none".to_owned() } else { format!("there was {}", warned.join(", ")) };
        differences.push(format!("expected a warning of {code}; {seen}"));
    }
    if let Some(expected) = &expect.observed {
        let observes = |run: &&HookRun| {
            run.status == Some(Status::Succeeded)
                && run.checks.iter().any(|check| check.decision == CheckDecision::Fail)
        };
        let seen: Vec<_> = hooks.iter().filter(observes).map(|run| run.code.clone()).collect();
        if seen != *expected {
            let joined_codes =
                |codes: &[String]| if codes.is_empty() { "nothing".to_owned() } else { codes.join(", ") };
            differences.push(format!(
                "expected observe mode to report that it would have stopped the deployment for {}; it reported {}",
                joined_codes(expected),
                joined_codes(&seen)
            ));
        }
    }
    differences
}

fn outcome_differences(
    expect: &Expect,
    outcome: DeploymentOutcome,
    stopped_by: Option<Hook>,
    code: &str,
) -> Vec<String> {
    let mut differences = Vec::new();
    if expect.outcome != outcome {
        differences.push(format!(
            "expected the deployment to {}; it {}",
            expected_phrase(expect.outcome),
            actual_phrase(outcome)
        ));
    }
    let hook_differs = expect.stopped_by.is_some() && expect.stopped_by != stopped_by;
    let code_differs = expect.code.as_deref().is_some_and(|expected| expected != code);
    if hook_differs || code_differs {
        let with = |code: &str| if code.is_empty() { String::new() } else { format!(" with {code}") };
        let whom = expect.stopped_by.map_or("a hook", Hook::event_name);
        let was = match stopped_by {
            Some(hook) => format!("it was {hook}{}", with(code)),
            None => "no hook did".to_owned(),
        };
        differences
            .push(format!("expected {whom} to stop it{}; {was}", with(expect.code.as_deref().unwrap_or_default())));
    }
    differences
}

const fn expected_phrase(outcome: DeploymentOutcome) -> &'static str {
    match outcome {
        DeploymentOutcome::Succeeded => "succeed",
        DeploymentOutcome::Failed => "fail where it is",
        DeploymentOutcome::RolledBack => "be rolled back",
        DeploymentOutcome::Stopped => "be stopped by an operator",
    }
}

const fn actual_phrase(outcome: DeploymentOutcome) -> &'static str {
    match outcome {
        DeploymentOutcome::Succeeded => "succeeded",
        DeploymentOutcome::Failed => "failed where it was",
        DeploymentOutcome::RolledBack => "was rolled back",
        DeploymentOutcome::Stopped => "was stopped by an operator",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        check_line::{CheckLine, CheckOutcome},
        report::AnsweredBy,
    };

    fn run(code: &str, warned: &str) -> HookRun {
        let check = CheckLine {
            name: "alarms".into(),
            kind: "alarms".into(),
            outcome: CheckOutcome::NoData,
            decision: CheckDecision::Warn,
            code: warned.into(),
            hint: String::new(),
            duration: Duration::from_millis(1),
            message: String::new(),
        };
        HookRun {
            hook: Hook::BeforeInstall,
            status: None,
            answered_by: AnsweredBy::Nobody,
            code: code.into(),
            verdict: String::new(),
            reason: String::new(),
            hint: String::new(),
            checks: vec![check],
            took: Duration::ZERO,
        }
    }

    #[test]
    fn what_an_observing_hook_would_have_stopped_has_to_be_what_was_promised() {
        let fails = HookRun { status: Some(Status::Succeeded), ..run("TargetsUnhealthy", "AlarmNoData") };
        let observed = |codes: &[&str]| {
            let mut fails = fails.clone();
            fails.checks[0].decision = CheckDecision::Fail;
            let observed = Some(codes.iter().map(|code| (*code).to_owned()).collect());
            let promise = Expect { observed, ..expect(DeploymentOutcome::Succeeded, None, None) };
            differences(&promise, DeploymentOutcome::Succeeded, None, &[fails]).join("")
        };
        assert_eq!(observed(&["TargetsUnhealthy"]), "");
        assert_eq!(
            observed(&[]),
            "expected observe mode to report that it would have stopped the deployment for nothing; it reported TargetsUnhealthy"
        );
    }

    #[test]
    fn a_warning_that_was_promised_has_to_come() {
        let promise = Expect { warns: vec!["AlarmNoData".into()], ..expect(DeploymentOutcome::Succeeded, None, None) };
        let warning_differences =
            |warned| differences(&promise, DeploymentOutcome::Succeeded, None, &[run("", warned)]);
        assert!(warning_differences("AlarmNoData").is_empty());
        assert_eq!(warning_differences("AlarmFiring"), ["expected a warning of AlarmNoData; there was AlarmFiring"]);
        let none = differences(&promise, DeploymentOutcome::Succeeded, None, &[]);
        assert_eq!(none, ["expected a warning of AlarmNoData; there was none"]);
    }

    #[test]
    fn the_code_is_the_last_hook_s() {
        let promise = expect(DeploymentOutcome::Failed, Some(Hook::BeforeInstall), Some("B"));
        let runs = [run("A", ""), run("B", "")];
        assert!(differences(&promise, DeploymentOutcome::Failed, Some(Hook::BeforeInstall), &runs).is_empty());
    }

    fn expect(outcome: DeploymentOutcome, stopped_by: Option<Hook>, code: Option<&str>) -> Expect {
        Expect { outcome, stopped_by, code: code.map(str::to_owned), warns: Vec::new(), observed: None }
    }

    #[test]
    fn a_kept_promise_has_no_differences() {
        let promise = expect(DeploymentOutcome::RolledBack, Some(Hook::AfterInstall), Some("TasksStopped"));
        assert!(
            outcome_differences(&promise, DeploymentOutcome::RolledBack, Some(Hook::AfterInstall), "TasksStopped")
                .is_empty()
        );
        assert!(
            outcome_differences(
                &expect(DeploymentOutcome::Succeeded, None, None),
                DeploymentOutcome::Succeeded,
                None,
                ""
            )
            .is_empty()
        );
    }

    #[test]
    fn what_is_left_out_is_not_compared() {
        let promise = expect(DeploymentOutcome::RolledBack, None, None);
        assert!(
            outcome_differences(&promise, DeploymentOutcome::RolledBack, Some(Hook::AfterInstall), "TasksStopped")
                .is_empty()
        );
    }

    #[test]
    fn a_broken_promise_is_told_in_words() {
        let promise = expect(DeploymentOutcome::RolledBack, Some(Hook::AfterInstall), Some("TargetsUnhealthy"));
        let differences = outcome_differences(
            &promise,
            DeploymentOutcome::RolledBack,
            Some(Hook::AfterAllowTestTraffic),
            "UnexpectedStatus",
        );
        assert_eq!(
            differences,
            [
                "expected AfterInstall to stop it with TargetsUnhealthy; it was AfterAllowTestTraffic with UnexpectedStatus"
            ]
        );
        let differences = outcome_differences(&promise, DeploymentOutcome::Succeeded, None, "");
        assert_eq!(
            differences,
            [
                "expected the deployment to be rolled back; it succeeded",
                "expected AfterInstall to stop it with TargetsUnhealthy; no hook did"
            ]
        );
    }
}
