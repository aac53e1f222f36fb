//! The task set of one version, as a check looks for it.

use aws_client::model::{Deployment, Service, TaskSet};
use gate::ReasonCode;
use lifecycle::Colour;

/// The code for a missing task set.
pub(super) const fn missing_code(colour: Colour) -> ReasonCode {
    match colour {
        Colour::Green => ReasonCode::ReplacementMissing,
        Colour::Blue => ReasonCode::OriginalNotSteady,
    }
}

/// The task set of this version.
pub(super) fn find_task_set<'a>(colour: Colour, service: &'a Service, deployment: &Deployment) -> Option<&'a TaskSet> {
    match colour {
        Colour::Green => service.green(deployment),
        Colour::Blue => service.blue(deployment),
    }
}

/// How CodeDeploy calls the task set of a colour.
pub const fn role(colour: Colour) -> &'static str {
    match colour {
        Colour::Green => "replacement",
        Colour::Blue => "original",
    }
}
