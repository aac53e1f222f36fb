//! Schedules what a scenario makes happen after a lifecycle event.

use std::time::SystemTime;

use crate::world::{
    AlarmStateChange, AlarmTransition, Change, DeploymentBehaviour, Health, ScheduledEvent, TargetHealthChange, World,
};

impl World {
    /// Schedules what happens after a lifecycle event, which has just ended.
    pub fn schedule_after(&mut self, behaviour: &DeploymentBehaviour, event: &str, now: SystemTime) {
        for AlarmTransition { name, delay, reason, .. } in
            behaviour.alarms.iter().filter(|alarm| alarm.fires_after == event)
        {
            let change = Change::AlarmState { name: name.clone(), state: "ALARM".into(), reason: reason.clone() };
            self.schedule_with_event(now + *delay, change, format!("alarm {name} begins to fire"));
        }
        for then in behaviour.events.iter().filter(|then| then.after == event) {
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
