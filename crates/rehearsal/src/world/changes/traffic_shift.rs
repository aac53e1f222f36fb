//! How production traffic is shifted: all at once, or in steps, as in CodeDeploy's deployment configurations for ECS.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::duration_text;

/// A shift in steps. Without one, all traffic shifts at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrafficShift {
    /// The share of the first step, in per cent.
    pub first: i32,
    /// The share of each further step. Default: the second step shifts all the rest.
    #[serde(default)]
    pub each: Option<i32>,
    /// The time from one step to the next.
    #[serde(with = "duration_text")]
    #[schemars(with = "String")]
    pub every: Duration,
}

impl TrafficShift {
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let shares = (1..=99).contains(&self.first) && self.each.is_none_or(|each| (1..=99).contains(&each));
        anyhow::ensure!(shares, "`first` and `each` must be from 1 to 99 per cent");
        Ok(())
    }

    /// The replacement's share after each step.
    pub(super) fn shares(self) -> Vec<i32> {
        let mut shares = vec![self.first];
        while let Some(last) = shares.last().copied().filter(|last| *last < 100) {
            shares.push(self.each.map_or(100, |each| (last + each).min(100)));
        }
        shares
    }

    /// The name of CodeDeploy's deployment configuration. The times here are shorter than in any of CodeDeploy's own.
    pub(super) const fn config(shift: Option<Self>) -> &'static str {
        match shift {
            None => "CodeDeployDefault.ECSAllAtOnce",
            Some(Self { each: None, .. }) => "CodeDeployDefault.ECSCanary10Percent5Minutes",
            Some(Self { each: Some(_), .. }) => "CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
        }
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
