//! The emergency skip: a marker in the deployment's description lets the deployment pass unchecked.

use std::time::SystemTime;

use aws_client::model::Deployment;
use gate::{ReasonCode, Skip, SkipDecision};

use crate::{
    conclusion::{Conclusion, WARN},
    finding::Observation,
    finding_log::FindingLog,
    phase::Phase,
};

/// Ends the evaluation if the description has the skip marker. A marker that has expired only warns.
///
/// # Errors
/// The marker is in the description, and valid.
pub fn check(
    skip: Option<&Skip>,
    deployment: &Deployment,
    log: &FindingLog,
    now: SystemTime,
) -> Result<(), Conclusion> {
    let Some(skip) = skip else { return Ok(()) };
    let observation = |code, seen| Observation::failed(code, format!("deployment {}", deployment.id), "", seen);
    let has = format!("its description has {:?}", skip.marker);
    match skip.decide(&deployment.description, now) {
        SkipDecision::No => Ok(()),
        SkipDecision::Yes => {
            let seen = format!("{has}, so nothing is checked; the marker is valid until {}", skip.until);
            Err(Conclusion::warning(Phase::Skip, observation(ReasonCode::GateSkipped, seen)))
        }
        SkipDecision::Expired => {
            let seen = format!("{has}, which was valid until {}, so the deployment is checked", skip.until);
            log.record(Phase::Skip, WARN, observation(ReasonCode::SkipExpired, seen));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use lifecycle::Hook;

    use super::*;
    use crate::finding_log::Interruption;

    /// The conclusion, and the codes of what was recorded without ending the evaluation.
    fn outcome(description: &str, now: SystemTime) -> (Result<(), Conclusion>, Vec<Option<ReasonCode>>) {
        let file = "version: 1\nskip: { marker: '[skip gate]', until: 2027-01-31 }";
        let gate = gate::load(Hook::AfterInstall, Some(file)).unwrap();
        let description = description.to_owned();
        let deployment = Deployment { id: "d-1".to_owned(), description, ..Deployment::for_group("shop", "web") };
        let log = FindingLog::new(Arc::new(|_, _, _| {}));
        let ended = check(gate.skip.as_ref(), &deployment, &log, now);
        let findings = log.finish(&Interruption::Panic).findings;
        (ended, findings.into_iter().map(|finding| finding.observation.code).collect())
    }

    /// The first second of February 2027, one second after the marker's last day.
    fn february() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_801_440_000)
    }

    #[test]
    fn marker_ends_the_evaluation_with_a_warning() {
        let seen = "its description has \"[skip gate]\", so nothing is checked; the marker is valid until 2027-01-31";
        let observation = Observation::failed(ReasonCode::GateSkipped, "deployment d-1", "", seen);
        let (ended, recorded) = outcome("hotfix [skip gate]", february() - Duration::from_secs(1));
        assert_eq!((ended, recorded), (Err(Conclusion::warning(Phase::Skip, observation)), vec![]));
    }

    #[test]
    fn description_without_the_marker_is_checked() {
        assert_eq!(outcome("hotfix", february() - Duration::from_secs(1)), (Ok(()), vec![]));
    }

    #[test]
    fn expired_marker_is_recorded_and_does_not_end_the_evaluation() {
        assert_eq!(outcome("hotfix [skip gate]", february()), (Ok(()), vec![Some(ReasonCode::SkipExpired)]));
    }

    #[test]
    fn gate_file_without_skip_never_skips() {
        let log = FindingLog::new(Arc::new(|_, _, _| {}));
        let deployment = Deployment { description: "[skip gate]".to_owned(), ..Deployment::for_group("shop", "web") };
        assert_eq!(check(None, &deployment, &log, february()), Ok(()));
    }
}
