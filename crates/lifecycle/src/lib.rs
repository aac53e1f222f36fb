//! Words that all crates share: the lifecycle events of a deployment, its two versions and listeners, the ids and
//! the status of a hook, and how durations and suggestions are written. It depends on nothing that can do I/O.

mod colour;
mod duration;
mod hook;
mod ids;
mod printable;
mod status;
mod suggestion;
mod traffic_route;

pub use self::{
    colour::Colour,
    duration::format_duration,
    hook::Hook,
    ids::{DeploymentId, ExecutionId, InvalidId},
    printable::{is_printable, printable},
    status::Status,
    suggestion::suggest,
    traffic_route::TrafficRoute,
};
