//! Questions to IAM's policy simulation.

use hook_core::permissions::{ArnNames, Resource};

use super::snapshot::{DeploymentGroupConfig, FunctionConfig};

/// The action that puts the status of a hook.
pub const PUT_STATUS: &str = "codedeploy:PutLifecycleEventHookExecutionStatus";

const INVOKE: &str = "lambda:InvokeFunction";

/// A query whether a role is allowed an action on a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermissionQuery {
    /// The ARN of the role.
    pub role: String,
    pub action: String,
    /// The ARN of the resource, or `*`.
    pub resource: String,
    /// A context key and its value.
    pub context: Option<(String, String)>,
}

impl PermissionQuery {
    /// The permission of CodeDeploy's role to invoke a function. If the function was requested with a qualifier, its
    /// ARN ends in the qualifier.
    pub fn to_invoke(group: &DeploymentGroupConfig, config: &FunctionConfig) -> Self {
        Self { role: group.role.clone(), action: INVOKE.to_owned(), resource: config.arn.clone(), context: None }
    }

    /// The permission of a function's role to invoke its on-failure destination.
    pub fn to_invoke_destination(config: &FunctionConfig, arn: String) -> Self {
        Self { role: config.role.clone(), action: INVOKE.to_owned(), resource: arn, context: None }
    }

    /// The permission of the on-failure handler's role to put a status.
    pub fn to_put_status(config: &FunctionConfig, region: &str, application: &str, group: &str) -> Self {
        let names = ArnNames {
            region: Some(region.to_owned()),
            account: config.account().map(str::to_owned),
            application: Some(application.to_owned()),
            deployment_group: Some(group.to_owned()),
            ..ArnNames::default()
        };
        Self {
            role: config.role.clone(),
            action: PUT_STATUS.to_owned(),
            resource: Resource::DeploymentGroup.arn(&names),
            context: None,
        }
    }

    /// The resource as a sentence names it, with its preposition. IAM can limit some actions only by cluster: their
    /// resource is `*`, and a condition has the cluster.
    pub fn describe_resource(&self) -> String {
        let cluster = self.context.as_ref().and_then(|(key, arn)| Some((key, arn.split_once(":cluster/")?.1)));
        match cluster {
            Some((key, cluster)) => format!("in cluster {cluster} (condition {key})"),
            None => format!("on {}", self.resource),
        }
    }
}
