//! A target group's own health check, as far as it can be repeated through a listener.

use std::time::Duration;

use crate::target::{Listener, TargetGroup};

/// By what a listener can be asked whether the service answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Means<'a> {
    /// A request.
    Http,
    /// A call of gRPC.
    Grpc,
    /// A TLS handshake. The load balancer itself answers it.
    Handshake(&'a Listener),
    /// A connection.
    Connection(&'a Listener),
    /// Nothing: UDP has no connections.
    Nothing(&'a Listener),
}

impl<'a> Means<'a> {
    /// `is_told` is whether the gate file says what to ask, which is always a request. Without a listener `ALB_URL` is asked,
    /// which is HTTP.
    pub fn for_listener(listener: Option<&'a Listener>, group: Option<&TargetGroup>, is_told: bool) -> Self {
        let Some(listener) = listener.filter(|it| !has_http(it)) else {
            let is_grpc = group.is_some_and(|group| group.protocol_version == "GRPC");
            return if is_grpc && !is_told { Self::Grpc } else { Self::Http };
        };
        // A Network Load Balancer. A service whose traffic port answers health checks of HTTP answers requests there.
        let asks_http = group.is_some_and(|group| group.health_protocol == "HTTP" && group.health_port.is_none());
        match listener.protocol.as_str() {
            "UDP" | "QUIC" => Self::Nothing(listener),
            _ if is_told || asks_http => Self::Http,
            "TLS" => Self::Handshake(listener),
            _ => Self::Connection(listener),
        }
    }
}

fn has_http(listener: &Listener) -> bool {
    matches!(listener.protocol.as_str(), "HTTP" | "HTTPS")
}

/// Whether the load balancer itself accepts the listener's connections, so that they prove nothing about the service. It
/// passes those of a TCP listener on to a target.
pub(super) fn accepts_itself(listener: &Listener) -> bool {
    has_http(listener) || listener.protocol == "TLS"
}

/// An Application Load Balancer ends a request after 60 s without an answer, whatever its health check waits.
const IDLE: Duration = Duration::from_secs(60);

/// How long a request may take that repeats the health check: as long as the load balancer waits, where that is longer than
/// `usual`. The way through the listener is longer than the load balancer's own, so a short health check is no reason to
/// be stricter.
pub(super) fn timeout(group: Option<&TargetGroup>, usual: Duration) -> Duration {
    group.and_then(|group| group.health_timeout).map_or(usual, |own| own.min(IDLE).max(usual))
}

/// What a gRPC health check calls where the target group names no path.
const GRPC_PATH: &str = "/AWS.ALB/healthcheck";
/// UNIMPLEMENTED, which is what a service without that method answers.
const GRPC_CODES: &str = "12";

/// Path and status codes of a gRPC health check.
pub(super) fn grpc(group: Option<&TargetGroup>) -> (&str, &str) {
    let path = group.and_then(|group| group.health_path.as_deref());
    let codes = group.and_then(|group| group.grpc_codes.as_deref());
    (path.unwrap_or(GRPC_PATH), codes.unwrap_or(GRPC_CODES))
}

/// Whether a status is one of these codes, which AWS writes `0`, `0,12` or `0-5`.
pub(super) fn is_in(codes: &str, status: u32) -> bool {
    codes.split(',').any(|part| match part.trim().split_once('-') {
        Some((low, high)) => {
            let (low, high) = (low.trim().parse(), high.trim().parse());
            low.is_ok_and(|low: u32| low <= status) && high.is_ok_and(|high: u32| status <= high)
        }
        None => part.trim().parse() == Ok(status),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(protocol: &str) -> Listener {
        Listener {
            arn: "l".into(),
            port: 443,
            protocol: protocol.into(),
            balancer: "shop".into(),
            dns_name: "shop-1.elb.amazonaws.com".into(),
            internal: false,
            rules: Vec::new(),
        }
    }

    fn group(version: &str, health_protocol: &str, health_port: Option<i32>) -> TargetGroup {
        TargetGroup {
            name: "tg".into(),
            arn: "tg".into(),
            protocol_version: version.into(),
            port: Some(8080),
            health_protocol: health_protocol.into(),
            health_port,
            health_path: None,
            health_codes: None,
            grpc_codes: None,
            health_timeout: None,
        }
    }

    fn means(protocol: &str, group: &TargetGroup, is_told: bool) -> &'static str {
        match Means::for_listener(Some(&listener(protocol)), Some(group), is_told) {
            Means::Http => "http",
            Means::Grpc => "grpc",
            Means::Handshake(_) => "handshake",
            Means::Connection(_) => "connection",
            Means::Nothing(_) => "nothing",
        }
    }

    #[test]
    fn a_listener_is_asked_by_what_proves_most() {
        assert_eq!(means("HTTPS", &group("HTTP1", "HTTP", None), false), "http");
        assert_eq!(means("HTTPS", &group("GRPC", "HTTP", None), false), "grpc");
        assert_eq!(means("HTTPS", &group("GRPC", "HTTP", None), true), "http");
        let tcp = group("", "TCP", None);
        assert_eq!(
            ["TCP", "TCP_UDP", "TLS", "UDP"].map(|it| means(it, &tcp, false)),
            ["connection", "connection", "handshake", "nothing"]
        );
        assert_eq!(["TCP", "TLS", "UDP"].map(|it| means(it, &tcp, true)), ["http", "http", "nothing"]);
        assert_eq!(["TCP", "TLS"].map(|it| means(it, &group("", "HTTP", None), false)), ["http", "http"]);
        assert_eq!(means("TCP", &group("", "HTTP", Some(9000)), false), "connection");
        assert_eq!(means("TCP", &group("", "HTTPS", None), false), "connection");
    }

    #[test]
    fn a_request_may_take_as_long_as_the_health_check_and_never_less_than_usual() {
        let seconds = Duration::from_secs;
        let limit = |own: Option<u64>| {
            timeout(Some(&TargetGroup { health_timeout: own.map(seconds), ..group("HTTP1", "HTTP", None) }), seconds(5))
        };
        assert_eq!([None, Some(2), Some(20), Some(120)].map(limit), [5, 5, 20, 60].map(seconds));
        assert_eq!(timeout(None, seconds(5)), seconds(5));
    }

    #[test]
    fn codes_are_a_list_of_numbers_and_ranges() {
        for (codes, status, expected) in [
            ("12", 12, true),
            ("12", 1, false),
            ("0,12", 12, true),
            ("0-5, 12", 4, true),
            ("0-5", 6, false),
            ("", 0, false),
        ] {
            assert_eq!(is_in(codes, status), expected, "{codes} and {status}");
        }
    }
}
