//! What CodeDeploy says: the deployment, and where it is.

use std::time::SystemTime;

use crate::{code::Code, hook::Hook};

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
    /// These have begun.
    Begun(Vec<Begun>),
    /// CodeDeploy has not written its record yet.
    NotYetKnown(String),
    /// It could not be read.
    Unknown {
        /// Which fault.
        code: Code,
        /// AWS's words.
        why: String,
    },
}

/// A lifecycle event that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Its name.
    pub event: String,
    /// When it began.
    pub at: Option<SystemTime>,
    /// Whether it is still in progress.
    pub in_progress: bool,
}

impl Progress {
    /// When this lifecycle event began, if it has.
    pub fn began(&self, event: &str) -> Option<SystemTime> {
        self.event(event)?.at
    }

    /// When the event that this binary is for began, if it is in progress.
    pub fn own_began(&self, hook: Hook) -> Option<SystemTime> {
        self.event(hook.event_name()).filter(|begun| begun.in_progress)?.at
    }

    fn event(&self, event: &str) -> Option<&Begun> {
        let Self::Begun(begun) = self else { return None };
        begun.iter().find(|begun| begun.event == event)
    }

    /// Compares with the event that this binary is for.
    pub fn compared_with(&self, hook: Hook) -> Wiring {
        let begun = match self {
            Self::Begun(begun) => begun,
            Self::NotYetKnown(why) => return Wiring::NotYetKnown(why.clone()),
            Self::Unknown { code, why } => return Wiring::Unknown { code: *code, why: why.clone() },
        };
        let running: Vec<_> =
            begun.iter().filter(|begun| begun.in_progress).map(|begun| begun.event.as_str()).collect();
        let is_hooked = |event: &&str| Hook::ALL.iter().any(|hook| hook.event_name() == *event);
        if running.contains(&hook.event_name()) {
            Wiring::Right
        } else if running.is_empty() {
            Wiring::Over
        } else if running.iter().any(is_hooked) {
            Wiring::Wrong(running.join(", "))
        } else {
            // No function is invoked for an event of CodeDeploy's own, so its record lags behind the invocation.
            Wiring::NotYetKnown(format!("CodeDeploy's record still has {} in progress", running.join(", ")))
        }
    }
}

/// Whether CodeDeploy is at the event that the hook is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wiring {
    /// It is.
    Right,
    /// It is at another hook's, named here.
    Wrong(String),
    /// It is at none.
    Over,
    /// CodeDeploy's record does not say yet.
    NotYetKnown(String),
    /// It could not be found out.
    Unknown {
        /// Which fault.
        code: Code,
        /// AWS's words.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(events: &[(&str, bool)]) -> Progress {
        let begun = |(event, in_progress): &(&str, bool)| Begun {
            event: (*event).to_owned(),
            at: None,
            in_progress: *in_progress,
        };
        Progress::Begun(events.iter().map(begun).collect())
    }

    #[test]
    fn an_event_of_codedeploys_own_in_progress_is_a_record_that_lags() {
        for own in ["Start", "Install", "AllowTestTraffic", "AllowTraffic", "End"] {
            let progress = at(&[("BeforeInstall", false), (own, true)]);
            for hook in Hook::ALL {
                assert!(matches!(progress.compared_with(hook), Wiring::NotYetKnown(why) if why.contains(own)), "{own}");
            }
        }
    }

    #[test]
    fn another_hooks_event_in_progress_is_wrong_and_none_is_over() {
        let progress = at(&[("AllowTestTraffic", true), ("AfterAllowTestTraffic", true)]);
        assert_eq!(progress.compared_with(Hook::AfterAllowTestTraffic), Wiring::Right);
        assert!(matches!(progress.compared_with(Hook::AfterInstall), Wiring::Wrong(_)));
        assert_eq!(at(&[("Install", false)]).compared_with(Hook::AfterInstall), Wiring::Over);
    }
}
