//! `health_check: test|production`: the service passes its target group's own health check through a listener, several
//! times in a row. For a TCP listener, only accepting connections may be checkable.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, header::HeaderMap};

use super::{
    Check, CheckContext, CheckFuture, CheckKind, RoutedRequest, Routing, TrafficRoute,
    attempt_counter::AttemptCounter,
    connection::{ConnectTo, ConnectionOptions},
    grpc,
    health_check_method::{self, HealthCheckMethod},
    http::{SUBJECTS, send_and_evaluate, url_at},
    http_client::HttpRequest,
    poll::{Attempt, PollPolicy},
    tcp::mark_service_unverified,
};
use crate::{
    code::ReasonCode,
    finding::{Observation, Outcome},
    gate::{Condition, HttpDefaults, MapReader},
    model::{Listener, TargetGroup},
};

pub const KIND: CheckKind = CheckKind { key: "health_check", read };

/// `within` is for a listener that has just switched and may still send some requests to the other version. It ends
/// with the first correct response. If every second task is broken, 10 requests in a row meet only good ones in 1 of
/// 1,000 runs.
const DEFAULT_POLL: PollPolicy = PollPolicy {
    within: Duration::from_secs(30),
    consecutive: 10,
    every: Duration::from_millis(500),
    ..PollPolicy::SINGLE_ATTEMPT
};
/// This many failures after a pass are forgiven if `consecutive` passes follow, because a good service drops a request
/// now and then. It is reported as a warning.
const MAX_FORGIVEN_FAILURES: u32 = 1;

#[derive(Debug)]
struct ListenerHealthCheck {
    route: TrafficRoute,
    path: Option<String>,
    timeout: Duration,
    /// Whether the gate file sets the timeout. Otherwise the target group's timeout counts if it is longer.
    has_timeout: bool,
    connect_timeout: Duration,
    poll_policy: PollPolicy,
    expect: Vec<Condition>,
}

fn read(fields: &mut MapReader<'_>) -> Option<Arc<dyn Check>> {
    let route = fields.variant("health_check", &TrafficRoute::VARIANTS);
    let path = fields.string("path");
    if let (Some(path), Some(node)) = (&path, fields.node("path"))
        && !path.starts_with('/')
    {
        fields.error(node.at, format!("`path` begins with /, not {path:?}"));
    }
    let defaults = fields.scope().defaults.http;
    let has_timeout = fields.has("timeout") || defaults.timeout != HttpDefaults::default().timeout;
    let timeout = fields.duration_or("timeout", defaults.timeout);
    let connect_timeout = fields.duration_or("connect_timeout", defaults.connect_timeout);
    let poll_policy = PollPolicy::read(fields, &DEFAULT_POLL);
    let expect = fields.expect(SUBJECTS);
    Some(Arc::new(ListenerHealthCheck {
        route: route?,
        path,
        timeout,
        has_timeout,
        connect_timeout,
        poll_policy,
        expect,
    }))
}

impl Check for ListenerHealthCheck {
    fn default_name(&self) -> String {
        format!("health_check {}", self.route.as_str())
    }

    fn required_route(&self) -> Option<TrafficRoute> {
        Some(self.route)
    }

    fn predict_failure(&self, routing: &Routing<'_>) -> Option<Observation> {
        let listener = routing.listener_for_requests(self.route)?;
        match HealthCheckMethod::for_listener(Some(listener), routing.green, self.has_own_request()) {
            HealthCheckMethod::Http if health_check_method::load_balancer_accepts(listener) => {
                match self.request_and_conditions(routing) {
                    Ok((path, _)) => {
                        let seen =
                            routing.predict_failure(self.route, &format!("GET {path}"), &RoutedRequest::get(&path))?;
                        Some(self.as_not_routable(routing, seen))
                    }
                    Err(observation) => Some(*observation),
                }
            }
            HealthCheckMethod::Grpc => {
                let (path, _) = health_check_method::grpc_path_and_codes(routing.green);
                let wanted = RoutedRequest::new("POST", path, &HeaderMap::new());
                let seen = routing.predict_failure(self.route, &format!("POST {path}"), &wanted)?;
                Some(self.as_not_routable(routing, seen))
            }
            _ => None,
        }
    }

    fn run<'a>(&'a self, cx: &'a CheckContext) -> CheckFuture<'a> {
        Box::pin(async {
            let listener = match cx.listener(self.route) {
                Ok(listener) => Some(listener),
                // With ALB_URL there is an address to send requests to, whatever the listener is.
                Err(_) if self.route == TrafficRoute::Test && cx.test_address.is_some() => None,
                Err(observation) => return observation,
            };
            let group = cx.target.green_group.as_ref();
            let attempts = AttemptCounter::default();
            let seen = match HealthCheckMethod::for_listener(listener, group, self.has_own_request()) {
                HealthCheckMethod::Http => self.check_http(cx, &attempts).await,
                HealthCheckMethod::Grpc => self.check_grpc(cx, &attempts).await,
                HealthCheckMethod::TlsHandshake(listener) => self.check_tls_handshake(cx, listener, &attempts).await,
                HealthCheckMethod::TcpConnection(listener) => self.check_connection(cx, listener, &attempts).await,
                HealthCheckMethod::Unverifiable(listener) => {
                    let seen = "a UDP listener, which cannot be checked";
                    Observation::passed(listener.display_name(), seen)
                        .with_outcome(Outcome::Unverified, ReasonCode::ServiceUnverified)
                }
            };
            attempts.warn_of_forgiven_failure(attempts.with_attempt_counts(seen))
        })
    }
}

impl ListenerHealthCheck {
    fn has_own_request(&self) -> bool {
        self.path.is_some() || !self.expect.is_empty()
    }

    /// Like the target group's HTTP health check, or as the gate file defines it.
    async fn check_http(&self, cx: &CheckContext, attempts: &AttemptCounter) -> Observation {
        let request_and_conditions = self
            .request_and_conditions(&cx.routing())
            .map_err(|observation| *observation)
            .and_then(|(path, expect)| {
                let address = cx.address(self.route, &RoutedRequest::get(&path))?;
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
            connection: self.connection_options(detour),
            timeout: self.attempt_timeout(cx),
            redactor: cx.secrets.redactor(),
            ..HttpRequest::new(Method::GET, url)
        };
        let rule_outcome = match cx.check_leads_to_green(Some(self.route), &mut request).await {
            Ok(leads) => leads,
            Err(observation) => return self.as_not_routable(&cx.routing(), observation),
        };
        let attempt = || async {
            attempt_after_grace(attempts, send_and_evaluate(&cx.http_client, &request, &expect, attempts).await)
        };
        rule_outcome.add_to(self.poll_policy.poll(cx, attempt).await)
    }

    /// Like the target group's gRPC health check.
    async fn check_grpc(&self, cx: &CheckContext, attempts: &AttemptCounter) -> Observation {
        let (path, codes) = health_check_method::grpc_path_and_codes(cx.target.green_group.as_ref());
        let address = cx.address(self.route, &RoutedRequest::new("POST", path, &HeaderMap::new()));
        let (url, connect_to) = match address.and_then(|address| url_at(address, path)) {
            Ok(place) => place,
            Err(observation) => return observation,
        };
        let title = format!("gRPC health check {url}");
        let request = HttpRequest {
            connection: self.connection_options(connect_to),
            timeout: self.attempt_timeout(cx),
            redactor: cx.secrets.redactor(),
            ..HttpRequest::new(Method::POST, url)
        };
        let mut request = HttpRequest { title, ..grpc::to_grpc_request(request, "") };
        let rule_outcome = match cx.check_leads_to_green(Some(self.route), &mut request).await {
            Ok(leads) => leads,
            Err(observation) => return self.as_not_routable(&cx.routing(), observation),
        };
        let call = || grpc::run_target_group_health_check(&cx.http_client, &request, codes, attempts);
        rule_outcome.add_to(self.poll_policy.poll(cx, || async { attempt_after_grace(attempts, call().await) }).await)
    }

    /// A TLS handshake, if a host name is known for the certificate. Otherwise a TCP connection.
    async fn check_tls_handshake(
        &self,
        cx: &CheckContext,
        listener: &Listener,
        attempts: &AttemptCounter,
    ) -> Observation {
        let address = cx.address(self.route, &RoutedRequest::get("/"));
        let Some(to) = address.ok().and_then(|address| address.connect_to) else {
            let seen = self.check_connection(cx, listener, attempts).await;
            let why = "its certificate was not verified: set GREENLIGHT_HOST to a name that it covers".to_owned();
            return mark_service_unverified(seen).with_details([why]);
        };
        let resource = format!("TLS {}:{}", to.host, listener.port);
        let handshake = || async {
            let seen = match cx.http_client.tls_handshake(&to, listener.port, self.attempt_timeout(cx)).await {
                Ok(_) => Observation::passed(&resource, "completes a TLS handshake"),
                Err(transport_error) => {
                    Observation::failed(transport_error.code, &resource, "a TLS handshake", transport_error.describe())
                }
            };
            attempt_after_grace(attempts, attempts.record(seen))
        };
        mark_service_unverified(self.poll_policy.poll(cx, handshake).await)
    }

    async fn check_connection(&self, cx: &CheckContext, listener: &Listener, attempts: &AttemptCounter) -> Observation {
        let (host, port) = (&listener.dns_name, listener.port);
        let resource = format!("TCP {host}:{port}");
        let connection = || async {
            let seen = match cx.http_client.open_connection(host, port, self.timeout).await {
                Ok(_) => {
                    Observation::passed(&resource, "accepts connections (a TCP listener: nothing more is checked)")
                }
                Err(transport_error) => {
                    Observation::failed(transport_error.code, &resource, "a connection", transport_error.describe())
                }
            };
            attempt_after_grace(attempts, attempts.record(seen))
        };
        self.poll_policy.poll(cx, connection).await
    }

    fn connection_options(&self, connect_to: Option<ConnectTo>) -> ConnectionOptions {
        ConnectionOptions { connect_to, connect_timeout: self.connect_timeout, ..ConnectionOptions::default() }
    }

    fn attempt_timeout(&self, cx: &CheckContext) -> Duration {
        let group = cx.target.green_group.as_ref();
        if self.has_timeout { self.timeout } else { health_check_method::request_timeout(group, self.timeout) }
    }

    /// The path of the health check is a guess at what the listener forwards. A path in the gate file is not.
    fn as_not_routable(&self, routing: &Routing<'_>, observation: Observation) -> Observation {
        if self.path.is_some() || observation.code != Some(ReasonCode::RuleLeadsElsewhere) {
            return observation;
        }
        let group = routing.green.map(|group| group.name.as_str()).unwrap_or_default();
        let seen = format!("{} ({})", observation.actual, observation.resource);
        let expected = "a health-check path that a listener rule forwards to it";
        Observation::failed(ReasonCode::HealthCheckNotRoutable, format!("target group {group}"), expected, seen)
    }

    /// What to request and what to expect: from the gate file, else from the target group's health check, if that can
    /// be sent through the listener.
    fn request_and_conditions(&self, routing: &Routing<'_>) -> Result<(String, Vec<Condition>), Box<Observation>> {
        let group = routing.green;
        let path = match &self.path {
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
        if !self.expect.is_empty() {
            return Ok((path, self.expect.clone()));
        }
        // A TCP health check has no matcher, and AWS's default for HTTP is 200.
        let codes = group.and_then(|group| group.health_codes.clone()).unwrap_or_else(|| "200".to_owned());
        match Condition::parse(&format!("status in {codes}"), SUBJECTS) {
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
