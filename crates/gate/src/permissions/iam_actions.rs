//! The IAM actions and resources that each AWS operation needs. There is one entry for each method of
//! the AWS client, with the operation names that its errors have.

use super::{AwsOperation, PermissionInputs, Resource, actions};

/// Operations that can only be allowed on all resources, each with the reason.
const LOAD_BALANCERS: Resource =
    Resource::Any("Elastic Load Balancing allows its Describe operations only on all resources");
const TASK_DEFINITIONS: Resource = Resource::Any("ECS allows this operation only on all resources");
const ALARMS: Resource = Resource::Any("with a narrower resource, CloudWatch silently leaves out composite alarms");
const TAGS: Resource = Resource::Any("the tagging API allows this operation only on all resources");

impl AwsOperation {
    /// The actions that the operation needs, each with its resource.
    pub fn iam_actions(&self, inputs: &PermissionInputs) -> Vec<(&'static str, Resource)> {
        match self {
            Self::PutStatus => vec![(actions::PUT_STATUS, Resource::DeploymentGroup)],
            Self::Deployment => vec![(actions::GET_DEPLOYMENT, Resource::DeploymentGroup)],
            Self::TargetId => vec![(actions::LIST_DEPLOYMENT_TARGETS, Resource::DeploymentTargets)],
            Self::Progress => vec![(actions::GET_DEPLOYMENT_TARGET, Resource::DeploymentTargets)],
            Self::DeploymentGroup => vec![(actions::GET_DEPLOYMENT_GROUP, Resource::DeploymentGroup)],
            Self::Service => vec![(actions::DESCRIBE_SERVICES, Resource::Service)],
            Self::Tasks => {
                vec![(actions::LIST_TASKS, Resource::TasksOfCluster), (actions::DESCRIBE_TASKS, Resource::Tasks)]
            }
            Self::TaskDefinition => vec![(actions::DESCRIBE_TASK_DEFINITION, TASK_DEFINITIONS)],
            Self::TargetGroups => vec![(actions::DESCRIBE_TARGET_GROUPS, LOAD_BALANCERS)],
            Self::Listener => {
                let operations =
                    [actions::DESCRIBE_LISTENERS, actions::DESCRIBE_RULES, actions::DESCRIBE_LOAD_BALANCERS];
                operations.map(|operation| (operation, LOAD_BALANCERS)).into()
            }
            Self::ListenerRefresh => {
                vec![(actions::DESCRIBE_LISTENERS, LOAD_BALANCERS), (actions::DESCRIBE_RULES, LOAD_BALANCERS)]
            }
            Self::TargetHealth => vec![(actions::DESCRIBE_TARGET_HEALTH, LOAD_BALANCERS)],
            Self::Alarms => vec![(actions::DESCRIBE_ALARMS, ALARMS)],
            Self::AlarmHistory => vec![(actions::DESCRIBE_ALARM_HISTORY, ALARMS)],
            Self::TaggedAlarms => vec![(actions::GET_RESOURCES, TAGS)],
            Self::AppSpec => {
                let mut actions = vec![
                    (actions::GET_DEPLOYMENT, Resource::DeploymentGroup),
                    (actions::GET_APPLICATION_REVISION, Resource::Application),
                ];
                if let Some((bucket, key)) = &inputs.app_spec {
                    let object = Resource::Object { bucket: bucket.clone(), key: key.clone() };
                    actions.extend([(actions::GET_OBJECT, object.clone()), (actions::GET_OBJECT_VERSION, object)]);
                }
                actions
            }
            Self::LogGroupExistence => vec![(actions::DESCRIBE_LOG_GROUPS, Resource::LogGroups)],
            Self::RoleExistence => vec![(actions::GET_ROLE, Resource::Roles)],
            Self::ParameterExistence => vec![(actions::GET_PARAMETERS, Resource::Parameters)],
            Self::SecretExistence => vec![(actions::DESCRIBE_SECRET, Resource::Secrets)],
            Self::ImageExistence => vec![(actions::DESCRIBE_IMAGES, Resource::Repositories)],
            Self::Parameter(name) => vec![(actions::GET_PARAMETER, Resource::Parameter(name.clone()))],
            Self::SecretValue(name) => vec![(actions::GET_SECRET_VALUE, Resource::Secret(name.clone()))],
            Self::Object { bucket, key, is_version } => {
                let action = if *is_version { actions::GET_OBJECT_VERSION } else { actions::GET_OBJECT };
                vec![(action, Resource::Object { bucket: bucket.clone(), key: key.clone() })]
            }
        }
    }
}
