//! What a scenario makes happen during a deployment: after a lifecycle event, with an optional delay.

use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::{AlarmTransition, Change, DeploymentBehaviour, EVENTS, Health, TasksStop, World, span};

/// Something that happens during the deployment. Exactly one of the last five keys says what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduledEvent {
    /// It happens when this lifecycle event is over, after `delay`.
    pub after: String,
    /// The time after that lifecycle event.
    #[serde(default, with = "span")]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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
    pub(super) fn check(&self) -> anyhow::Result<()> {
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

impl World {
    /// Schedules what happens after a lifecycle event, which has just ended.
    pub fn schedule_after(&mut self, course: &DeploymentBehaviour, event: &str, now: SystemTime) {
        for AlarmTransition { name, delay, reason, .. } in
            course.alarms.iter().filter(|alarm| alarm.fires_after == event)
        {
            let change = Change::AlarmState { name: name.clone(), state: "ALARM".into(), reason: reason.clone() };
            self.schedule_with_event(now + *delay, change, format!("alarm {name} begins to fire"));
        }
        for then in course.events.iter().filter(|then| then.after == event) {
            self.schedule_changes(then, now + then.delay);
        }
    }

    fn schedule_changes(&mut self, then: &ScheduledEvent, when: SystemTime) {
        if let Some(AlarmStateChange { name, state, reason }) = &then.alarm {
            let change = Change::AlarmState { name: name.clone(), state: state.clone(), reason: reason.clone() };
            let text = match state.as_str() {
                "ALARM" => format!("alarm {name} begins to fire"),
                "OK" => format!("alarm {name} is OK"),
                _ => format!("alarm {name} has no data any more"),
            };
            self.schedule_with_event(when, change, text);
        }
        // The other changes need a replacement.
        let Some(set) = self.green().map(|set| set.id.clone()) else { return };
        if let Some(TargetHealthChange { state, reason, description }) = &then.targets {
            let health = Health { state: state.clone(), reason: reason.clone(), description: description.clone() };
            let text = format!("the targets of the replacement turn {state}");
            self.schedule_with_event(when, Change::TaskSetTargetHealth { set: set.clone(), health }, text);
        }
        if let Some(stop) = &then.task_stops {
            let text = format!("a task of the replacement stops: {}", stop.code);
            self.schedule_with_event(when, Change::TaskLost { set: set.clone(), stop: stop.clone() }, text);
        }
        if let Some(less) = then.scaled_in {
            let by = i32::try_from(less).unwrap_or(i32::MAX);
            let text = format!("the service is scaled in by {less}");
            self.schedule_with_event(when, Change::ScaledIn { set: set.clone(), by }, text);
        }
        if let Some(more) = then.scaled_out {
            let by = i32::try_from(more).unwrap_or(i32::MAX);
            let text = format!("the service is scaled out by {more}");
            self.schedule_with_event(when, Change::ScaledOut { set, by }, text);
        }
    }
}
