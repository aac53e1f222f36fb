//! What CodeDeploy says: the deployment, and where it is.

use std::time::SystemTime;

use crate::hook::Hook;

/// What CodeDeploy says about the deployment (GetDeployment).
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its id.
    pub id: String,
    /// The CodeDeploy application; empty if AWS does not say.
    pub application: String,
    /// The deployment group; empty if AWS does not say.
    pub group: String,
    /// When it was created.
    pub created: Option<SystemTime>,
    /// Who created it: `user`, `autoscaling`, `codeDeployRollback`, ….
    pub creator: String,
    /// What its creator wrote about it; empty for most.
    pub description: String,
    /// Whether it undoes another deployment.
    pub is_rollback: bool,
    /// Whether a failure of it rolls back by itself; none when neither it nor its group says.
    pub rolls_back_on_failure: Option<bool>,
    /// Names of the two target groups of its pair.
    pub target_groups: Vec<String>,
    /// ARN of the production listener.
    pub production_listener: Option<String>,
    /// ARN of the test listener.
    pub test_listener: Option<String>,
    /// Alarms that this deployment has in place of its group's.
    pub alarms: Option<AlarmSetting>,
}

impl Deployment {
    /// A deployment of which no more is known than whose it is.
    pub fn of(application: &str, group: &str) -> Self {
        Self {
            id: String::new(),
            application: application.to_owned(),
            group: group.to_owned(),
            created: None,
            creator: String::new(),
            description: String::new(),
            is_rollback: false,
            rolls_back_on_failure: None,
            target_groups: Vec::new(),
            production_listener: None,
            test_listener: None,
            alarms: None,
        }
    }
}

/// The alarms that CodeDeploy itself would watch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmSetting {
    /// Whether they are switched on.
    pub enabled: bool,
    /// Their names.
    pub names: Vec<String>,
}

/// Which lifecycle event CodeDeploy is at (GetDeploymentTarget).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// These are in progress.
    At(Vec<Begun>),
    /// There are events, and none of them is in progress.
    Nothing,
    /// It could not be found out.
    Unknown(String),
}

/// A lifecycle event in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Its name.
    pub event: String,
    /// When it began.
    pub at: Option<SystemTime>,
}

impl Progress {
    fn own(&self, hook: Hook) -> Option<&Begun> {
        match self {
            Self::At(begun) => begun.iter().find(|begun| begun.event == hook.event_name()),
            Self::Nothing | Self::Unknown(_) => None,
        }
    }

    /// When the event that this binary is for began, if it is in progress.
    pub fn began(&self, hook: Hook) -> Option<SystemTime> {
        self.own(hook)?.at
    }

    /// Compares with the event that this binary is for.
    pub fn compared_with(&self, hook: Hook) -> Wiring {
        match self {
            Self::At(_) if self.own(hook).is_some() => Wiring::Right,
            Self::At(begun) => {
                Wiring::Wrong(begun.iter().map(|begun| begun.event.as_str()).collect::<Vec<_>>().join(", "))
            }
            Self::Nothing => Wiring::Over,
            Self::Unknown(why) => Wiring::Unknown(why.clone()),
        }
    }
}

/// Whether CodeDeploy is at the event that the hook is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wiring {
    /// It is.
    Right,
    /// It is at another one, named here.
    Wrong(String),
    /// It is at none.
    Over,
    /// It could not be found out.
    Unknown(String),
}
