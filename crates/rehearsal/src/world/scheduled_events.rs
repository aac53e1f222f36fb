//! What happens on the way of a deployment by a scenario's will: after a lifecycle event, and perhaps a while later.

use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::{AlarmTransition, Change, DeploymentBehaviour, EVENTS, Health, TasksStop, World, span};

/// Something that happens on the way. Exactly one of the last five keys says what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduledEvent {
    /// When this lifecycle event is over …
    pub after: String,
    /// … and so much later.
    #[serde(default, with = "span")]
    pub delay: Duration,
    /// An alarm changes its state.
    #[serde(default)]
    pub alarm: Option<AlarmStateChange>,
    /// The health of all targets of the replacement changes.
    #[serde(default)]
    pub targets: Option<TargetHealthChange>,
    /// One task of the replacement ends, and another one is started for it.
    #[serde(default)]
    pub task_stops: Option<TasksStop>,
    /// The service is scaled in: the replacement gets along with so many tasks less.
    #[serde(default)]
    pub scaled_in: Option<u32>,
    /// The service is scaled out: the replacement gets so many tasks more.
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
    /// CloudWatch's words.
    #[serde(default)]
    pub reason: String,
}

/// The health of targets changes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetHealthChange {
    /// `unhealthy`, `healthy`, `draining`, ….
    pub state: String,
    /// ELB's code.
    #[serde(default)]
    pub reason: Option<String>,
    /// ELB's words.
    #[serde(default)]
    pub description: Option<String>,
}

impl ScheduledEvent {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let after = &self.after;
        anyhow::ensure!(
            EVENTS.contains(&after.as_str()),
            "something happens after {after:?}, which is no lifecycle event"
        );
        let scaled = [self.scaled_in.is_some(), self.scaled_out.is_some()];
        let said = [self.alarm.is_some(), self.targets.is_some(), self.task_stops.is_some()];
        let said = said.into_iter().chain(scaled).filter(|said| *said).count();
        anyhow::ensure!(said == 1, "what happens after {after} is not one thing but {said}");
        let states = ["OK", "ALARM", "INSUFFICIENT_DATA"];
        if let Some(alarm) = &self.alarm {
            anyhow::ensure!(states.contains(&alarm.state.as_str()), "{:?} is no state of an alarm", alarm.state);
        }
        Ok(())
    }
}

impl World {
    /// A lifecycle event is over: plans what happens after it.
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
        // What happens to the replacement needs one.
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
