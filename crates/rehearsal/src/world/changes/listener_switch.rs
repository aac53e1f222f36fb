//! Switches the listeners of a deployment to the replacement, at once or in steps.

use std::time::{Duration, SystemTime};

use crate::world::{Change, SwitchTiming, TaskSet, TrafficShift, World};

impl World {
    /// Schedules the shift of production traffic to the replacement. Returns how long it takes.
    pub(crate) fn shift_traffic(
        &mut self,
        shift: Option<TrafficShift>,
        switch: SwitchTiming,
        now: SystemTime,
    ) -> Duration {
        let pair = self.group.pair.clone();
        let listener = pair.as_ref().and_then(|pair| pair.production.clone());
        let idle = self.supports_weights();
        let Some(TrafficShift { every, .. }) = shift else {
            self.switch_listener(listener, switch, now, idle);
            return Duration::ZERO;
        };
        let (Some(listener), SwitchTiming::After(lag)) = (listener, switch) else { return Duration::ZERO };
        let group = |set: Option<&mut TaskSet>| set.and_then(|set| set.target_group().map(str::to_owned));
        let (Some(green), Some(blue)) = (group(self.green()), group(self.blue())) else { return Duration::ZERO };
        let name = self.target_group(&green).map(|group| group.name.clone()).unwrap_or_default();
        let mut when = now + lag;
        let mut took = Duration::ZERO;
        for (step, share) in shift.map(TrafficShift::shares).unwrap_or_default().into_iter().enumerate() {
            if step > 0 {
                when += every;
                took += every;
            }
            let to = vec![(green.clone(), share), (blue.clone(), 100 - share)];
            let change = Change::ListenerForwards { listener: listener.clone(), to };
            self.schedule_with_event(when, change, format!("production listener: {share} % to {name}"));
        }
        took
    }

    /// Schedules the switch of a listener to the replacement.
    pub(crate) fn switch_listener(
        &mut self,
        listener: Option<String>,
        switch: SwitchTiming,
        now: SystemTime,
        keep_idle: bool,
    ) {
        let (Some(listener), SwitchTiming::After(lag)) = (listener, switch) else { return };
        let Some(green) = self.green().and_then(|set| set.target_group().map(str::to_owned)) else { return };
        let to = self.forward_only_to(&green, keep_idle);
        self.schedule(now + lag, Change::ListenerForwards { listener, to });
    }

    /// All traffic to one target group. On the production listener the other group stays, with weight 0.
    pub(super) fn forward_only_to(&self, group: &str, keep_idle: bool) -> Vec<(String, i32)> {
        let names: Vec<_> = self.group.pair.iter().flat_map(|pair| &pair.target_groups).collect();
        let pair = self.target_groups.iter().filter(|it| names.contains(&&it.name));
        let weights = pair.map(|it| (it.arn.clone(), if it.arn == group { 100 } else { 0 }));
        weights.filter(|(_, weight)| keep_idle || *weight > 0).collect()
    }
}
