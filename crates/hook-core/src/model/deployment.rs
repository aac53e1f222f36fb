//! What CodeDeploy says: the deployment, and where it is.

use std::time::SystemTime;

use crate::{code::ReasonCode, hook::Hook};

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
    pub alarms: Option<AlarmConfiguration>,
}

impl Deployment {
    /// A deployment of which no more is known than whose it is.
    pub fn for_group(application: &str, group: &str) -> Self {
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
pub struct AlarmConfiguration {
    /// Whether they are switched on.
    pub enabled: bool,
    /// Their names.
    pub names: Vec<String>,
}

/// Which lifecycle event CodeDeploy is at (GetDeploymentTarget).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifecycleProgress {
    /// These have begun.
    Started(Vec<StartedEvent>),
    /// CodeDeploy has not written its record yet.
    NotYetKnown(String),
    /// It could not be read.
    Unknown {
        /// Which fault.
        code: ReasonCode,
        /// AWS's words.
        why: String,
    },
}

/// A lifecycle event that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedEvent {
    /// Its name.
    pub event: String,
    /// When it began.
    pub started_at: Option<SystemTime>,
    /// Whether it is still in progress.
    pub in_progress: bool,
}

impl LifecycleProgress {
    /// When this lifecycle event began, if it has.
    pub fn started_at(&self, event: &str) -> Option<SystemTime> {
        self.started_event(event)?.started_at
    }

    /// When the event that this binary is for began, if it is in progress.
    pub fn own_event_started_at(&self, hook: Hook) -> Option<SystemTime> {
        self.started_event(hook.event_name()).filter(|begun| begun.in_progress)?.started_at
    }

    fn started_event(&self, event: &str) -> Option<&StartedEvent> {
        let Self::Started(begun) = self else { return None };
        begun.iter().find(|begun| begun.event == event)
    }

    /// Compares with the event that this binary is for.
    pub fn match_event(&self, hook: Hook) -> EventMatch {
        let begun = match self {
            Self::Started(begun) => begun,
            Self::NotYetKnown(why) => return EventMatch::NotYetKnown(why.clone()),
            Self::Unknown { code, why } => return EventMatch::Unknown { code: *code, why: why.clone() },
        };
        let running: Vec<_> =
            begun.iter().filter(|begun| begun.in_progress).map(|begun| begun.event.as_str()).collect();
        let is_hooked = |event: &&str| Hook::ALL.iter().any(|hook| hook.event_name() == *event);
        if running.contains(&hook.event_name()) {
            EventMatch::Matches
        } else if running.is_empty() {
            EventMatch::NoneInProgress
        } else if running.iter().any(is_hooked) {
            EventMatch::OtherEvent(running.join(", "))
        } else {
            // No function is invoked for an event of CodeDeploy's own, so its record lags behind the invocation.
            EventMatch::NotYetKnown(format!("CodeDeploy's record still has {} in progress", running.join(", ")))
        }
    }
}

/// Whether CodeDeploy is at the event that the hook is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventMatch {
    /// It is.
    Matches,
    /// It is at another hook's, named here.
    OtherEvent(String),
    /// It is at none.
    NoneInProgress,
    /// CodeDeploy's record does not say yet.
    NotYetKnown(String),
    /// It could not be found out.
    Unknown {
        /// Which fault.
        code: ReasonCode,
        /// AWS's words.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress_with(events: &[(&str, bool)]) -> LifecycleProgress {
        let begun = |(event, in_progress): &(&str, bool)| StartedEvent {
            event: (*event).to_owned(),
            started_at: None,
            in_progress: *in_progress,
        };
        LifecycleProgress::Started(events.iter().map(begun).collect())
    }

    #[test]
    fn an_event_of_codedeploys_own_in_progress_is_a_record_that_lags() {
        for own in ["Start", "Install", "AllowTestTraffic", "AllowTraffic", "End"] {
            let progress = progress_with(&[("BeforeInstall", false), (own, true)]);
            for hook in Hook::ALL {
                assert!(
                    matches!(progress.match_event(hook), EventMatch::NotYetKnown(why) if why.contains(own)),
                    "{own}"
                );
            }
        }
    }

    #[test]
    fn another_hooks_event_in_progress_is_wrong_and_none_is_over() {
        let progress = progress_with(&[("AllowTestTraffic", true), ("AfterAllowTestTraffic", true)]);
        assert_eq!(progress.match_event(Hook::AfterAllowTestTraffic), EventMatch::Matches);
        assert!(matches!(progress.match_event(Hook::AfterInstall), EventMatch::OtherEvent(_)));
        assert_eq!(progress_with(&[("Install", false)]).match_event(Hook::AfterInstall), EventMatch::NoneInProgress);
    }
}
