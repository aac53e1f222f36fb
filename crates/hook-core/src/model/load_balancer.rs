//! What Elastic Load Balancing says: target groups, targets and listeners.

use std::time::Duration;

use super::Rule;

/// An Elastic Load Balancing target group, with how it asks for health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// `HTTP1`, `HTTP2` or `GRPC`; empty for other protocols than HTTP.
    pub protocol_version: String,
    /// The port of its targets, unless they have one of their own.
    pub port: Option<i32>,
    /// `HTTP`, `HTTPS` or `TCP`: what its health check speaks.
    pub health_check_protocol: String,
    /// The port of its health check, where it is not the one of the traffic.
    pub health_check_port: Option<i32>,
    /// The path of its health check; none for TCP.
    pub health_check_path: Option<String>,
    /// The HTTP status codes that count as healthy, as AWS writes them: `200-299,301`.
    pub health_codes: Option<String>,
    /// The gRPC status codes that count as healthy, written so as well.
    pub grpc_codes: Option<String>,
    /// How long its health check waits for an answer.
    pub health_check_timeout: Option<Duration>,
}

/// A target and how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// An IP address or an instance's id.
    pub id: String,
    /// Its port.
    pub port: Option<i32>,
    /// `healthy`, `unhealthy`, `initial`, `draining`, `unused`, ….
    pub state: String,
    /// ELB's code, such as `Target.Timeout`.
    pub reason: Option<String>,
    /// The same in words.
    pub description: Option<String>,
}

impl TargetHealth {
    /// Id and port: `10.0.3.17:8080`.
    pub fn display_name(&self) -> String {
        self.port.map_or_else(|| self.id.clone(), |port| format!("{}:{port}", self.id))
    }
}

/// A listener, its load balancer, and where it forwards.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// Its port.
    pub port: u16,
    /// `HTTP`, `HTTPS`, `TCP`, `TLS`, ….
    pub protocol: String,
    /// The load balancer's name.
    pub load_balancer: String,
    /// The load balancer's DNS name.
    pub dns_name: String,
    /// Whether it is reachable from inside its VPC only.
    pub is_internal: bool,
    /// Its rules in the order of their priorities, the default one last.
    pub rules: Vec<Rule>,
}

impl Listener {
    /// Port and protocol in words: `listener HTTP:8080`.
    pub fn display_name(&self) -> String {
        format!("listener {}:{}", self.protocol, self.port)
    }

    /// The rules that forward to these target groups: the others are somebody else's.
    pub fn rules_forwarding_to<'a>(&'a self, groups: &'a [String]) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(move |rule| rule.weights().iter().any(|(arn, _)| groups.contains(arn)))
    }
}

/// The name in a target group's ARN (`…:targetgroup/NAME/ID`), for reading.
pub fn target_group_name(arn: &str) -> &str {
    arn.split('/').rev().nth(1).unwrap_or(arn)
}
