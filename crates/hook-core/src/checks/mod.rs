//! The kinds of check, one file each. A check observes through a [`CheckContext`] and returns an observation.
//!
//! A new kind is one file with a `KIND`, and one line in [`KINDS`].

mod address;
mod alarm_memory;
mod alarms;
mod attempt_counter;
mod body_template;
#[cfg(feature = "sabotage")]
mod chaos;
mod conditions;
mod connection;
mod facts;
mod forwards_to;
mod grpc;
mod health_check;
mod health_check_method;
mod http;
mod http_client;
mod image;
mod listener_rules;
mod metric;
mod poll;
mod prediction;
mod preflight;
mod proof;
mod request_template;
mod response;
mod steps;
mod tally;
mod targets;
mod task_set;
mod tasks;
mod tcp;
mod tcp_connect;
mod tls;
pub(crate) mod unbound;
pub(crate) mod unsupported;

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::SystemTime};

use tokio::{sync::Semaphore, time::Instant};

use self::address::{ListenerAddress, RoutedRequest};
pub use self::{
    address::{Routing, with_scheme},
    facts::{ResolvedFacts as KnownFacts, requirements_for_fact},
    http::alb_url_check,
    http_client::HttpClient,
    listener_rules::ListenerCache,
    prediction::{GateFileInput, predict_failures},
};
use crate::{
    aws::Aws,
    finding::{Observation, Policies},
    gate::{MapReader, Referenced},
    model::DeploymentView,
    permissions::Requirement,
    secrets::Secrets,
};
pub use lifecycle::{Colour, TrafficRoute};

/// The most attempts that run at the same time, however many checks wait for their next one. If a thousand sent AWS
/// requests at once, they would time out while waiting for each other.
pub const MAX_PARALLEL_ATTEMPTS: usize = 64;

/// Every kind of check, by the key that names it in a gate file.
pub const KINDS: &[CheckKind] = &[
    alarms::KIND,
    health_check::KIND,
    tasks::KIND,
    grpc::KIND,
    http::KIND,
    image::KIND,
    preflight::KIND,
    forwards_to::KIND,
    targets::KIND,
    tcp::KIND,
];

/// Kinds that are parsed and validated, but rejected: this version cannot run them.
pub const UNSUPPORTED_KINDS: &[CheckKind] = &[metric::KIND, steps::KIND];

/// The kinds that a gate file can use: those in [`KINDS`], and an undocumented one in tests of whole programs.
pub fn kinds() -> impl Iterator<Item = &'static CheckKind> {
    #[cfg(feature = "sabotage")]
    const MORE: &[CheckKind] = &[chaos::KIND];
    #[cfg(not(feature = "sabotage"))]
    const MORE: &[CheckKind] = &[];
    KINDS.iter().chain(MORE)
}

/// A kind of check: its key in the gate file, and how to read it.
pub struct CheckKind {
    pub key: &'static str,
    /// Reads the keys of a check. Errors go into `fields`.
    pub read: fn(fields: &mut MapReader<'_>) -> Option<Arc<dyn Check>>,
}

/// A check that is running.
pub type CheckFuture<'a> = Pin<Box<dyn Future<Output = Observation> + Send + 'a>>;

/// One check of a gate file.
pub trait Check: fmt::Debug + Send + Sync {
    /// The check's name if the file gives it none.
    fn default_name(&self) -> String;

    /// The listener whose barrier this kind waits for, in addition to those that its templates refer to.
    fn required_route(&self) -> Option<TrafficRoute> {
        None
    }

    /// The listener that other checks can use after this one has passed. If there is one, this check is a barrier.
    fn unblocks(&self) -> Option<TrafficRoute> {
        None
    }

    /// The resources that must exist so that the check can find anything.
    fn references(&self) -> Vec<Referenced> {
        Vec::new()
    }

    /// What it reads from AWS, in addition to what every hook reads and what its templates need.
    fn requirements(&self) -> Vec<Requirement> {
        Vec::new()
    }

    /// Predicts what will be wrong with its requests, from what is known about the listeners before anything is
    /// deployed.
    fn predict_failure(&self, _routing: &Routing<'_>) -> Option<Observation> {
        None
    }

    /// Runs the check until it has a result. The caller stops it when time runs out.
    fn run<'a>(&'a self, cx: &'a CheckContext) -> CheckFuture<'a>;
}

/// The barrier that every check on this listener waits for if the gate file has none.
pub fn implicit_barrier(route: TrafficRoute) -> Arc<dyn Check> {
    Arc::new(forwards_to::ForwardsTo::implicit(route))
}

/// What a check can use.
#[derive(Clone, Debug)]
pub struct CheckContext {
    /// What discovery found.
    pub target: Arc<DeploymentView>,
    /// The AWS client, for what changes during the deployment.
    pub aws: Aws,
    /// The client for HTTP and TCP.
    pub http_client: HttpClient,
    /// `ALB_URL`, used in place of the test listener's address.
    pub test_address: Option<String>,
    /// `GREENLIGHT_HOST`.
    pub host: Option<String>,
    /// The facts that are known before any check runs: the function's variables.
    pub env_facts: Arc<facts::ResolvedFacts>,
    /// The gate file of all hooks.
    pub gate_file: Arc<GateFileInput>,
    /// The secrets of the gate file.
    pub secrets: Arc<Secrets>,
    /// When customers' requests began to reach the replacement, if they do. Alarms are checked from that time on.
    pub traffic_since: Option<SystemTime>,
    /// What the outcomes of this check mean for the deployment.
    pub policies: Policies,
    /// The listeners with their rules, as they were last read.
    pub listeners: Arc<ListenerCache>,
    /// Limits how many attempts run at the same time.
    pub permits: Arc<Semaphore>,
    /// When all checks must have ended.
    pub deadline: Instant,
}
