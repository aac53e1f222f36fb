//! What CodeDeploy reports: the deployment and its progress.

use std::time::SystemTime;

use gate::{DeploymentNames, ReasonCode};
use lifecycle::Hook;

/// A deployment (GetDeployment).
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    pub id: String,
    /// The CodeDeploy application. Empty if AWS does not report it.
    pub application: String,
    /// The deployment group. Empty if AWS does not report it.
    pub group: String,
    pub created: Option<SystemTime>,
    /// Who created it: `user`, `autoscaling`, `codeDeployRollback`, ….
    pub creator: String,
    /// The description by its creator. Empty for most deployments.
    pub description: String,
    /// Whether it undoes another deployment.
    pub is_rollback: bool,
    /// Whether CodeDeploy rolls it back automatically after a failure. `None` if neither the deployment nor its group
    /// says.
    pub rolls_back_on_failure: Option<bool>,
    /// Names of its pair of target groups.
    pub target_groups: Vec<String>,
    /// ARN of the production listener.
    pub production_listener: Option<String>,
    /// ARN of the test listener.
    pub test_listener: Option<String>,
    /// Alarms that override those of the deployment group.
    pub alarms: Option<AlarmConfiguration>,
}

impl Deployment {
    /// A deployment of which only the application and the deployment group are known.
    pub fn for_group(application: &str, group: &str) -> Self {
        Self { application: application.to_owned(), group: group.to_owned(), ..Self::default() }
    }
}

impl<'a> From<&'a Deployment> for DeploymentNames<'a> {
    fn from(deployment: &'a Deployment) -> Self {
        Self { application: &deployment.application, deployment_group: &deployment.group }
    }
}

/// The alarms that CodeDeploy itself monitors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmConfiguration {
    pub enabled: bool,
    pub names: Vec<String>,
}

/// The progress of a deployment through its lifecycle events (GetDeploymentTarget).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifecycleProgress {
    Started(Vec<StartedEvent>),
    /// CodeDeploy has not written its record yet.
    NotYetKnown(String),
    /// It could not be read.
    Unknown {
        code: ReasonCode,
        /// The message from AWS.
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedEvent {
    pub event: String,
    pub started_at: Option<SystemTime>,
    pub in_progress: bool,
}

impl LifecycleProgress {
    /// When this lifecycle event started, if it has.
    pub fn started_at(&self, event: &str) -> Option<SystemTime> {
        self.started_event(event)?.started_at
    }

    /// When the event of this hook started, if it is in progress.
    pub fn own_event_started_at(&self, hook: Hook) -> Option<SystemTime> {
        self.started_event(hook.event_name()).filter(|begun| begun.in_progress)?.started_at
    }

    fn started_event(&self, event: &str) -> Option<&StartedEvent> {
        let Self::Started(begun) = self else { return None };
        begun.iter().find(|begun| begun.event == event)
    }

    /// Compares the progress with the event of this hook.
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
            // CodeDeploy invokes no function for its own events, so its record lags behind the invocation.
            EventMatch::NotYetKnown(format!("CodeDeploy's record still has {} in progress", running.join(", ")))
        }
    }
}

/// Whether the lifecycle event in progress is that of the hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventMatch {
    /// It is the hook's event.
    Matches,
    /// It is the event of another hook, which is named here.
    OtherEvent(String),
    NoneInProgress,
    /// CodeDeploy's record does not show it yet.
    NotYetKnown(String),
    /// It could not be read.
    Unknown {
        code: ReasonCode,
        /// The message from AWS.
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
