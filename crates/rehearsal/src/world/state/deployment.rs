//! CodeDeploy's part of the world: deployments and their group.

use std::time::SystemTime;

use lifecycle::Status;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The lifecycle events of an ECS deployment, in order. Start and End have no record of their own.
pub const EVENTS: [&str; 8] = [
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
];

/// A CodeDeploy deployment group.
#[derive(Clone, Debug)]
pub struct DeploymentGroup {
    /// The application that it belongs to.
    pub application: String,
    pub name: String,
    /// Its ECS services: names of cluster and service. A deployment group for ECS has one.
    pub services: Vec<(String, String)>,
    /// The CloudWatch alarms that CodeDeploy watches.
    pub alarms: AlarmSetting,
    /// When CodeDeploy rolls back automatically.
    pub auto_rollback: Option<AutoRollback>,
    /// The two target groups and the listeners.
    pub pair: Option<TargetGroupPair>,
}

/// Which alarms CodeDeploy watches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmSetting {
    /// Whether CodeDeploy watches them at all.
    pub enabled: bool,
    /// Whether a deployment continues when the state of the alarms cannot be read.
    pub ignore_poll_failure: bool,
    /// Their names.
    pub names: Vec<String>,
}

/// When CodeDeploy rolls a deployment back automatically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoRollback {
    /// Whether automatic rollback is on.
    pub enabled: bool,
    /// `DEPLOYMENT_FAILURE`, `DEPLOYMENT_STOP_ON_ALARM`, `DEPLOYMENT_STOP_ON_REQUEST`.
    pub events: Vec<String>,
}

/// A pair of target groups and the listeners that switch between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroupPair {
    /// Names of the two target groups.
    pub target_groups: Vec<String>,
    /// ARN of the production listener.
    pub production: Option<String>,
    /// ARN of the test listener.
    pub test: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Deployment {
    /// `d-A1B2C3D4E`.
    pub id: String,
    pub application: String,
    /// Its deployment group.
    pub group: String,
    /// Its only target: `cluster:service`.
    pub target: String,
    /// Its compute platform.
    pub platform: ComputePlatform,
    /// Whether CloudFormation created it. Its target is then not an ECS target.
    pub by_cloudformation: bool,
    /// Its deployment configuration, such as `CodeDeployDefault.ECSAllAtOnce`.
    pub config: String,
    /// `user`, `autoscaling`, `codeDeployRollback`, ….
    pub creator: String,
    /// The description that its creator wrote.
    pub description: Option<String>,
    pub status: DeploymentStatus,
    /// When it was created.
    pub created: SystemTime,
    /// When it ended.
    pub completed: Option<SystemTime>,
    /// Its lifecycle events.
    pub events: Vec<LifecycleEvent>,
    /// What it deploys.
    pub revision: Revision,
    /// ARN of the task definition that a client's AppSpec file names. `None` stands for the newest one.
    pub task_definition: Option<String>,
    /// Alarms that replace those of its deployment group.
    pub override_alarms: Option<AlarmSetting>,
    /// The rollback setting of its deployment group when it was created.
    pub auto_rollback: Option<AutoRollback>,
    /// The pair of its deployment group when it was created.
    pub pair: Option<TargetGroupPair>,
    /// Which deployment it undoes, or which one undid it.
    pub rollback: Option<RollbackInfo>,
    /// CodeDeploy's error code and message.
    pub error: Option<(String, String)>,
}

impl Deployment {
    /// Whether CodeDeploy rolls it back automatically when it fails.
    pub fn rolls_back(&self) -> bool {
        self.auto_rollback
            .as_ref()
            .is_some_and(|it| it.enabled && it.events.iter().any(|event| event == "DEPLOYMENT_FAILURE"))
    }

    /// The lifecycle event of that name.
    pub fn event(&mut self, name: &str) -> Option<&mut LifecycleEvent> {
        self.events.iter_mut().find(|event| event.name == name)
    }
}

/// CodeDeploy's compute platforms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Deserialize)]
pub enum ComputePlatform {
    /// Amazon ECS.
    #[default]
    #[serde(rename = "ECS")]
    Ecs,
    /// AWS Lambda.
    Lambda,
    /// EC2 instances and on-premises servers. It has no hook functions, so no scenario can ask for it.
    #[serde(skip)]
    Server,
}

impl ComputePlatform {
    /// CodeDeploy's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ecs => "ECS",
            Self::Lambda => "Lambda",
            Self::Server => "Server",
        }
    }
}

/// The revision of a deployment: its AppSpec file, and the form in which CodeDeploy returns it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// The AppSpec file.
    pub app_spec: String,
    /// The form in which GetDeployment returns it.
    pub format: RevisionFormat,
    /// The version of the S3 object, if the file is in S3.
    pub version: Option<String>,
}

/// The form in which GetDeployment returns an AppSpec file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RevisionFormat {
    /// The whole text.
    #[default]
    Content,
    /// Only its hash. GetApplicationRevision returns the text.
    Hash,
    /// The whole text, in the older revision type `String`, which CodeDeploy calls deprecated and still accepts.
    RawString,
    /// Its location: the S3 object `shop-deployments/appspec.yaml`.
    S3,
}

impl Revision {
    /// The bucket and the key of an AppSpec file in S3.
    pub const APP_SPEC_OBJECT: (&str, &str) = ("shop-deployments", "appspec.yaml");
}

/// Which deployment this one undoes, or which one undid it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollbackInfo {
    /// On a deployment that was undone: the rollback that undid it.
    pub rolled_back_by: Option<String>,
    /// On a rollback: the deployment that it undoes.
    pub triggered_by: Option<String>,
    /// CodeDeploy's message.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum DeploymentStatus {
    Created,
    InProgress,
    Succeeded,
    Failed,
    Stopped,
}

/// A lifecycle event of a deployment.
#[derive(Clone, Debug)]
pub struct LifecycleEvent {
    pub name: String,
    pub status: EventStatus,
    /// When it started.
    pub started: Option<SystemTime>,
    /// When it ended.
    pub ended: Option<SystemTime>,
}

/// The status of a lifecycle event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum EventStatus {
    Pending,
    InProgress,
    Succeeded,
    Failed,
    Skipped,
}

/// One execution of a hook. CodeDeploy accepts one status for it.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The long opaque id that the function receives.
    pub id: String,
    /// The id of its deployment.
    pub deployment: String,
    /// The name of its lifecycle event.
    pub event: String,
    /// The status that was put.
    pub status: Option<Status>,
}
