//! The kinds of check, one file each. A check looks at the world through a [`Scene`] and returns an observation.
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
    tasks::Colour,
};
use crate::{
    aws::Aws,
    finding::{Observation, Policies},
    gate::{MapReader, Referenced},
    model::DeploymentView,
    permissions::Requirement,
    secrets::Secrets,
};

/// So many checks make an attempt at once, however many wait for their next one: a thousand that ask AWS together would time
/// out waiting for each other.
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

/// Kinds that are read and validated, and refused: this version cannot make them.
pub const UNSUPPORTED_KINDS: &[CheckKind] = &[metric::KIND, steps::KIND];

/// The kinds that a gate file may use: those of [`KINDS`], and in tests of whole programs one that no manual has.
pub fn kinds() -> impl Iterator<Item = &'static CheckKind> {
    #[cfg(feature = "sabotage")]
    const MORE: &[CheckKind] = &[chaos::KIND];
    #[cfg(not(feature = "sabotage"))]
    const MORE: &[CheckKind] = &[];
    KINDS.iter().chain(MORE)
}

/// A kind of check: its key in the gate file, and how to read one.
pub struct CheckKind {
    /// The key.
    pub key: &'static str,
    /// Reads its keys; faults go into `fields`.
    pub read: fn(fields: &mut MapReader<'_>) -> Option<Arc<dyn Check>>,
}

/// What a check is looking for, on its way.
pub type CheckFuture<'a> = Pin<Box<dyn Future<Output = Observation> + Send + 'a>>;

/// One check of a gate file.
pub trait Check: fmt::Debug + Send + Sync {
    /// A name for it, where the file gives none.
    fn default_name(&self) -> String;

    /// The address that its kind uses, and so has to wait for, beside those that its templates name.
    fn required_route(&self) -> Option<TrafficRoute> {
        None
    }

    /// The address that it opens for others: it is a barrier.
    fn unblocks(&self) -> Option<TrafficRoute> {
        None
    }

    /// What it names that has to exist for it to find anything.
    fn references(&self) -> Vec<Referenced> {
        Vec::new()
    }

    /// What it asks AWS for, beside what every hook asks for and what its templates name.
    fn requirements(&self) -> Vec<Requirement> {
        Vec::new()
    }

    /// What will be wrong with its requests, by what is known of the listeners before anything is deployed.
    fn predict_failure(&self, _routing: &Routing<'_>) -> Option<Observation> {
        None
    }

    /// Looks, until it knows. Whoever runs it cuts it off when time is up.
    fn run<'a>(&'a self, cx: &'a CheckContext) -> CheckFuture<'a>;
}

/// One of the two ways to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrafficRoute {
    /// The test listener.
    Test,
    /// The production listener.
    Production,
}

impl TrafficRoute {
    /// The words of a gate file.
    pub const VARIANTS: [(&'static str, Self); 2] = [("test", Self::Test), ("production", Self::Production)];

    /// The word in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Production => "production",
        }
    }

    /// The barrier that every check on this address waits for, where the gate file has none.
    pub fn implicit_barrier(self) -> Arc<dyn Check> {
        Arc::new(forwards_to::ForwardsTo::implicit(self))
    }
}

/// What every check gets to look at.
#[derive(Clone, Debug)]
pub struct CheckContext {
    /// What discovery found.
    pub target: Arc<DeploymentView>,
    /// AWS, for what moves.
    pub aws: Aws,
    /// HTTP and TCP.
    pub http_client: HttpClient,
    /// `ALB_URL`, in place of the test listener's address.
    pub test_address: Option<String>,
    /// `GREENLIGHT_HOST`.
    pub host: Option<String>,
    /// Facts that are known before any check runs: the variables of the function.
    pub env_facts: Arc<facts::ResolvedFacts>,
    /// The gate file of all hooks.
    pub gate_file: Arc<GateFileInput>,
    /// The secrets of the gate file.
    pub secrets: Arc<Secrets>,
    /// When customers began to come to the replacement, where they did: what has to be quiet has to be so since then.
    pub traffic_since: Option<SystemTime>,
    /// What the outcomes of this check mean.
    pub policies: Policies,
    /// The listeners with their rules, as they were read last.
    pub listeners: Arc<ListenerCache>,
    /// One for each attempt that is being made.
    pub permits: Arc<Semaphore>,
    /// When all checks have to be over.
    pub deadline: Instant,
}
