//! `health_check: test|production`: the service passes its target group's own health check through a listener, several
//! times in a row. For a TCP listener, only accepting connections may be checkable.

use std::time::Duration;

use aws_client::model::{Listener, TargetGroup};
use gate::{
    Condition, ReasonCode,
    kinds::{HealthCheckSpec, RESPONSE_SUBJECTS},
};
use reqwest::{Method, header::HeaderMap};

use super::{
    CheckContext, RoutedRequest, Routing, TrafficRoute,
    attempt_counter::AttemptCounter,
    connection::{ConnectTo, ConnectionOptions},
    grpc,
    health_check_method::{self, HealthCheckMethod},
    http::{send_and_evaluate, url_at},
    http_client::HttpRequest,
    poll::{Attempt, poll},
    tcp::mark_service_unverified,
};
use crate::finding::{Observation, Outcome};

/// This many failures after a pass are forgiven if `consecutive` passes follow, because a good service drops a request
/// now and then. It is reported as a warning.
const MAX_FORGIVEN_FAILURES: u32 = 1;

pub fn predict_failure(spec: &HealthCheckSpec, routing: &Routing<'_>) -> Option<Observation> {
    let listener = routing.listener_for_requests(spec.route)?;
    match HealthCheckMethod::for_listener(Some(listener), routing.green, spec.has_own_request()) {
        HealthCheckMethod::Http if health_check_method::load_balancer_accepts(listener) => {
            match request_and_conditions(spec, routing) {
                Ok((path, _)) => {
                    let seen =
                        routing.predict_failure(spec.route, &format!("GET {path}"), &RoutedRequest::get(&path))?;
                    Some(as_not_routable(spec, routing, seen))
                }
                Err(observation) => Some(*observation),
            }
        }
        HealthCheckMethod::Grpc => {
            let (path, _) = health_check_method::grpc_path_and_codes(routing.green);
            let wanted = RoutedRequest::new("POST", path, &HeaderMap::new());
            let seen = routing.predict_failure(spec.route, &format!("POST {path}"), &wanted)?;
            Some(as_not_routable(spec, routing, seen))
        }
        _ => None,
    }
}

pub async fn run(spec: &HealthCheckSpec, cx: &CheckContext) -> Observation {
    let listener = match cx.listener(spec.route) {
        Ok(listener) => Some(listener),
        // With ALB_URL there is an address to send requests to, whatever the listener is.
        Err(_) if spec.route == TrafficRoute::Test && cx.test_address.is_some() => None,
        Err(observation) => return observation,
    };
    let group = cx.target.green_group.as_ref();
    let attempts = AttemptCounter::default();
    let seen = match HealthCheckMethod::for_listener(listener, group, spec.has_own_request()) {
        HealthCheckMethod::Http => check_http(spec, cx, &attempts).await,
        HealthCheckMethod::Grpc => check_grpc(spec, cx, &attempts).await,
        HealthCheckMethod::TlsHandshake(listener) => check_tls_handshake(spec, cx, listener, &attempts).await,
        HealthCheckMethod::TcpConnection(listener) => {
            check_connection(spec, cx, listener, "TCP", "a TCP listener: nothing more is checked", &attempts).await
        }
        HealthCheckMethod::Unverifiable(listener) => {
            let seen = "a UDP listener, which cannot be checked";
            Observation::passed(listener.display_name(), seen)
                .with_outcome(Outcome::Unverified, ReasonCode::ServiceUnverified)
        }
    };
    attempts.warn_of_forgiven_failure(attempts.with_attempt_counts(seen))
}

/// Like the target group's HTTP health check, or as the gate file defines it.
async fn check_http(spec: &HealthCheckSpec, cx: &CheckContext, attempts: &AttemptCounter) -> Observation {
    let request_and_conditions =
        request_and_conditions(spec, &cx.routing()).map_err(|observation| *observation).and_then(|(path, expect)| {
            let address = cx.address(spec.route, &RoutedRequest::get(&path))?;
            Ok((url_at(address, &path)?, expect))
        });
    let ((url, detour), expect) = match request_and_conditions {
        Ok((place, expect)) => match cx.bind_conditions(&expect).await {
            Ok(expect) => (place, expect),
            Err(observation) => return observation,
        },
        Err(observation) => return observation,
    };
    let mut request = HttpRequest {
        connection: connection_options(spec, detour),
        timeout: attempt_timeout(spec, cx),
        redactor: cx.secrets.redactor(),
        ..HttpRequest::new(Method::GET, url)
    };
    let rule_outcome = match cx.check_leads_to_green(Some(spec.route), &mut request).await {
        Ok(leads) => leads,
        Err(observation) => return as_not_routable(spec, &cx.routing(), observation),
    };
    let attempt = || async {
        attempt_after_grace(attempts, send_and_evaluate(&cx.http_client, &request, &expect, attempts).await)
    };
    rule_outcome.add_to(poll(&spec.poll_policy, cx, attempt).await)
}

/// Like the target group's gRPC health check.
async fn check_grpc(spec: &HealthCheckSpec, cx: &CheckContext, attempts: &AttemptCounter) -> Observation {
    let (path, codes) = health_check_method::grpc_path_and_codes(cx.target.green_group.as_ref());
    let address = cx.address(spec.route, &RoutedRequest::new("POST", path, &HeaderMap::new()));
    let (url, connect_to) = match address.and_then(|address| url_at(address, path)) {
        Ok(place) => place,
        Err(observation) => return observation,
    };
    let title = format!("gRPC health check of {url}");
    let request = HttpRequest {
        connection: connection_options(spec, connect_to),
        timeout: attempt_timeout(spec, cx),
        redactor: cx.secrets.redactor(),
        ..HttpRequest::new(Method::POST, url)
    };
    let mut request = HttpRequest { title, ..grpc::to_grpc_request(request, "") };
    let rule_outcome = match cx.check_leads_to_green(Some(spec.route), &mut request).await {
        Ok(leads) => leads,
        Err(observation) => return as_not_routable(spec, &cx.routing(), observation),
    };
    let call = || grpc::run_target_group_health_check(&cx.http_client, &request, codes, attempts);
    rule_outcome.add_to(poll(&spec.poll_policy, cx, || async { attempt_after_grace(attempts, call().await) }).await)
}

/// A TLS handshake, if a host name is known for the certificate. Otherwise a TCP connection.
async fn check_tls_handshake(
    spec: &HealthCheckSpec,
    cx: &CheckContext,
    listener: &Listener,
    attempts: &AttemptCounter,
) -> Observation {
    let address = cx.address(spec.route, &RoutedRequest::get("/"));
    let Some(to) = address.ok().and_then(|address| address.connect_to) else {
        let seen = check_connection(spec, cx, listener, "TLS", "no TLS handshake", attempts).await;
        let why = "its certificate was not verified: set GREENLIGHT_HOST to a name that it covers".to_owned();
        return mark_service_unverified(seen).with_details([why]);
    };
    let resource = format!("TLS {}:{}", to.host, listener.port);
    let handshake = || async {
        let seen = match cx.http_client.tls_handshake(&to, listener.port, attempt_timeout(spec, cx)).await {
            Ok(_) => Observation::passed(&resource, "completes a TLS handshake"),
            Err(transport_error) => transport_error.observe(&resource, "a TLS handshake"),
        };
        attempt_after_grace(attempts, attempts.record(seen))
    };
    mark_service_unverified(poll(&spec.poll_policy, cx, handshake).await)
}

async fn check_connection(
    spec: &HealthCheckSpec,
    cx: &CheckContext,
    listener: &Listener,
    protocol: &str,
    limits: &str,
    attempts: &AttemptCounter,
) -> Observation {
    let (host, port) = (&listener.dns_name, listener.port);
    let resource = format!("{protocol} {host}:{port}");
    let accepts = format!("accepts connections ({limits})");
    let connection = || async {
        let seen = match cx.http_client.open_connection(host, port, spec.timeout).await {
            Ok(_) => Observation::passed(&resource, &accepts),
            Err(transport_error) => transport_error.observe(&resource, "a connection"),
        };
        attempt_after_grace(attempts, attempts.record(seen))
    };
    poll(&spec.poll_policy, cx, connection).await
}

fn connection_options(spec: &HealthCheckSpec, connect_to: Option<ConnectTo>) -> ConnectionOptions {
    let connect_timeout = spec.connect_timeout;
    ConnectionOptions { connect_to, connect_timeout, is_listener: true, ..ConnectionOptions::default() }
}

fn attempt_timeout(spec: &HealthCheckSpec, cx: &CheckContext) -> Duration {
    let group = cx.target.green_group.as_ref();
    if spec.has_timeout { spec.timeout } else { health_check_method::request_timeout(group, spec.timeout) }
}

/// The path of the health check is a guess at what the listener forwards. A path in the gate file is not.
fn as_not_routable(spec: &HealthCheckSpec, routing: &Routing<'_>, observation: Observation) -> Observation {
    if spec.path.is_some() || observation.code != Some(ReasonCode::RuleLeadsElsewhere) {
        return observation;
    }
    let group = routing.green.map(|group| group.name.as_str()).unwrap_or_default();
    let seen = format!("{} ({})", observation.actual, observation.resource);
    let expected = "a health-check path that a listener rule forwards to it";
    Observation::failed(ReasonCode::HealthCheckNotRoutable, format!("target group {group}"), expected, seen)
}

/// What to request and what to expect: from the gate file, else from the target group's health check, if that can
/// be sent through the listener.
fn request_and_conditions(
    spec: &HealthCheckSpec,
    routing: &Routing<'_>,
) -> Result<(String, Vec<Condition>), Box<Observation>> {
    let group = routing.green;
    let path = match &spec.path {
        Some(path) => path.clone(),
        None => {
            let titled = |group: &TargetGroup| format!("target group {}", group.name);
            let unknown = |seen: String| {
                let resource = group.map(titled).unwrap_or_default();
                Box::new(Observation::failed(
                    ReasonCode::HealthCheckNotRoutable,
                    resource,
                    "a path to request through the listener",
                    seen,
                ))
            };
            let traffic = routing.container_port.or(group.and_then(|group| group.port));
            match group.and_then(|group| group.health_check_port) {
                Some(own) if Some(own) != traffic => {
                    return Err(unknown(format!(
                        "none: its health check uses port {own}, which the listener does not forward to"
                    )));
                }
                _ => group.and_then(|group| group.health_check_path.clone()).unwrap_or_else(|| "/".to_owned()),
            }
        }
    };
    if !spec.expect.is_empty() {
        return Ok((path, spec.expect.clone()));
    }
    // A TCP health check has no matcher, and AWS's default for HTTP is 200.
    let codes = group.and_then(|group| group.health_codes.clone()).unwrap_or_else(|| "200".to_owned());
    let operator = if codes.contains([',', '-']) { "in" } else { "==" };
    match Condition::parse(&format!("status {operator} {codes}"), RESPONSE_SUBJECTS) {
        Ok(condition) => Ok((path, vec![condition])),
        Err(why) => {
            let resource = group.map(|group| format!("target group {}", group.name)).unwrap_or_default();
            Err(Box::new(Observation::errored(
                ReasonCode::UnexpectedReply,
                resource,
                format!("its matcher {codes:?} cannot be read: {why}"),
            )))
        }
    }
}

/// The grace of `within` ends with the first correct response. Without that, a service with every second response wrong
/// would pass too, if enough requests are sent.
fn attempt_after_grace(attempts: &AttemptCounter, seen: Observation) -> Attempt {
    if !seen.is_ok() && attempts.failures_after_pass() > MAX_FORGIVEN_FAILURES {
        Attempt::Final(seen)
    } else {
        Attempt::Retryable(seen)
    }
}
