//! The IAM actions and resources that each AWS operation needs. There is one entry for each method of
//! [`Aws`](super::Aws), with the operation names that its errors have.

use super::{cloudwatch, codedeploy, ecs, elb, existence, put_status, revision, s3, stored_values};
use crate::permissions::{PermissionInputs, Resource};

/// Operations that can only be allowed on all resources, each with the reason.
const LOAD_BALANCERS: Resource =
    Resource::Any("Elastic Load Balancing allows its Describe operations only on all resources");
const TASK_DEFINITIONS: Resource = Resource::Any("ECS allows this operation only on all resources");
const ALARMS: Resource = Resource::Any("with a narrower resource, CloudWatch silently leaves out composite alarms");
const TAGS: Resource = Resource::Any("the tagging API allows this operation only on all resources");

/// Reading a version of an object is a different action in IAM, but the same operation.
const GET_OBJECT_VERSION: &str = "s3:GetObjectVersion";

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
    },
}

impl AwsOperation {
    /// The actions that the operation needs, each with its resource.
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
