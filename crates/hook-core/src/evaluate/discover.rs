//! Reads the deployment, which is enough to decide whether to check at all.

use aws_client::{Aws, AwsError, DiscoveredDeployment};
use gate::ReasonCode;
use lifecycle::DeploymentId;

use crate::{
    conclusion::Conclusion, finding::Observation, finding_log::FindingLog, phase::Phase, settings::RollbackPolicy,
};

/// The deployment and its lifecycle event. The error is kept for later: a setting that is invalid comes first.
pub async fn deployment(
    aws: &Aws,
    policy: RollbackPolicy,
    id: &DeploymentId,
    log: &FindingLog,
) -> Result<DiscoveredDeployment, AwsError> {
    log.begin_phase(Phase::Discovery, format!("deployment {id}"));
    let found = aws.discover(id, policy == RollbackPolicy::Skip).await?;
    log.update_context(|context, redactor| context.add_deployment(&found.deployment, redactor));
    Ok(found)
}

/// Without the deployment no check can be trusted, and the reason is what AWS reported.
pub fn unreadable(id: &DeploymentId, error: AwsError) -> Conclusion {
    if error.code == ReasonCode::SettingsInvalid {
        let observation = Observation::failed(error.code, "", "", error.detail);
        return Conclusion::strict(Phase::Settings, observation);
    }
    if error.code == ReasonCode::PlatformUnsupported {
        let observation = Observation::failed(error.code, format!("deployment {id}"), "", error.detail);
        return Conclusion::strict(Phase::Discovery, observation);
    }
    let observation = Observation::from(error);
    let resource = format!("deployment {id}: {}", observation.resource);
    Conclusion::strict(Phase::Discovery, Observation { resource, ..observation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Outcome;

    fn conclusion_for(code: ReasonCode) -> Conclusion {
        let id = DeploymentId::try_from("d-1".to_owned()).unwrap();
        let detail = "AccessDenied: no policy allows it".to_owned();
        unreadable(&id, AwsError::new("codedeploy:GetDeployment", code, detail))
    }

    #[test]
    fn error_from_aws_means_that_the_deployment_could_not_be_checked() {
        let resource = "deployment d-1: codedeploy:GetDeployment";
        let observation = Observation::errored(ReasonCode::AwsDenied, resource, "AccessDenied: no policy allows it");
        assert_eq!(conclusion_for(ReasonCode::AwsDenied), Conclusion::strict(Phase::Discovery, observation));
    }

    #[test]
    fn other_platform_is_a_failure_and_not_an_error() {
        let Conclusion { phase, observation, .. } = conclusion_for(ReasonCode::PlatformUnsupported);
        assert_eq!((phase, observation.outcome), (Phase::Discovery, Outcome::Failed));
    }

    #[test]
    fn service_that_contradicts_the_settings_is_a_problem_of_the_settings() {
        let Conclusion { phase, observation, .. } = conclusion_for(ReasonCode::SettingsInvalid);
        assert_eq!((phase, observation.outcome), (Phase::Settings, Outcome::Failed));
        assert_eq!(observation.resource, "");
    }
}
