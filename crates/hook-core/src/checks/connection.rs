//! How a request gets to its host.

use std::time::Duration;

use reqwest::{Url, redirect};

use super::tls::TrustedRoots;
use crate::gate::HttpDefaults;

/// How a request gets to its host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionOptions {
    /// Where to connect to, if not to the host: the name on the certificate and the name of the load balancer are two
    /// different things.
    pub connect_to: Option<ConnectTo>,
    /// Which certificates to trust.
    pub trusted_roots: TrustedRoots,
    /// Until there is a connection.
    pub connect_timeout: Duration,
    /// What to do when it is sent elsewhere.
    pub redirect_policy: RedirectPolicy,
    /// Which versions of HTTP to speak.
    pub http_version: HttpVersion,
}

/// Versions of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// What the other side likes best.
    #[default]
    Any,
    /// HTTP/1.1, which can ask for another host than the certificate's.
    Http1,
    /// HTTP/2, also without TLS: gRPC knows no other.
    Http2,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        let connect_timeout = HttpDefaults::default().connect_timeout;
        Self {
            connect_to: None,
            trusted_roots: TrustedRoots::Default,
            connect_timeout,
            redirect_policy: RedirectPolicy::SameOrigin(0),
            http_version: HttpVersion::Any,
        }
    }
}

/// What to do with a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RedirectPolicy {
    /// Follow so many that stay at the same host and port. Whoever leaves the address of the replacement would be
    /// answered by the original.
    SameOrigin(u32),
    /// Follow so many.
    Any(u32),
}

impl RedirectPolicy {
    /// The same for the HTTP client.
    pub(super) fn to_reqwest(self) -> redirect::Policy {
        let (most, any_origin) = match self {
            Self::SameOrigin(most) => (most, false),
            Self::Any(most) => (most, true),
        };
        redirect::Policy::custom(move |attempt| {
            let origin = |url: &Url| (url.scheme() == "https", url.host_str().map(str::to_owned), url.port());
            let stays = attempt.previous().first().is_some_and(|first| origin(first) == origin(attempt.url()));
            let so_far = attempt.previous().len();
            // One that is not followed is the answer.
            if so_far <= most as usize && (any_origin || stays) { attempt.follow() } else { attempt.stop() }
        })
    }
}

/// A host that is asked for, and the name that is connected to for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectTo {
    /// The host of the URL, and of the certificate.
    pub host: String,
    /// The load balancer's name.
    pub connect_host: String,
}
