//! How production traffic is shifted: all at once, or in steps, as in CodeDeploy's deployment configurations for ECS.

use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::{Change, DeploymentBehaviour, DeploymentController, SwitchTiming, World, span};

/// A shift in steps. Without one, all traffic shifts at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrafficShift {
    /// The share of the first step, in per cent.
    pub first: i32,
    /// The share of each further step. Default: the second step shifts all the rest.
    #[serde(default)]
    pub each: Option<i32>,
    /// The time from one step to the next.
    #[serde(with = "span")]
    pub every: Duration,
}

impl TrafficShift {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let shares = (1..=99).contains(&self.first) && self.each.is_none_or(|each| (1..=99).contains(&each));
        anyhow::ensure!(shares, "`first` and `each` must be from 1 to 99 per cent");
        Ok(())
    }

    /// The replacement's share after each step.
    fn shares(self) -> Vec<i32> {
        let mut shares = vec![self.first];
        while let Some(last) = shares.last().copied().filter(|last| *last < 100) {
            shares.push(self.each.map_or(100, |each| (last + each).min(100)));
        }
        shares
    }

    /// The name of CodeDeploy's deployment configuration. The times here are shorter than in any of CodeDeploy's own.
    const fn config(shift: Option<Self>) -> &'static str {
        match shift {
            None => "CodeDeployDefault.ECSAllAtOnce",
            Some(Self { each: None, .. }) => "CodeDeployDefault.ECSCanary10Percent5Minutes",
            Some(Self { each: Some(_), .. }) => "CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
        }
    }
}

impl World {
    /// Sets the deployment configuration and the creator of the newest deployment.
    pub(crate) fn configure(&mut self, course: &DeploymentBehaviour) {
        self.deployment().config = TrafficShift::config(course.shift).to_owned();
        if self.initial.managed_by == DeploymentController::CloudFormation {
            self.deployment().creator = "CloudFormation".to_owned();
        }
    }

    /// Schedules the shift of production traffic to the replacement. Returns how long it takes.
    pub(super) fn shift_traffic(
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
        let group = |set: Option<&mut super::TaskSet>| set.and_then(|set| set.target_group().map(str::to_owned));
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_has_two_steps_and_a_linear_shift_as_many_as_it_takes() {
        let canary = TrafficShift { first: 10, each: None, every: Duration::from_secs(1) };
        assert_eq!(canary.shares(), [10, 100]);
        let linear = TrafficShift { first: 30, each: Some(30), ..canary };
        assert_eq!(linear.shares(), [30, 60, 90, 100]);
    }
}
