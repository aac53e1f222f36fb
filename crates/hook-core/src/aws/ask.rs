//! What each way of asking AWS takes: actions as IAM writes them, and on what. One line for each method of [`Aws`](super::Aws),
//! with the names that its faults have.

use super::{account, answer, cloudwatch, codedeploy, ecs, elb, kept, revision, s3};
use crate::permissions::{Places, Resource};

/// An operation that allows nothing narrower than everything, with AWS's reason for it.
const BALANCERS: Resource =
    Resource::Any("Elastic Load Balancing lets its Describe operations be allowed on everything only");
const DEFINITIONS: Resource = Resource::Any("ECS lets this operation be allowed on everything only");
const ALARMS: Resource =
    Resource::Any("with anything narrower CloudWatch leaves composite alarms out, and does not say so");
const TAGS: Resource = Resource::Any("the tagging API lets this operation be allowed on everything only");

/// A version of an object is another action for IAM; the operation is the same.
const GET_OBJECT_VERSION: &str = "s3:GetObjectVersion";

/// A way of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The answer.
    Put,
    /// The deployment itself.
    Deployment,
    /// Its one target, by id.
    TargetId,
    /// Which lifecycle event is in progress.
    Progress,
    /// The deployment group.
    Group,
    /// The service with its task sets.
    Service,
    /// The tasks of a task set.
    Tasks,
    /// A task definition.
    Definition,
    /// Target groups.
    TargetGroups,
    /// Listeners, their rules and their load balancer.
    Listener,
    /// Where a known listener forwards now.
    ListenerNow,
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
    LogGroup,
    /// Whether a role exists.
    Role,
    /// Whether parameters exist.
    ParametersThere,
    /// Whether a secret exists.
    SecretThere,
    /// Whether an image exists.
    Image,
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

impl Ask {
    /// The actions that it takes, each with what it is taken on.
    pub fn takes(&self, places: &Places) -> Vec<(&'static str, Resource)> {
        match self {
            Self::Put => vec![(answer::PUT, Resource::DeploymentGroup)],
            Self::Deployment => vec![(codedeploy::GET_DEPLOYMENT, Resource::DeploymentGroup)],
            Self::TargetId => vec![(codedeploy::LIST_TARGETS, Resource::DeploymentTargets)],
            Self::Progress => vec![(codedeploy::GET_TARGET, Resource::DeploymentTargets)],
            Self::Group => vec![(codedeploy::GET_GROUP, Resource::DeploymentGroup)],
            Self::Service => vec![(ecs::DESCRIBE_SERVICES, Resource::Service)],
            Self::Tasks => vec![(ecs::LIST_TASKS, Resource::TasksOfCluster), (ecs::DESCRIBE_TASKS, Resource::Tasks)],
            Self::Definition => vec![(ecs::DESCRIBE_DEFINITION, DEFINITIONS)],
            Self::TargetGroups => vec![(elb::DESCRIBE_GROUPS, BALANCERS)],
            Self::Listener => {
                let operations = [elb::DESCRIBE_LISTENERS, elb::DESCRIBE_RULES, elb::DESCRIBE_BALANCERS];
                operations.map(|operation| (operation, BALANCERS)).into()
            }
            Self::ListenerNow => vec![(elb::DESCRIBE_LISTENERS, BALANCERS), (elb::DESCRIBE_RULES, BALANCERS)],
            Self::TargetHealth => vec![(elb::DESCRIBE_HEALTH, BALANCERS)],
            Self::Alarms => vec![(cloudwatch::DESCRIBE_ALARMS, ALARMS)],
            Self::AlarmHistory => vec![(cloudwatch::DESCRIBE_HISTORY, ALARMS)],
            Self::TaggedAlarms => vec![(account::GET_RESOURCES, TAGS)],
            Self::AppSpec => {
                let mut takes = vec![
                    (codedeploy::GET_DEPLOYMENT, Resource::DeploymentGroup),
                    (revision::GET_REVISION, Resource::Application),
                ];
                if let Some((bucket, key)) = &places.app_spec {
                    let object = Resource::Object { bucket: bucket.clone(), key: key.clone() };
                    takes.extend([(s3::GET_OBJECT, object.clone()), (GET_OBJECT_VERSION, object)]);
                }
                takes
            }
            Self::LogGroup => vec![(account::DESCRIBE_LOG_GROUPS, Resource::LogGroups)],
            Self::Role => vec![(account::GET_ROLE, Resource::Roles)],
            Self::ParametersThere => vec![(account::GET_PARAMETERS, Resource::Parameters)],
            Self::SecretThere => vec![(account::DESCRIBE_SECRET, Resource::Secrets)],
            Self::Image => vec![(account::DESCRIBE_IMAGES, Resource::Repositories)],
            Self::Parameter(name) => vec![(kept::GET_PARAMETER, Resource::Parameter(name.clone()))],
            Self::SecretValue(name) => vec![(kept::GET_SECRET_VALUE, Resource::Secret(name.clone()))],
            Self::Object { bucket, key } => {
                vec![(s3::GET_OBJECT, Resource::Object { bucket: bucket.clone(), key: key.clone() })]
            }
        }
    }
}
