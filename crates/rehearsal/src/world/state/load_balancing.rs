//! The load balancer's part of the world, and the CloudWatch alarms.

use std::{collections::BTreeMap, time::SystemTime};

#[derive(Clone, Debug)]
pub struct LoadBalancer {
    pub arn: String,
    pub name: String,
    /// Its DNS name: `localhost`, since the listeners here are real ones.
    pub dns_name: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// `application` or `network`.
    pub kind: String,
    pub vpc: String,
    pub security_groups: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Listener {
    pub arn: String,
    /// ARN of its load balancer.
    pub load_balancer: String,
    /// Its port: a real port on loopback.
    pub port: u16,
    /// `HTTP`, `HTTPS`, `TCP`, `TLS`, ….
    pub protocol: String,
    /// The default rule: ARNs of target groups with weights.
    pub default: Vec<(String, i32)>,
    /// Its other rules.
    pub rules: Vec<Rule>,
    /// ARNs of its certificates.
    pub certificates: Vec<String>,
}

/// A rule of a listener.
#[derive(Clone, Debug)]
pub struct Rule {
    pub arn: String,
    /// Rules with smaller numbers are evaluated first.
    pub priority: u32,
    /// Its conditions; a request must meet all of them.
    pub conditions: Vec<Condition>,
    /// Where it forwards: ARNs of target groups with weights. Empty if its action is not to forward.
    pub forward: Vec<(String, i32)>,
    /// What happens to a request that meets its conditions.
    pub action: RuleAction,
}

/// What happens to a request that meets the conditions of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RuleAction {
    #[default]
    Forward,
    /// The load balancer responds with this status itself.
    FixedResponse(u16),
    /// The client is redirected to this URL, in which `#{host}`, `#{port}`, `#{path}`, `#{protocol}` stand for those of
    /// the request.
    Redirect(String),
    /// A client without a session must log in; other requests are forwarded.
    Authenticate,
}

/// A condition of a rule. One of its values is enough; `*` and `?` are wildcards, except in methods and addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `host-header`.
    Host(Vec<String>),
    /// `path-pattern`.
    Path(Vec<String>),
    /// `http-request-method`.
    Method(Vec<String>),
    /// `query-string`: values, each with a key where the key matters.
    Query(Vec<(Option<String>, String)>),
    /// `http-header`: a name with values.
    Header(String, Vec<String>),
    /// `source-ip`: CIDR blocks.
    SourceIp(Vec<String>),
}

#[derive(Clone, Debug)]
pub struct TargetGroup {
    pub arn: String,
    pub name: String,
    /// `HTTP`, `TCP`, ….
    pub protocol: String,
    /// `HTTP1`, `HTTP2` or `GRPC`; `None` if it does not speak HTTP.
    pub protocol_version: Option<String>,
    /// The port of its targets, unless a target has another one.
    pub port: i32,
    pub health_check: HealthCheck,
    /// Its registered targets.
    pub targets: Vec<Target>,
}

/// The health check of a target group.
#[derive(Clone, Debug)]
pub struct HealthCheck {
    /// Whether it is on.
    pub enabled: bool,
    /// `HTTP`, `HTTPS` or `TCP`.
    pub protocol: String,
    /// A separate port; `None` for the traffic port.
    pub port: Option<u16>,
    /// The path; `None` for TCP.
    pub path: Option<String>,
    /// The status codes that count as healthy, such as `200-299`; `None` for TCP. A gRPC target group has gRPC codes
    /// here.
    pub matcher: Option<String>,
    /// The timeout in seconds.
    pub timeout: u32,
}

/// A registered target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its address.
    pub id: String,
    pub port: i32,
    pub health: Health,
}

/// The health of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// `initial`, `healthy`, `unhealthy`, `unused`, `draining`, ….
    pub state: String,
    /// `Target.Timeout`, ….
    pub reason: Option<String>,
    /// The reason in words.
    pub description: Option<String>,
}

impl Health {
    /// The state `healthy`, without a reason.
    pub fn healthy() -> Self {
        Self { state: "healthy".into(), reason: None, description: None }
    }

    /// Any other state.
    pub fn other(state: &str, reason: &str, description: &str) -> Self {
        Self { state: state.into(), reason: Some(reason.into()), description: Some(description.into()) }
    }
}

/// A CloudWatch alarm.
#[derive(Clone, Debug)]
pub struct Alarm {
    pub name: String,
    /// Whether it watches a metric or other alarms.
    pub kind: AlarmKind,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// Why it is in this state.
    pub reason: String,
    /// Since when it has been in this state.
    pub since: SystemTime,
    pub tags: BTreeMap<String, String>,
    /// What keeps CloudWatch from evaluating it fully, or at all: `EVALUATION_ERROR`, `PARTIAL_DATA`, ….
    pub evaluation: Option<String>,
    /// The SNS topics that it notifies when it fires.
    pub actions: Vec<String>,
    /// Its changes of state, the oldest first.
    pub history: Vec<AlarmUpdate>,
}

impl Alarm {
    /// Changes its state, and adds the change to its history.
    pub fn set_state(&mut self, state: &str, reason: &str, at: SystemTime) {
        let from = std::mem::replace(&mut self.state, state.to_owned());
        self.history.push(AlarmUpdate { at, from, to: state.to_owned(), reason: reason.to_owned() });
        self.reason = reason.to_owned();
        self.since = at;
    }
}

/// A change of an alarm's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmUpdate {
    /// When it happened.
    pub at: SystemTime,
    /// The state before it.
    pub from: String,
    /// The state after it.
    pub to: String,
    /// The reason in CloudWatch's words.
    pub reason: String,
}

/// What an alarm watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmKind {
    Metric,
    /// Other alarms.
    Composite,
}
