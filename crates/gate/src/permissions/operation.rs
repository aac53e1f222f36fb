//! The AWS operations that the hooks use. `iam_actions` has the IAM actions of each one.

/// An AWS operation that the hooks use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsOperation {
    PutStatus,
    /// The deployment itself.
    Deployment,
    /// The id of its only target.
    TargetId,
    /// The lifecycle event in progress.
    Progress,
    DeploymentGroup,
    /// The service with its task sets.
    Service,
    Tasks,
    TaskDefinition,
    TargetGroups,
    /// Listeners, their rules and their load balancer.
    Listener,
    /// Where a known listener forwards now.
    ListenerRefresh,
    TargetHealth,
    /// Alarms by name or prefix.
    Alarms,
    AlarmHistory,
    /// The names of alarms with tags.
    TaggedAlarms,
    AppSpec,
    LogGroupExistence,
    RoleExistence,
    ParameterExistence,
    SecretExistence,
    ImageExistence,
    /// The value of a parameter, by name or ARN.
    Parameter(String),
    /// The value of a secret, by name or ARN.
    SecretValue(String),
    /// An object in S3.
    Object {
        bucket: String,
        key: String,
        /// Whether a version is named, which is a different action.
        is_version: bool,
    },
}
