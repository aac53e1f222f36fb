//! Runs the checks, one file for each kind. A check observes through a [`CheckContext`] and returns an observation. What
//! it has to do is in its spec, which the crate `gate` reads from the gate file.

mod address;
mod alarm_memory;
mod alarms;
mod attempt_counter;
mod body_template;
#[cfg(feature = "sabotage")]
mod chaos;
mod conditions;
mod connection;
mod context;
mod egress;
mod facts;
mod forwards_to;
mod grpc;
mod health_check;
mod health_check_method;
mod http;
mod http_client;
mod image;
mod leads_to_green;
mod listener_rules;
mod poll;
mod prediction;
mod preflight;
mod proof;
mod request_template;
mod response;
mod tally;
mod targets;
mod task_set;
mod tasks;
mod tcp;
mod tcp_connect;
mod tls;
mod transport_error;
mod unbound;

use gate::{CheckSpec, Kind};
pub use lifecycle::{Colour, TrafficRoute};

use self::{
    address::{ListenerAddress, RoutedRequest},
    unbound::mark_version_unverified,
};
pub use self::{
    address::{Routing, with_scheme},
    context::{CheckContext, GateFileInput, KnownFacts},
    egress::EgressPolicy,
    http_client::HttpClient,
    prediction::predict_failures,
};
use crate::finding::Observation;

/// The most attempts that run at the same time, however many checks wait for their next one. If a thousand sent AWS
/// requests at once, they would time out while waiting for each other.
pub const MAX_PARALLEL_ATTEMPTS: usize = 64;

/// Runs a check until it has a result. The caller stops it when time runs out.
pub async fn run(spec: &CheckSpec, cx: &CheckContext) -> Observation {
    match &spec.check {
        Kind::Alarms(spec) => alarms::run(spec, cx).await,
        #[cfg(feature = "sabotage")]
        Kind::Chaos(spec) => chaos::run(spec, cx).await,
        Kind::ForwardsTo(spec) => forwards_to::run(spec, cx).await,
        Kind::Grpc(spec) => mark_version_unverified(spec.warns_unbound, grpc::run(spec, cx).await),
        Kind::HealthCheck(spec) => health_check::run(spec, cx).await,
        Kind::Http(spec) => mark_version_unverified(spec.warns_unbound, http::run(spec, cx).await),
        Kind::Image(spec) => image::run(spec, cx).await,
        Kind::Preflight(spec) => preflight::run(spec, cx).await,
        Kind::Targets(spec) => targets::run(spec, cx).await,
        Kind::Tasks(spec) => tasks::run(spec, cx).await,
        Kind::Tcp(spec) => tcp::run(spec, cx).await,
    }
}

/// Predicts what will be wrong with the requests of a check, from what is known about the listeners before anything is
/// deployed.
fn predict_failure(check: &Kind, routing: &Routing<'_>) -> Option<Observation> {
    match check {
        Kind::ForwardsTo(spec) => forwards_to::predict_failure(spec, routing),
        Kind::Grpc(spec) => grpc::predict_failure(spec, routing),
        Kind::HealthCheck(spec) => health_check::predict_failure(spec, routing),
        Kind::Http(spec) => http::predict_failure(spec, routing),
        #[cfg(feature = "sabotage")]
        Kind::Chaos(_) => None,
        Kind::Alarms(_) | Kind::Image(_) | Kind::Preflight(_) | Kind::Targets(_) | Kind::Tasks(_) | Kind::Tcp(_) => {
            None
        }
    }
}
