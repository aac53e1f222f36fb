//! CodeDeploy's part of the world: deployments and their group.

use std::time::SystemTime;

use crate::report::HookStatus;

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
    /// Its name.
    pub name: String,
    /// Its ECS services: names of cluster and service. A deployment group for ECS has one.
    pub services: Vec<(String, String)>,
    /// The alarms that CodeDeploy watches.
    pub alarms: AlarmSetting,
    /// When it rolls back by itself.
    pub auto_rollback: Option<AutoRollback>,
    /// The two target groups and the listeners.
    pub pair: Option<TargetGroupPair>,
}

/// Which alarms count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmSetting {
    /// Whether they count at all.
    pub enabled: bool,
    /// Whether a deployment goes on when their state cannot be read.
    pub ignore_poll_failure: bool,
    /// Their names.
    pub names: Vec<String>,
}

/// When a deployment is rolled back by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoRollback {
    /// Whether it is at all.
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

/// A deployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// `d-A1B2C3D4E`.
    pub id: String,
    /// Its application.
    pub application: String,
    /// Its deployment group.
    pub group: String,
    /// Its one target: `cluster:service`.
    pub target: String,
    /// `ECS`, `Lambda` or `Server`.
    pub platform: String,
    /// Whether CloudFormation made it: its target is then none of ECS's.
    pub by_cloudformation: bool,
    /// How it shifts its traffic, such as `CodeDeployDefault.ECSAllAtOnce`.
    pub config: String,
    /// `user`, `autoscaling`, `codeDeployRollback`, ….
    pub creator: String,
    /// What its creator wrote about it.
    pub description: Option<String>,
    /// Where it is.
    pub status: DeploymentStatus,
    /// When it was created.
    pub created: SystemTime,
    /// When it ended.
    pub completed: Option<SystemTime>,
    /// Its lifecycle events.
    pub events: Vec<LifecycleEvent>,
    /// What it deploys.
    pub revision: Revision,
    /// Alarms in place of its group's.
    pub override_alarms: Option<AlarmSetting>,
    /// Its group's setting at its creation.
    pub auto_rollback: Option<AutoRollback>,
    /// Its group's pair at its creation.
    pub pair: Option<TargetGroupPair>,
    /// What it undoes or what undid it.
    pub rollback: Option<RollbackInfo>,
    /// CodeDeploy's code and words for its failure.
    pub error: Option<(String, String)>,
}

impl Deployment {
    /// Whether a failure of it is rolled back by itself.
    pub fn rolls_back(&self) -> bool {
        self.auto_rollback
            .as_ref()
            .is_some_and(|it| it.enabled && it.events.iter().any(|event| event == "DEPLOYMENT_FAILURE"))
    }

    /// One of its lifecycle events.
    pub fn event(&mut self, name: &str) -> Option<&mut LifecycleEvent> {
        self.events.iter_mut().find(|event| event.name == name)
    }
}

/// The revision of a deployment: its AppSpec file, and how CodeDeploy tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// The AppSpec file.
    pub app_spec: String,
    /// How GetDeployment tells of it.
    pub format: RevisionFormat,
    /// In S3: the version of the object.
    pub version: Option<String>,
}

/// How GetDeployment tells of an AppSpec file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RevisionFormat {
    /// Whole.
    #[default]
    Content,
    /// By its hash; GetApplicationRevision has the rest.
    Hash,
    /// Whole, in the older form of a revision: `String`, which CodeDeploy calls deprecated and still accepts.
    RawString,
    /// By its place: an object of S3, `shop-deployments/appspec.yaml`.
    S3,
}

impl Revision {
    /// The bucket and the key of an AppSpec file in S3.
    pub const APP_SPEC_OBJECT: (&str, &str) = ("shop-deployments", "appspec.yaml");
}

/// What a deployment undoes, or what undid it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollbackInfo {
    /// On a deployment that was undone: the one that undid it.
    pub rolled_back_by: Option<String>,
    /// On a roll-back: the deployment that it undoes.
    pub triggered_by: Option<String>,
    /// In words.
    pub message: String,
}

/// Where a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "CodeDeploy's own words")]
pub enum DeploymentStatus {
    Created,
    InProgress,
    Succeeded,
    Failed,
    Stopped,
}

impl DeploymentStatus {
    /// CodeDeploy's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::InProgress => "InProgress",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
        }
    }
}

/// A lifecycle event of a deployment.
#[derive(Clone, Debug)]
pub struct LifecycleEvent {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub status: EventStatus,
    /// When it began.
    pub started: Option<SystemTime>,
    /// When it ended.
    pub ended: Option<SystemTime>,
}

/// Where a lifecycle event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "CodeDeploy's own words")]
pub enum EventStatus {
    Pending,
    InProgress,
    Succeeded,
    Failed,
    Skipped,
    Unknown,
}

impl EventStatus {
    /// CodeDeploy's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Skipped => "Skipped",
            Self::Unknown => "Unknown",
        }
    }
}

/// One execution of a hook, which may be answered once.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The long opaque id that the function gets.
    pub id: String,
    /// Of which deployment.
    pub deployment: String,
    /// For which lifecycle event.
    pub event: String,
    /// What was put.
    pub status: Option<HookStatus>,
}
