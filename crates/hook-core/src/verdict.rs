//! Combines findings and policies into one verdict. Pure: no I/O, no clock.

pub use gate::Mode;
use gate::ReasonCode;
pub use lifecycle::Status;

use crate::finding::{Finding, Observation, Outcome, Policies, Policy};

/// What a finding means for the deployment, after its policies. The order is from harmless to deciding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// The check passed, or does not apply.
    Pass,
    /// A problem that the policy says to ignore.
    Ignore,
    /// A problem that the policy says to report as a warning.
    Warn,
    /// A problem that stops the deployment.
    Fail,
}

impl Decision {
    /// The word in logs and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Ignore => "ignore",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What a hook concluded, with all its findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub status: Status,
    /// The status that would be put in enforce mode.
    pub enforced_status: Status,
    /// Whether the findings decide the status.
    pub mode: Mode,
    /// All findings in the order of the plan, each with its decision.
    pub findings: Vec<(Finding, Decision)>,
    /// The index of the finding that is the reason for a Failed.
    reason: Option<usize>,
}

impl Verdict {
    /// Combines findings. No findings at all is not a pass, because nothing was evaluated. If no check passed, a check
    /// that does not apply counts as no data, unless the gate file excludes it.
    pub fn from_findings(findings: Vec<Finding>, mode: Mode) -> Self {
        let passed = findings.iter().any(|finding| is_pass(&finding.observation));
        let findings: Vec<_> = findings
            .into_iter()
            .map(|finding| {
                let decision = match (finding.observation.outcome, finding.observation.code) {
                    (Outcome::NotApplicable, Some(ReasonCode::NothingChecked)) if !passed => {
                        decide_outcome(Outcome::NoData, finding.policies)
                    }
                    _ => decide(&finding.observation, finding.policies),
                };
                (finding, decision)
            })
            .collect();
        // A check that did not run is a consequence of something else, and a symptom is the consequence of a cause:
        // both come last. "Nothing was checked" says less than any failure.
        let reason = (0..findings.len()).filter(|&index| findings[index].1 == Decision::Fail).min_by_key(|&index| {
            let Finding { observation: seen, caused_by, .. } = &findings[index].0;
            (caused_by.is_some(), seen.outcome == Outcome::NotApplicable, seen.outcome, seen.code, index)
        });
        let judged = if findings.is_empty() || reason.is_some() { Status::Failed } else { Status::Succeeded };
        Self { status: mode.status(judged), enforced_status: judged, mode, findings, reason }
    }

    /// The finding that stopped the deployment, or would have. None if nothing did, or if there are no findings.
    pub fn reason(&self) -> Option<&Finding> {
        self.reason.map(|index| &self.findings[index].0)
    }

    /// The stable word for the reason. None if nothing stopped the deployment or would have. A skipped gate always has
    /// its code.
    pub fn code(&self) -> Option<ReasonCode> {
        let skipped = |(finding, _): &&(Finding, Decision)| finding.observation.code == Some(ReasonCode::GateSkipped);
        match (self.enforced_status, self.reason()) {
            (Status::Succeeded, _) => self.findings.iter().find(skipped).map(|_| ReasonCode::GateSkipped),
            (Status::Failed, Some(finding)) => finding.observation.code.or(Some(ReasonCode::CheckFailed)),
            (Status::Failed, None) => Some(ReasonCode::GateEmpty),
        }
    }
}

/// What an observation means: the strictest decision of all its outcomes.
pub fn decide<T>(observation: &Observation<T>, policies: Policies) -> Decision {
    observation.outcomes().iter().map(|outcome| decide_outcome(outcome, policies)).max().unwrap_or(Decision::Fail)
}

/// Whether a check ran and passed.
fn is_pass<T>(observation: &Observation<T>) -> bool {
    matches!(observation.outcome, Outcome::Passed | Outcome::Unverified)
}

/// The decision table in docs/GATE-FILE.md.
fn decide_outcome(outcome: Outcome, policies: Policies) -> Decision {
    let policy = match outcome {
        Outcome::Passed | Outcome::NotApplicable => return Decision::Pass,
        // There is nothing to stop, but something to report, whatever the policies are.
        Outcome::Unverified => return Decision::Warn,
        Outcome::Failed => policies.on_fail,
        Outcome::NoData => policies.no_data,
        Outcome::Errored | Outcome::TimedOut | Outcome::NotRun => policies.on_error,
    };
    match policy {
        Policy::Fail => Decision::Fail,
        Policy::Warn => Decision::Warn,
        Policy::Ignore => Decision::Ignore,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{phase::FindingKind, redact::Redactor};

    fn finding(outcome: Outcome, policies: Policies) -> Finding {
        let observation = Observation::passed("web", "2").with_outcome(outcome, ReasonCode::NotSteady);
        let check = "steady".to_owned();
        Finding {
            check,
            kind: FindingKind::Check("tasks"),
            observation,
            policies,
            elapsed: Duration::ZERO,
            caused_by: None,
        }
        .redacted(&Redactor::default())
    }

    fn any_finding() -> impl Strategy<Value = Finding> {
        let policy = || prop_oneof![Just(Policy::Fail), Just(Policy::Warn), Just(Policy::Ignore)];
        let policies = (policy(), policy(), policy()).prop_map(|(on_fail, on_error, no_data)| Policies {
            on_fail,
            on_error,
            no_data,
        });
        let (outcomes, codes) = (Outcome::ALL.to_vec(), ReasonCode::ALL.to_vec());
        (proptest::sample::select(outcomes), proptest::sample::select(codes), policies).prop_map(
            |(outcome, code, policies)| {
                let mut finding = finding(outcome, policies);
                finding.observation.code = Some(code);
                finding
            },
        )
    }

    #[test]
    fn nothing_judged_is_not_a_pass() {
        let verdict = Verdict::from_findings(Vec::new(), Mode::Enforce);
        assert_eq!((verdict.status, verdict.code()), (Status::Failed, Some(ReasonCode::GateEmpty)));
    }

    #[test]
    fn the_truth_table() {
        let strict = Policies::default();
        for outcome in Outcome::ALL {
            let pass = matches!(outcome, Outcome::Passed | Outcome::NotApplicable);
            assert_eq!(decide_outcome(outcome, strict) == Decision::Pass, pass, "{outcome:?}");
            let goes_on = pass || outcome == Outcome::Unverified;
            assert_eq!(
                Verdict::from_findings(vec![finding(outcome, strict)], Mode::Enforce).status == Status::Succeeded,
                goes_on,
                "{outcome:?}"
            );
        }
        let lenient = Policies { on_fail: Policy::Warn, on_error: Policy::Fail, no_data: Policy::Ignore };
        assert_eq!(decide_outcome(Outcome::Unverified, strict), Decision::Warn);
        assert_eq!(decide_outcome(Outcome::Failed, lenient), Decision::Warn);
        assert_eq!(decide_outcome(Outcome::NoData, lenient), Decision::Ignore);
        assert_eq!(decide_outcome(Outcome::TimedOut, lenient), Decision::Fail);
    }

    #[test]
    fn of_several_outcomes_the_strictest_counts() {
        let lenient = Policies { on_fail: Policy::Warn, on_error: Policy::Fail, no_data: Policy::Ignore };
        let failed = finding(Outcome::Failed, lenient).observation;
        let errored = finding(Outcome::Errored, lenient).observation;
        assert_eq!(decide(&failed, lenient), Decision::Warn);
        assert_eq!(decide(&failed.clone().merge_outcomes(&errored), lenient), Decision::Fail);
        assert_eq!(decide(&errored.merge_outcomes(&failed), lenient), Decision::Fail);
    }

    #[test]
    fn the_reason_is_the_cause_and_not_what_was_not_run_for_it() {
        let verdict = Verdict::from_findings(
            vec![
                finding(Outcome::NotRun, Policies::default()),
                finding(Outcome::Failed, Policies { on_fail: Policy::Warn, ..Policies::default() }),
                finding(Outcome::TimedOut, Policies::default()),
            ],
            Mode::Enforce,
        );
        assert_eq!(verdict.reason().map(|finding| finding.observation.outcome), Some(Outcome::TimedOut));
    }

    #[test]
    fn the_reason_is_the_cause_and_not_its_symptom() {
        let failed = |code| {
            let mut finding = finding(Outcome::Failed, Policies::default());
            finding.observation.code = Some(code);
            finding
        };
        let code = |codes: &[ReasonCode]| {
            Verdict::from_findings(codes.iter().map(|code| failed(*code)).collect(), Mode::Enforce).code()
        };
        assert_eq!(code(&[ReasonCode::NotSteady, ReasonCode::TargetsUnhealthy]), Some(ReasonCode::TargetsUnhealthy));
        assert_eq!(
            code(&[ReasonCode::TargetsUnhealthy, ReasonCode::ContainersUnhealthy]),
            Some(ReasonCode::ContainersUnhealthy)
        );
        assert_eq!(
            code(&[ReasonCode::ContainersUnhealthy, ReasonCode::NotRunning, ReasonCode::TasksStopped]),
            Some(ReasonCode::TasksStopped)
        );
        assert_eq!(
            code(&[ReasonCode::NoTargets, ReasonCode::ReplacementMissing]),
            Some(ReasonCode::ReplacementMissing)
        );
    }

    #[test]
    fn without_a_pass_what_does_not_apply_was_nothing_to_judge() {
        let unused = |no_data| {
            let policies = Policies { no_data, ..Policies::default() };
            Finding {
                observation: Observation::not_applicable("tg", "all unused").redacted(&Redactor::default()),
                ..finding(Outcome::Passed, policies)
            }
        };
        let status = |findings| Verdict::from_findings(findings, Mode::Enforce).status;
        let (passed, strict) = (finding(Outcome::Passed, Policies::default()), Policies::default());
        assert_eq!(status(vec![unused(Policy::Fail)]), Status::Failed);
        assert_eq!(status(vec![unused(Policy::Warn)]), Status::Succeeded);
        assert_eq!(status(vec![unused(Policy::Fail), passed]), Status::Succeeded);
        let verdict =
            Verdict::from_findings(vec![unused(Policy::Fail), finding(Outcome::Failed, strict)], Mode::Enforce);
        assert_eq!(verdict.code(), Some(ReasonCode::NotSteady), "a fault says more");
        assert_eq!(
            Verdict::from_findings(vec![unused(Policy::Fail)], Mode::Enforce).code(),
            Some(ReasonCode::NothingChecked)
        );
        let left_out = Finding {
            observation: Observation::excluded("gate file", "when").redacted(&Redactor::default()),
            ..finding(Outcome::Passed, strict)
        };
        assert_eq!(status(vec![left_out]), Status::Succeeded);
    }

    proptest! {
        #[test]
        fn an_observing_hook_succeeds_and_knows_what_it_would_have_answered(
            findings in proptest::collection::vec(any_finding(), 0..8)
        ) {
            let enforced = Verdict::from_findings(findings.clone(), Mode::Enforce);
            let observed = Verdict::from_findings(findings, Mode::Observe);
            prop_assert_eq!(observed.status, Status::Succeeded);
            prop_assert_eq!((observed.enforced_status, observed.code()), (enforced.status, enforced.code()));
        }

        #[test]
        fn the_order_of_findings_never_changes_the_status(
            (before, after) in proptest::collection::vec(any_finding(), 0..8)
                .prop_flat_map(|findings| (Just(findings.clone()), Just(findings).prop_shuffle()))
        ) {
            let (before, after) = (Verdict::from_findings(before, Mode::Enforce), Verdict::from_findings(after, Mode::Enforce));
            prop_assert_eq!(before.status, after.status);
            prop_assert_eq!(before.code(), after.code());
        }

        #[test]
        fn one_more_finding_that_is_no_pass_never_helps(
            findings in proptest::collection::vec(any_finding(), 1..8),
            more in any_finding().prop_filter("a pass", |finding| !is_pass(&finding.observation)),
        ) {
            let before = Verdict::from_findings(findings.clone(), Mode::Enforce).status;
            let after = Verdict::from_findings([findings, vec![more]].concat(), Mode::Enforce).status;
            prop_assert!(before == Status::Succeeded || after == Status::Failed);
        }
    }
}
