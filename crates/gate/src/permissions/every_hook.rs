//! What every hook calls, whatever its gate file says.

use super::{AwsOperation, Requirement};

/// The AWS operations of the first step of the discovery, which runs before it is known whether there is anything to check.
pub fn requirements_for_discovery() -> Vec<Requirement> {
    vec![
        Requirement::new(
            AwsOperation::Deployment,
            "to read the deployment: its deployment group, its description, whether it is a rollback",
        ),
        Requirement::new(
            AwsOperation::TargetId,
            "to find the target of the deployment, which names the cluster and the service",
        ),
        Requirement::new(AwsOperation::Progress, "to see which lifecycle event is in progress"),
    ]
}

/// The AWS operations of the second step, which runs if there is something to check.
pub fn requirements_for_view() -> Vec<Requirement> {
    vec![
        Requirement::new(
            AwsOperation::DeploymentGroup,
            "to read the service, listeners, target groups and alarms of the deployment group",
        ),
        Requirement::new(AwsOperation::Service, "to find the task sets of the replacement and of the original"),
        Requirement::new(AwsOperation::TargetGroups, "to read their target groups and health checks"),
        Requirement::new(AwsOperation::Listener, "to find the production and test listeners, and where they forward"),
    ]
}

/// The AWS operation that putting the status needs.
pub fn requirements_for_put_status() -> Vec<Requirement> {
    vec![Requirement::new(AwsOperation::PutStatus, "to put the status, Succeeded or Failed, for CodeDeploy")]
}
