//! What a scenario makes happen during a deployment: after a lifecycle event, with an optional delay.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    duration_text,
    world::{EVENTS, TasksStop},
};

/// Something that happens during the deployment. Exactly one of the last five keys says what.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduledEvent {
    /// It happens when this lifecycle event is over, after `delay`.
    pub after: String,
    /// The time after that lifecycle event.
    #[serde(default, with = "duration_text")]
    #[schemars(with = "String")]
    pub delay: Duration,
    /// An alarm changes its state.
    #[serde(default)]
    pub alarm: Option<AlarmStateChange>,
    /// The health of all targets of the replacement changes.
    #[serde(default)]
    pub targets: Option<TargetHealthChange>,
    /// One task of the replacement ends, and ECS starts another one.
    #[serde(default)]
    pub task_stops: Option<TasksStop>,
    /// The service is scaled in: the replacement's desired count decreases by this many tasks.
    #[serde(default)]
    pub scaled_in: Option<u32>,
    /// The service is scaled out: the replacement's desired count increases by this many tasks.
    #[serde(default)]
    pub scaled_out: Option<u32>,
}

/// An alarm changes its state.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmStateChange {
    /// Its name.
    pub name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// The reason in CloudWatch's words.
    #[serde(default)]
    pub reason: String,
}

/// The health of targets changes.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetHealthChange {
    /// `unhealthy`, `healthy`, `draining`, ….
    pub state: String,
    /// ELB's reason code.
    #[serde(default)]
    pub reason: Option<String>,
    /// The description in ELB's words.
    #[serde(default)]
    pub description: Option<String>,
}

impl ScheduledEvent {
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let after = &self.after;
        anyhow::ensure!(
            EVENTS.contains(&after.as_str()),
            "an event has `after: {after}`, which is not a lifecycle event"
        );
        let scaled = [self.scaled_in.is_some(), self.scaled_out.is_some()];
        let said = [self.alarm.is_some(), self.targets.is_some(), self.task_stops.is_some()];
        let said = said.into_iter().chain(scaled).filter(|said| *said).count();
        anyhow::ensure!(said == 1, "the event after {after} has {said} changes, and must have one");
        let states = ["OK", "ALARM", "INSUFFICIENT_DATA"];
        if let Some(alarm) = &self.alarm {
            anyhow::ensure!(states.contains(&alarm.state.as_str()), "{:?} is not an alarm state", alarm.state);
        }
        Ok(())
    }
}
