//! Why an evaluation ended before a check ran, as data.

use crate::{
    finding::{Observation, Policies, Policy},
    phase::Phase,
};

/// Policies of a problem that stops the deployment.
pub const STRICT: Policies = Policies { on_fail: Policy::Fail, on_error: Policy::Fail, no_data: Policy::Fail };
/// Policies of something that is only reported.
pub const WARN: Policies = Policies { on_fail: Policy::Warn, on_error: Policy::Warn, no_data: Policy::Warn };

/// The reason for which an evaluation ended early. It becomes the last finding, and so it decides the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    pub phase: Phase,
    /// What the observation means for the deployment.
    pub policies: Policies,
    /// Boxed, because every step returns a conclusion or something smaller.
    pub observation: Box<Observation>,
}

impl Conclusion {
    /// A conclusion that stops the deployment, unless its observation is not a failure: `checks: none`.
    pub fn strict(phase: Phase, observation: Observation) -> Self {
        Self { phase, policies: STRICT, observation: Box::new(observation) }
    }

    /// A conclusion that lets the deployment continue, with a warning.
    pub fn warning(phase: Phase, observation: Observation) -> Self {
        Self { phase, policies: WARN, observation: Box::new(observation) }
    }
}
