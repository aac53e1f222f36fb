//! The kinds of check, one file each. A check looks at the world through a [`Scene`] and returns an observation.
//!
//! A new kind is one file with a `KIND`, and one line in [`KINDS`].

mod address;
mod alarm_memory;
mod alarms;
mod answers;
mod attempts;
mod body;
mod connection;
mod ecs;
mod foreseen;
mod grpc;
mod health_check;
mod http;
mod image;
mod judge;
mod known;
pub(crate) mod later;
mod listener_rules;
mod metric;
mod poll;
mod preflight;
mod probe;
mod proof;
mod question;
mod reach;
mod reply;
#[cfg(feature = "sabotage")]
mod sabotage;
mod steps;
mod tally;
mod targets;
mod tcp;
mod tls;
pub(crate) mod unbound;
mod way;

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::SystemTime};

use tokio::{sync::Semaphore, time::Instant};

use self::address::{Address, Wanted};
pub use self::{
    address::{Routing, with_scheme},
    ecs::Colour,
    foreseen::{GateOfAll, foreseen},
    http::article,
    known::{Facts as KnownFacts, needs_of_fact},
    listener_rules::FreshListeners,
    probe::Probe,
};
use crate::{
    aws::Aws,
    finding::{Observation, Policies},
    gate::{Fields, Named},
    permissions::Need,
    secrets::Secrets,
    target::Target,
};

/// So many checks make an attempt at once, however many wait for their next one: a thousand that ask AWS together would time
/// out waiting for each other.
pub const ATTEMPTS_AT_ONCE: usize = 64;

/// Every kind of check, by the key that names it in a gate file.
pub const KINDS: &[Kind] = &[
    alarms::KIND,
    answers::KIND,
    ecs::KIND,
    grpc::KIND,
    http::KIND,
    image::KIND,
    preflight::KIND,
    reach::KIND,
    targets::KIND,
    tcp::KIND,
];

/// Kinds that are read and validated, and refused: this version cannot make them.
pub const LATER: &[Kind] = &[metric::KIND, steps::KIND];

/// The kinds that a gate file may use: those of [`KINDS`], and in tests of whole programs one that no manual has.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    #[cfg(feature = "sabotage")]
    const MORE: &[Kind] = &[sabotage::KIND];
    #[cfg(not(feature = "sabotage"))]
    const MORE: &[Kind] = &[];
    KINDS.iter().chain(MORE)
}

/// A kind of check: its key in the gate file, and how to read one.
pub struct Kind {
    /// The key.
    pub key: &'static str,
    /// Reads its keys; faults go into `fields`.
    pub read: fn(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>>,
}

/// What a check is looking for, on its way.
pub type Looking<'a> = Pin<Box<dyn Future<Output = Observation> + Send + 'a>>;

/// One check of a gate file.
pub trait Check: fmt::Debug + Send + Sync {
    /// A name for it, where the file gives none.
    fn title(&self) -> String;

    /// The address that its kind uses, and so has to wait for, beside those that its templates name.
    fn uses(&self) -> Option<Route> {
        None
    }

    /// The address that it opens for others: it is a barrier.
    fn opens(&self) -> Option<Route> {
        None
    }

    /// What it names that has to exist for it to find anything.
    fn names(&self) -> Vec<Named> {
        Vec::new()
    }

    /// What it asks AWS for, beside what every hook asks for and what its templates name.
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    /// What will be wrong with its requests, by what is known of the listeners before anything is deployed.
    fn foreseen(&self, _routing: &Routing<'_>) -> Option<Observation> {
        None
    }

    /// Looks, until it knows. Whoever runs it cuts it off when time is up.
    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a>;
}

/// One of the two ways to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// The test listener.
    Test,
    /// The production listener.
    Production,
}

impl Route {
    /// The words of a gate file.
    pub const WORDS: [(&'static str, Self); 2] = [("test", Self::Test), ("production", Self::Production)];

    /// The word in messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Production => "production",
        }
    }

    /// The barrier that every check on this address waits for, where the gate file has none.
    pub fn implied_barrier(self) -> Arc<dyn Check> {
        Arc::new(reach::Reach::implied(self))
    }
}

/// What every check gets to look at.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What discovery found.
    pub target: Arc<Target>,
    /// AWS, for what moves.
    pub aws: Aws,
    /// HTTP and TCP.
    pub probe: Probe,
    /// `ALB_URL`, in place of the test listener's address.
    pub test_address: Option<String>,
    /// `GREENLIGHT_HOST`.
    pub host: Option<String>,
    /// Facts that are known before any check runs: the variables of the function.
    pub given: Arc<known::Facts>,
    /// The gate file of all hooks.
    pub gate: Arc<GateOfAll>,
    /// The secrets of the gate file.
    pub secrets: Arc<Secrets>,
    /// When customers began to come to the replacement, where they did: what has to be quiet has to be so since then.
    pub traffic_since: Option<SystemTime>,
    /// What the outcomes of this check mean.
    pub policies: Policies,
    /// The listeners with their rules, as they were read last.
    pub listeners: Arc<FreshListeners>,
    /// One for each attempt that is being made.
    pub permits: Arc<Semaphore>,
    /// When all checks have to be over.
    pub until: Instant,
}
