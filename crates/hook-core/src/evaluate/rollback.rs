//! A rollback repairs a bad deployment, so nothing that is broken here is allowed to block it.

use aws_client::model::Deployment;
use gate::ReasonCode;
use lifecycle::DeploymentId;

use crate::{conclusion::Conclusion, finding::Observation, phase::Phase, settings::RollbackPolicy};

/// Ends the evaluation if the deployment is a rollback and the settings do not ask to check it. A deployment that could
/// not be read is not known to be a rollback.
///
/// # Errors
/// It is a rollback.
pub fn let_through(policy: RollbackPolicy, id: &DeploymentId, found: Option<&Deployment>) -> Result<(), Conclusion> {
    match (policy, found) {
        (RollbackPolicy::Skip, Some(deployment)) if deployment.is_rollback => {
            let resource = format!("deployment {id}");
            let by = match deployment.creator.as_str() {
                "codeDeployRollback" => "CodeDeploy",
                "user" => "a user",
                other => other,
            };
            let seen = format!("a rollback by {by}");
            let observation = Observation::failed(ReasonCode::RollbackDeployment, resource, "", seen);
            Err(Conclusion::warning(Phase::Rollback, observation))
        }
        (RollbackPolicy::Skip | RollbackPolicy::Check, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> DeploymentId {
        DeploymentId::try_from("d-1".to_owned()).unwrap()
    }

    fn rollback() -> Deployment {
        Deployment {
            is_rollback: true,
            creator: "codeDeployRollback".to_owned(),
            ..Deployment::for_group("shop", "web")
        }
    }

    #[test]
    fn rollback_ends_the_evaluation_with_a_warning() {
        let seen = "a rollback by CodeDeploy";
        let observation = Observation::failed(ReasonCode::RollbackDeployment, "deployment d-1", "", seen);
        assert_eq!(
            let_through(RollbackPolicy::Skip, &id(), Some(&rollback())),
            Err(Conclusion::warning(Phase::Rollback, observation))
        );
    }

    #[test]
    fn other_deployment_is_checked() {
        assert_eq!(let_through(RollbackPolicy::Skip, &id(), Some(&Deployment::for_group("shop", "web"))), Ok(()));
    }

    #[test]
    fn rollback_is_checked_if_the_settings_say_so() {
        assert_eq!(let_through(RollbackPolicy::Check, &id(), Some(&rollback())), Ok(()));
    }

    #[test]
    fn deployment_that_could_not_be_read_is_no_rollback() {
        assert_eq!(let_through(RollbackPolicy::Skip, &id(), None), Ok(()));
    }
}
