//! The kinds of check, one file each. A check looks at the world through a [`Scene`] and returns an observation.
//!
//! A new kind is one file with a `KIND`, and one line in [`KINDS`].

mod alarms;
mod answers;
mod body;
mod ecs;
mod grpc;
mod http;
mod image;
mod judge;
mod known;
pub(crate) mod later;
mod metric;
mod poll;
mod preflight;
mod probe;
mod question;
mod reach;
mod reply;
#[cfg(feature = "sabotage")]
mod sabotage;
mod steps;
mod targets;
mod tcp;
mod tls;
mod way;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use tokio::time::Instant;

use self::way::Detour;
pub use self::{
    ecs::Colour,
    http::article,
    known::{Facts as KnownFacts, needs_of_fact},
    probe::Probe,
};
use crate::{
    aws::Aws,
    code::Code,
    finding::Observation,
    gate::{Fields, Named},
    permissions::Need,
    secrets::Secrets,
    target::{Listener, Target},
};

/// Every kind of check, by the key that names it in a gate file.
pub const KINDS: &[Kind] = &[
    alarms::KIND,
    answers::KIND,
    ecs::KIND,
    grpc::KIND,
    http::KIND,
    image::KIND,
    metric::KIND,
    preflight::KIND,
    reach::KIND,
    steps::KIND,
    targets::KIND,
    tcp::KIND,
];

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

    /// Whether this version can make it. What cannot be made asks AWS for nothing.
    fn is_made(&self) -> bool {
        true
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
    /// The secrets of the gate file.
    pub secrets: Arc<Secrets>,
    /// When all checks have to be over.
    pub until: Instant,
}

impl Scene {
    /// The listener of a route.
    fn listener(&self, route: Route) -> Result<&Listener, Observation> {
        let listener = match route {
            Route::Test => self.target.test.as_ref(),
            Route::Production => self.target.production.as_ref(),
        };
        listener.ok_or_else(|| {
            let group = &self.target.deployment.group;
            let expected = format!("a {} listener", route.word());
            Observation::failed(Code::NoListener, format!("deployment group {group}"), expected, "none")
        })
    }

    /// The address of a route: scheme, host and port, without a path. `host` is what a check asks for in place of the
    /// host that is known.
    fn address(&self, route: Route, host: Option<&str>) -> Result<Address, Observation> {
        if let (Route::Test, Some(own)) = (route, &self.test_address) {
            return Ok(detoured(Address { base: with_scheme(own), detour: None, narrow: None }, host));
        }
        let listener = self.listener(route)?;
        let groups = self.pair();
        let scheme = match listener.protocol.as_str() {
            "HTTPS" | "TLS" => "https",
            _ => "http",
        };
        // The rule that a request of ours is to meet: the plainest one that leads to the service, and a whole host name
        // is better than none.
        let mut ways: Vec<_> = listener.rules_about(&groups).filter(|rule| !rule.wild || self.host.is_some()).collect();
        ways.sort_by_key(|rule| (rule.narrow, rule.hosts.is_empty()));
        let way = ways.first();
        let narrow = way.filter(|rule| rule.narrow).map(|rule| rule.priority.clone());
        let host = host.map(str::to_owned).or_else(|| self.host.clone()).or_else(|| way?.hosts.first().cloned());
        let only_wild = way.is_none() && listener.rules_about(&groups).next().is_some();
        match host {
            Some(host) => {
                let base = format!("{scheme}://{host}:{}", listener.port);
                Ok(Address { base, detour: Some(Detour { host, to: listener.dns_name.clone() }), narrow })
            }
            None if scheme == "https" || only_wild => Err(Observation::failed(
                Code::HostUnknown,
                listener.title(),
                if only_wild {
                    "a host name that its rules let through"
                } else {
                    "a host name that its certificate covers"
                },
                "none: neither GREENLIGHT_HOST nor a host-header rule",
            )),
            None => {
                let base = format!("{scheme}://{}:{}", listener.dns_name, listener.port);
                Ok(Address { base, detour: None, narrow })
            }
        }
    }

    /// ARNs of the target groups that belong to the service: the deployment's pair, and those that its task sets name. A
    /// listener may still lead to one of the pair that no task set names.
    fn pair(&self) -> Vec<String> {
        let green = self.target.green_group.iter().map(|group| group.arn.clone());
        let sets = self.target.service.task_sets.iter().filter_map(|set| set.target_group().cloned());
        let mut pair: Vec<_> = green.chain(sets).chain(self.target.pair.iter().cloned()).collect();
        pair.sort();
        pair.dedup();
        pair
    }
}

/// The same address under another name.
fn detoured(address: Address, host: Option<&str>) -> Address {
    let (Some(host), Ok(mut url)) = (host, reqwest::Url::parse(&address.base)) else { return address };
    let to = url.host_str().unwrap_or_default().to_owned();
    if url.set_host(Some(host)).is_err() {
        return address;
    }
    let base = url.as_str().trim_end_matches('/').to_owned();
    Address { base, detour: Some(Detour { host: host.to_owned(), to }), ..address }
}

/// `ALB_URL` is a host in the article that this grew from, and people write a scheme all the same.
pub fn with_scheme(host: &str) -> String {
    let host = host.trim_end_matches('/');
    if host.contains("://") { host.to_owned() } else { format!("http://{host}") }
}

/// Where a route's requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    /// `https://shop.example.com:8443`.
    base: String,
    /// Where to connect to, if not to the host.
    detour: Option<Detour>,
    /// The rule that leads to the service only for some paths, headers or the like.
    narrow: Option<String>,
}
