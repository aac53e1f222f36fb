//! A target group's own health check, as far as it can be repeated through a listener.

use std::time::Duration;

use aws_client::model::{Listener, TargetGroup};

/// How to check through a listener that the service responds.
#[derive(Clone, Copy, Debug)]
pub(super) enum HealthCheckMethod<'a> {
    Http,
    Grpc,
    /// A TLS handshake. The load balancer itself completes it.
    TlsHandshake(&'a Listener),
    TcpConnection(&'a Listener),
    /// Nothing can be checked: UDP has no connections.
    Unverifiable(&'a Listener),
}

impl<'a> HealthCheckMethod<'a> {
    /// `has_own_request` is whether the gate file defines the request, which is always HTTP. Without a listener the
    /// request goes to `ALB_URL`, which is HTTP.
    pub fn for_listener(listener: Option<&'a Listener>, group: Option<&TargetGroup>, has_own_request: bool) -> Self {
        let Some(listener) = listener.filter(|it| !is_http(it)) else {
            let is_grpc = group.is_some_and(|group| group.protocol_version == "GRPC");
            return if is_grpc && !has_own_request { Self::Grpc } else { Self::Http };
        };
        // A Network Load Balancer. If HTTP health checks use the traffic port, the service accepts requests there.
        let asks_http =
            group.is_some_and(|group| group.health_check_protocol == "HTTP" && group.health_check_port.is_none());
        match listener.protocol.as_str() {
            "UDP" | "QUIC" => Self::Unverifiable(listener),
            _ if has_own_request || asks_http => Self::Http,
            "TLS" => Self::TlsHandshake(listener),
            _ => Self::TcpConnection(listener),
        }
    }
}

fn is_http(listener: &Listener) -> bool {
    matches!(listener.protocol.as_str(), "HTTP" | "HTTPS")
}

/// Whether the load balancer itself accepts the listener's connections, so that they prove nothing about the service.
/// It passes the connections of a TCP listener on to a target.
pub(super) fn load_balancer_accepts(listener: &Listener) -> bool {
    is_http(listener) || listener.protocol == "TLS"
}

/// An Application Load Balancer ends a request after 60 s without a response, whatever its health check's timeout.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The timeout of a request that repeats the health check: the load balancer's, if that is longer than `usual`. The way
/// through the listener is longer than the load balancer's own, so a short health check does not make this one
/// stricter.
pub(super) fn request_timeout(group: Option<&TargetGroup>, usual: Duration) -> Duration {
    group.and_then(|group| group.health_check_timeout).map_or(usual, |own| own.min(IDLE_TIMEOUT).max(usual))
}

/// What a gRPC health check calls if the target group has no path.
const DEFAULT_GRPC_PATH: &str = "/AWS.ALB/healthcheck";
/// UNIMPLEMENTED, which a service without that method returns.
const DEFAULT_GRPC_CODES: &str = "12";

/// Path and status codes of a gRPC health check.
pub(super) fn grpc_path_and_codes(group: Option<&TargetGroup>) -> (&str, &str) {
    let path = group.and_then(|group| group.health_check_path.as_deref());
    let codes = group.and_then(|group| group.grpc_codes.as_deref());
    (path.unwrap_or(DEFAULT_GRPC_PATH), codes.unwrap_or(DEFAULT_GRPC_CODES))
}

/// Whether a status is one of these codes, which AWS writes as `0`, `0,12` or `0-5`.
pub(super) fn codes_include(codes: &str, status: u32) -> bool {
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
            load_balancer: "shop".into(),
            dns_name: "shop-1.elb.amazonaws.com".into(),
            is_internal: false,
            rules: Vec::new(),
        }
    }

    fn group(version: &str, health_protocol: &str, health_port: Option<i32>) -> TargetGroup {
        TargetGroup {
            name: "tg".into(),
            arn: "tg".into(),
            protocol_version: version.into(),
            port: Some(8080),
            health_check_protocol: health_protocol.into(),
            health_check_port: health_port,
            health_check_path: None,
            health_codes: None,
            grpc_codes: None,
            health_check_timeout: None,
        }
    }

    fn method_name(protocol: &str, group: &TargetGroup, has_own_request: bool) -> &'static str {
        match HealthCheckMethod::for_listener(Some(&listener(protocol)), Some(group), has_own_request) {
            HealthCheckMethod::Http => "http",
            HealthCheckMethod::Grpc => "grpc",
            HealthCheckMethod::TlsHandshake(_) => "handshake",
            HealthCheckMethod::TcpConnection(_) => "connection",
            HealthCheckMethod::Unverifiable(_) => "nothing",
        }
    }

    #[test]
    fn a_listener_is_asked_by_what_proves_most() {
        assert_eq!(method_name("HTTPS", &group("HTTP1", "HTTP", None), false), "http");
        assert_eq!(method_name("HTTPS", &group("GRPC", "HTTP", None), false), "grpc");
        assert_eq!(method_name("HTTPS", &group("GRPC", "HTTP", None), true), "http");
        let tcp = group("", "TCP", None);
        assert_eq!(
            ["TCP", "TCP_UDP", "TLS", "UDP"].map(|it| method_name(it, &tcp, false)),
            ["connection", "connection", "handshake", "nothing"]
        );
        assert_eq!(["TCP", "TLS", "UDP"].map(|it| method_name(it, &tcp, true)), ["http", "http", "nothing"]);
        assert_eq!(["TCP", "TLS"].map(|it| method_name(it, &group("", "HTTP", None), false)), ["http", "http"]);
        assert_eq!(method_name("TCP", &group("", "HTTP", Some(9000)), false), "connection");
        assert_eq!(method_name("TCP", &group("", "HTTPS", None), false), "connection");
    }

    #[test]
    fn a_request_may_take_as_long_as_the_health_check_and_never_less_than_usual() {
        let seconds = Duration::from_secs;
        let limit = |own: Option<u64>| {
            request_timeout(
                Some(&TargetGroup { health_check_timeout: own.map(seconds), ..group("HTTP1", "HTTP", None) }),
                seconds(5),
            )
        };
        assert_eq!([None, Some(2), Some(20), Some(120)].map(limit), [5, 5, 20, 60].map(seconds));
        assert_eq!(request_timeout(None, seconds(5)), seconds(5));
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
            assert_eq!(codes_include(codes, status), expected, "{codes} and {status}");
        }
    }
}
