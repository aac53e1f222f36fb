//! What each way of asking AWS takes: actions as IAM writes them, and on what. One line for each method of [`Aws`](super::Aws),
//! with the names that its faults have.

use super::{cloudwatch, codedeploy, ecs, elb, existence, put_status, revision, s3, stored_values};
use crate::permissions::{PermissionInputs, Resource};

/// An operation that allows nothing narrower than everything, with AWS's reason for it.
const LOAD_BALANCERS: Resource =
    Resource::Any("Elastic Load Balancing lets its Describe operations be allowed on everything only");
const TASK_DEFINITIONS: Resource = Resource::Any("ECS lets this operation be allowed on everything only");
const ALARMS: Resource =
    Resource::Any("with anything narrower CloudWatch leaves composite alarms out, and does not say so");
const TAGS: Resource = Resource::Any("the tagging API lets this operation be allowed on everything only");

/// A version of an object is another action for IAM; the operation is the same.
const GET_OBJECT_VERSION: &str = "s3:GetObjectVersion";

/// A way of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsOperation {
    /// The answer.
    PutStatus,
    /// The deployment itself.
    Deployment,
    /// Its one target, by id.
    TargetId,
    /// Which lifecycle event is in progress.
    Progress,
    /// The deployment group.
    DeploymentGroup,
    /// The service with its task sets.
    Service,
    /// The tasks of a task set.
    Tasks,
    /// A task definition.
    TaskDefinition,
    /// Target groups.
    TargetGroups,
    /// Listeners, their rules and their load balancer.
    Listener,
    /// Where a known listener forwards now.
    ListenerRefresh,
    /// The targets of a target group.
    TargetHealth,
    /// Alarms by name or prefix.
    Alarms,
    /// Which states an alarm was in.
    AlarmHistory,
    /// The names of alarms that have tags.
    TaggedAlarms,
    /// The AppSpec file.
    AppSpec,
    /// Whether a log group exists.
    LogGroupExistence,
    /// Whether a role exists.
    RoleExistence,
    /// Whether parameters exist.
    ParameterExistence,
    /// Whether a secret exists.
    SecretExistence,
    /// Whether an image exists.
    ImageExistence,
    /// The value of a parameter, by name or ARN.
    Parameter(String),
    /// The value of a secret, by name or ARN.
    SecretValue(String),
    /// An object of S3.
    Object {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
    },
}

impl AwsOperation {
    /// The actions that it takes, each with what it is taken on.
    pub fn iam_actions(&self, inputs: &PermissionInputs) -> Vec<(&'static str, Resource)> {
        match self {
            Self::PutStatus => vec![(put_status::PUT_STATUS, Resource::DeploymentGroup)],
            Self::Deployment => vec![(codedeploy::GET_DEPLOYMENT, Resource::DeploymentGroup)],
            Self::TargetId => vec![(codedeploy::LIST_DEPLOYMENT_TARGETS, Resource::DeploymentTargets)],
            Self::Progress => vec![(codedeploy::GET_DEPLOYMENT_TARGET, Resource::DeploymentTargets)],
            Self::DeploymentGroup => vec![(codedeploy::GET_DEPLOYMENT_GROUP, Resource::DeploymentGroup)],
            Self::Service => vec![(ecs::DESCRIBE_SERVICES, Resource::Service)],
            Self::Tasks => vec![(ecs::LIST_TASKS, Resource::TasksOfCluster), (ecs::DESCRIBE_TASKS, Resource::Tasks)],
            Self::TaskDefinition => vec![(ecs::DESCRIBE_TASK_DEFINITION, TASK_DEFINITIONS)],
            Self::TargetGroups => vec![(elb::DESCRIBE_TARGET_GROUPS, LOAD_BALANCERS)],
            Self::Listener => {
                let operations = [elb::DESCRIBE_LISTENERS, elb::DESCRIBE_RULES, elb::DESCRIBE_LOAD_BALANCERS];
                operations.map(|operation| (operation, LOAD_BALANCERS)).into()
            }
            Self::ListenerRefresh => {
                vec![(elb::DESCRIBE_LISTENERS, LOAD_BALANCERS), (elb::DESCRIBE_RULES, LOAD_BALANCERS)]
            }
            Self::TargetHealth => vec![(elb::DESCRIBE_TARGET_HEALTH, LOAD_BALANCERS)],
            Self::Alarms => vec![(cloudwatch::DESCRIBE_ALARMS, ALARMS)],
            Self::AlarmHistory => vec![(cloudwatch::DESCRIBE_ALARM_HISTORY, ALARMS)],
            Self::TaggedAlarms => vec![(existence::GET_RESOURCES, TAGS)],
            Self::AppSpec => {
                let mut actions = vec![
                    (codedeploy::GET_DEPLOYMENT, Resource::DeploymentGroup),
                    (revision::GET_APPLICATION_REVISION, Resource::Application),
                ];
                if let Some((bucket, key)) = &inputs.app_spec {
                    let object = Resource::Object { bucket: bucket.clone(), key: key.clone() };
                    actions.extend([(s3::GET_OBJECT, object.clone()), (GET_OBJECT_VERSION, object)]);
                }
                actions
            }
            Self::LogGroupExistence => vec![(existence::DESCRIBE_LOG_GROUPS, Resource::LogGroups)],
            Self::RoleExistence => vec![(existence::GET_ROLE, Resource::Roles)],
            Self::ParameterExistence => vec![(existence::GET_PARAMETERS, Resource::Parameters)],
            Self::SecretExistence => vec![(existence::DESCRIBE_SECRET, Resource::Secrets)],
            Self::ImageExistence => vec![(existence::DESCRIBE_IMAGES, Resource::Repositories)],
            Self::Parameter(name) => vec![(stored_values::GET_PARAMETER, Resource::Parameter(name.clone()))],
            Self::SecretValue(name) => vec![(stored_values::GET_SECRET_VALUE, Resource::Secret(name.clone()))],
            Self::Object { bucket, key } => {
                vec![(s3::GET_OBJECT, Resource::Object { bucket: bucket.clone(), key: key.clone() })]
            }
        }
    }
}
