//! The AWS operations that the hooks use. `iam_actions` has the IAM actions of each one.

/// An AWS operation that the hooks use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsOperation {
    /// Puts the status of a hook.
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
    /// The tasks of a task set.
    Tasks,
    TaskDefinition,
    TargetGroups,
    /// Listeners, their rules and their load balancer.
    Listener,
    /// Where a known listener forwards now.
    ListenerRefresh,
    /// The targets of a target group.
    TargetHealth,
    /// Alarms by name or prefix.
    Alarms,
    /// The states that an alarm was in.
    AlarmHistory,
    /// The names of alarms with tags.
    TaggedAlarms,
    /// The AppSpec file.
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
