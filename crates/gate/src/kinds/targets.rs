//! `targets: green` and `targets: blue`: the targets of one version's target group, as the load balancer sees them.

use std::time::Duration;

use lifecycle::{Colour, TrafficRoute};

use super::{KindSpec, PollPolicy};
use crate::{AwsOperation, Condition, MapReader, Subject, permissions::Requirement, reason_code::ReasonCode};

pub(super) const KEY: &str = "targets";

const SUBJECTS: &[Subject] = &[
    Subject::count("healthy", ReasonCode::TargetsUnhealthy),
    Subject::count("registered", ReasonCode::TargetsUnhealthy),
    Subject::count("unhealthy", ReasonCode::TargetsUnhealthy),
    Subject::count("desired", ReasonCode::TargetsUnhealthy).optional(),
];

/// Conditions on the targets of a version.
#[derive(Clone, Debug)]
pub struct TargetsSpec {
    pub colour: Colour,
    pub poll_policy: PollPolicy,
    pub expect: Vec<Condition>,
}

pub(super) fn read(fields: &mut MapReader<'_>) -> Option<TargetsSpec> {
    let colour = fields.variant("targets", &Colour::VARIANTS);
    let poll_policy =
        PollPolicy::read(fields, &PollPolicy { every: Duration::from_secs(5), ..PollPolicy::SINGLE_ATTEMPT });
    let expect = fields.expect_required(SUBJECTS, "[healthy >= 1]");
    Some(TargetsSpec { colour: colour?, poll_policy, expect })
}

impl KindSpec for TargetsSpec {
    fn key(&self) -> &'static str {
        KEY
    }

    fn default_name(&self) -> String {
        format!("targets {}", self.colour.as_str())
    }

    fn required_route(&self) -> Option<TrafficRoute> {
        None
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn colour(&self) -> Option<Colour> {
        Some(self.colour)
    }

    fn poll_policy(&self) -> Option<&PollPolicy> {
        Some(&self.poll_policy)
    }

    fn expect(&self) -> &[Condition] {
        &self.expect
    }

    fn requirements(&self) -> Vec<Requirement> {
        vec![
            Requirement::new(AwsOperation::TargetHealth, "to see the health of targets"),
            Requirement::new(AwsOperation::Service, "to know how many targets there should be"),
            Requirement::new(AwsOperation::Tasks, "to know which targets are tasks of the task set"),
            Requirement::new(
                AwsOperation::ListenerRefresh,
                "to know whether a listener forwards to targets that are unused",
            ),
        ]
    }
}
