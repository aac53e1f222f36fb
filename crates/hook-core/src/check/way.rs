//! How a request gets to its host.

use std::time::Duration;

use reqwest::{Url, redirect};

use super::tls::Trust;
use crate::gate::HttpDefaults;

/// How a request gets to its host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Way {
    /// Where to connect to, if not to the host: the name on the certificate and the name of the load balancer are two
    /// different things.
    pub detour: Option<Detour>,
    /// Which certificates to trust.
    pub trust: Trust,
    /// Until there is a connection.
    pub connect_timeout: Duration,
    /// What to do when it is sent elsewhere.
    pub redirects: Redirects,
    /// Which versions of HTTP to speak.
    pub speaks: Speaks,
}

/// Versions of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Speaks {
    /// What the other side likes best.
    #[default]
    Any,
    /// HTTP/1.1, which can ask for another host than the certificate's.
    One,
    /// HTTP/2, also without TLS: gRPC knows no other.
    Two,
}

impl Default for Way {
    fn default() -> Self {
        let connect_timeout = HttpDefaults::default().connect_timeout;
        Self { detour: None, trust: Trust::Known, connect_timeout, redirects: Redirects::Here(0), speaks: Speaks::Any }
    }
}

/// What to do with a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Redirects {
    /// Follow so many that stay at the same host and port. Whoever leaves the address of the replacement would be
    /// answered by the original.
    Here(u32),
    /// Follow so many.
    Anywhere(u32),
}

impl Redirects {
    /// The same for the HTTP client.
    pub(super) fn policy(self) -> redirect::Policy {
        let (most, anywhere) = match self {
            Self::Here(most) => (most, false),
            Self::Anywhere(most) => (most, true),
        };
        redirect::Policy::custom(move |attempt| {
            let origin = |url: &Url| (url.scheme() == "https", url.host_str().map(str::to_owned), url.port());
            let stays = attempt.previous().first().is_some_and(|first| origin(first) == origin(attempt.url()));
            let so_far = attempt.previous().len();
            // One that is not followed is the answer.
            if so_far <= most as usize && (anywhere || stays) { attempt.follow() } else { attempt.stop() }
        })
    }
}

/// A host that is asked for, and the name that is connected to for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Detour {
    /// The host of the URL, and of the certificate.
    pub host: String,
    /// The load balancer's name.
    pub to: String,
}
