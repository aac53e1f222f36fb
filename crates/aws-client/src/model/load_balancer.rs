//! What Elastic Load Balancing reports: target groups, targets and listeners.

use std::time::Duration;

use super::Rule;

/// A target group, with its health check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetGroup {
    pub name: String,
    pub arn: String,
    /// `HTTP1`, `HTTP2` or `GRPC`. Empty if its protocol is not HTTP.
    pub protocol_version: String,
    /// The port of its targets, unless a target has its own.
    pub port: Option<i32>,
    /// The protocol of its health check: `HTTP`, `HTTPS` or `TCP`.
    pub health_check_protocol: String,
    /// The port of its health check, if it differs from the traffic port.
    pub health_check_port: Option<i32>,
    /// The path of its health check. `None` for TCP.
    pub health_check_path: Option<String>,
    /// The HTTP status codes that count as healthy, as AWS writes them: `200-299,301`.
    pub health_codes: Option<String>,
    /// The gRPC status codes that count as healthy, in the same form.
    pub grpc_codes: Option<String>,
    pub health_check_timeout: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// An IP address or the id of an instance.
    pub id: String,
    pub port: Option<i32>,
    /// `healthy`, `unhealthy`, `initial`, `draining`, `unused`, ….
    pub state: String,
    /// The reason code from ELB, such as `Target.Timeout`.
    pub reason: Option<String>,
    /// The reason as text.
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
    pub arn: String,
    pub port: u16,
    /// `HTTP`, `HTTPS`, `TCP`, `TLS`, ….
    pub protocol: String,
    /// The load balancer's name.
    pub load_balancer: String,
    /// The load balancer's DNS name.
    pub dns_name: String,
    /// Whether it is reachable only from inside its VPC.
    pub is_internal: bool,
    /// Its rules in the order of their priorities, with the default rule last.
    pub rules: Vec<Rule>,
}

impl Listener {
    /// Protocol and port: `listener HTTP:8080`.
    pub fn display_name(&self) -> String {
        format!("listener {}:{}", self.protocol, self.port)
    }

    /// The rules that forward to these target groups. Other rules belong to other services.
    pub fn rules_forwarding_to<'a>(&'a self, groups: &'a [String]) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(move |rule| rule.weights().iter().any(|(arn, _)| groups.contains(arn)))
    }
}

/// The name in a target group's ARN (`…:targetgroup/NAME/ID`), for messages.
pub fn target_group_name(arn: &str) -> &str {
    arn.split('/').rev().nth(1).unwrap_or(arn)
}
