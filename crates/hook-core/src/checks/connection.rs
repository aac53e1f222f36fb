//! How a request connects to its host.

use std::time::Duration;

use gate::HttpDefaults;
use reqwest::{Url, redirect};

use super::{egress::EgressPolicy, tls::TrustedRoots};

/// How a request connects to its host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionOptions {
    /// What to connect to in place of the host, if anything. The certificate's name and the load balancer's name are
    /// two different things.
    pub connect_to: Option<ConnectTo>,
    pub trusted_roots: TrustedRoots,
    /// The timeout for opening the connection.
    pub connect_timeout: Duration,
    pub redirect_policy: RedirectPolicy,
    pub http_version: HttpVersion,
    /// Whether the host is a listener of the deployment, which checks can always contact.
    pub is_listener: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// Whatever the server prefers.
    #[default]
    Any,
    /// HTTP/1.1, which can request another host than the certificate's.
    Http1,
    /// HTTP/2, also without TLS: gRPC needs it.
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
            is_listener: false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RedirectPolicy {
    /// Follow this many that stay at the same host and port. Outside the replacement's address the original could
    /// respond.
    SameOrigin(u32),
    /// Follow this many, to any host.
    Any(u32),
}

impl RedirectPolicy {
    /// The policy for the HTTP client.
    pub(super) fn to_reqwest(self, egress: EgressPolicy) -> redirect::Policy {
        let (most, any_origin) = match self {
            Self::SameOrigin(most) => (most, false),
            Self::Any(most) => (most, true),
        };
        redirect::Policy::custom(move |attempt| {
            let origin = |url: &Url| (url.scheme() == "https", url.host_str().map(str::to_owned), url.port());
            let stays = attempt.previous().first().is_some_and(|first| origin(first) == origin(attempt.url()));
            let so_far = attempt.previous().len();
            // A redirect that is not followed is the response.
            if so_far > most as usize || !(any_origin || stays) {
                return attempt.stop();
            }
            match egress.check_url(attempt.url(), stays) {
                Ok(()) => attempt.follow(),
                Err(refused) => attempt.error(refused),
            }
        })
    }
}

/// A host in the URL, and the name to connect to for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectTo {
    /// The host in the URL and in the certificate.
    pub host: String,
    /// The load balancer's name.
    pub connect_host: String,
}
