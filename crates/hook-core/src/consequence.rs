//! Finds which failure explains another one, so that a consequence is not reported with a fix of its own. Pure.

use gate::ReasonCode;

use crate::{
    finding::Finding,
    verdict::{Decision, decide},
};

/// What each failure explains, in the order of the codes: from cause to symptom. Only necessary consequences are
/// listed. A wrong HTTP response or an alarm can have a second cause, so nothing explains them.
const EXPLAINS: [(ReasonCode, &[ReasonCode]); 7] = [
    (ReasonCode::ReplacementMissing, &WITHOUT_TASKS),
    (ReasonCode::TasksStopped, &WITHOUT_TASKS),
    (ReasonCode::TasksReplaced, &WITHOUT_TASKS),
    (
        ReasonCode::NotRunning,
        &[ReasonCode::ContainersUnhealthy, ReasonCode::NoTargets, ReasonCode::TargetsUnhealthy, ReasonCode::NotSteady],
    ),
    (ReasonCode::ContainersUnhealthy, &[ReasonCode::TargetsUnhealthy, ReasonCode::NotSteady]),
    (ReasonCode::NoTargets, &[ReasonCode::TargetsUnhealthy, ReasonCode::NotSteady]),
    (ReasonCode::TargetsUnhealthy, &[ReasonCode::NotSteady]),
];

/// What cannot be in order if tasks stop or never started.
const WITHOUT_TASKS: [ReasonCode; 7] = [
    ReasonCode::NotRunning,
    ReasonCode::TasksPending,
    ReasonCode::ContainersUnhealthy,
    ReasonCode::ImageUnknown,
    ReasonCode::NoTargets,
    ReasonCode::TargetsUnhealthy,
    ReasonCode::NotSteady,
];

/// Whether another failure could explain this one. Its line waits until all findings are known.
pub fn may_be_consequence(finding: &Finding) -> bool {
    let code = finding.observation.code;
    !finding.observation.is_ok() && code.is_some_and(|code| EXPLAINS.iter().any(|(_, codes)| codes.contains(&code)))
}

/// Names the cause of every finding that another one explains.
pub fn explain(findings: &mut [Finding]) {
    for index in 0..findings.len() {
        if findings[index].caused_by.is_none() {
            findings[index].caused_by = cause(index, findings).map(|cause| cause.check.clone());
        }
    }
}

/// The first cause in the order of the codes. It must weigh at least as much as its symptom: a cause that only warns
/// does not explain a failure that stops the deployment.
fn cause(index: usize, findings: &[Finding]) -> Option<&Finding> {
    let symptom = &findings[index];
    let (code, weight) = (may_be_consequence(symptom).then_some(symptom.observation.code)??, decision(symptom));
    let explains = |cause: &&Finding| {
        let known = EXPLAINS.iter().find(|(known, _)| cause.observation.code == Some(*known));
        !cause.observation.is_ok() && decision(cause) >= weight && known.is_some_and(|(_, codes)| codes.contains(&code))
    };
    findings.iter().filter(explains).min_by_key(|cause| cause.observation.code)
}

/// What a finding means for the deployment.
fn decision(finding: &Finding) -> Decision {
    decide(&finding.observation, finding.policies)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        finding::{Observation, Policies, Policy},
        phase::FindingKind,
        redact::Redactor,
    };

    fn failed(check: &str, code: ReasonCode, on_fail: Policy) -> Finding {
        Finding {
            check: check.to_owned(),
            kind: FindingKind::Check("tasks"),
            observation: Observation::failed(code, "web", "fine", "not"),
            policies: Policies { on_fail, ..Policies::default() },
            elapsed: Duration::ZERO,
            caused_by: None,
        }
        .redacted(&Redactor::default())
    }

    fn causes(findings: &[(&str, ReasonCode, Policy)]) -> Vec<Option<String>> {
        let mut findings: Vec<_> = findings.iter().map(|(check, code, policy)| failed(check, *code, *policy)).collect();
        explain(&mut findings);
        findings.into_iter().map(|finding| finding.caused_by.map(|it| it.to_string())).collect()
    }

    #[test]
    fn the_first_cause_explains_every_symptom_wherever_it_is_in_the_file() {
        let seen = causes(&[
            ("steady", ReasonCode::NotSteady, Policy::Fail),
            ("targets", ReasonCode::TargetsUnhealthy, Policy::Fail),
            ("tasks", ReasonCode::TasksStopped, Policy::Fail),
            ("containers", ReasonCode::ContainersUnhealthy, Policy::Fail),
        ]);
        let tasks = || Some("tasks".to_owned());
        assert_eq!(seen, [tasks(), tasks(), None, tasks()]);
    }

    #[test]
    fn what_can_have_a_second_cause_is_explained_by_nothing() {
        let codes = [
            ReasonCode::UnexpectedStatus,
            ReasonCode::AlarmFiring,
            ReasonCode::AwsDenied,
            ReasonCode::WrongImage,
            ReasonCode::GateInvalid,
        ];
        for code in codes {
            assert_eq!(
                causes(&[("tasks", ReasonCode::TasksStopped, Policy::Fail), ("x", code, Policy::Fail)]),
                [None, None]
            );
        }
    }

    #[test]
    fn what_stops_a_deployment_is_not_explained_away_by_what_only_warns() {
        let seen = |cause, symptom| {
            causes(&[("tasks", ReasonCode::TasksStopped, cause), ("targets", ReasonCode::TargetsUnhealthy, symptom)])[1]
                .is_some()
        };
        assert!(!seen(Policy::Warn, Policy::Fail) && !seen(Policy::Ignore, Policy::Warn));
        assert!(seen(Policy::Fail, Policy::Warn) && seen(Policy::Warn, Policy::Warn));
    }

    #[test]
    fn a_cause_comes_before_its_consequence_in_the_order_of_the_codes() {
        for (cause, consequences) in EXPLAINS {
            assert!(consequences.iter().all(|consequence| cause < *consequence), "{cause}");
        }
    }
}
