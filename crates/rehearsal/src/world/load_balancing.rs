//! The load balancer's part of the world, and CloudWatch's alarms.

use std::{collections::BTreeMap, time::SystemTime};

/// A load balancer.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The name that leads to it: `localhost`, since the listeners here are real ones.
    pub dns_name: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// `application` or `network`.
    pub kind: String,
    /// Its VPC.
    pub vpc: String,
    /// Its security groups.
    pub security_groups: Vec<String>,
}

/// A listener.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// ARN of its load balancer.
    pub load_balancer: String,
    /// Its port, which is a real one on loopback.
    pub port: u16,
    /// `HTTP`, `HTTPS`, `TCP`, `TLS`, ….
    pub protocol: String,
    /// Where it forwards when no rule says otherwise: ARNs of target groups with weights.
    pub default: Vec<(String, i32)>,
    /// Its other rules.
    pub rules: Vec<Rule>,
    /// ARNs of its certificates.
    pub certificates: Vec<String>,
}

/// A rule of a listener.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its ARN.
    pub arn: String,
    /// The smaller, the sooner it is asked.
    pub priority: u32,
    /// What has to be true of a request; all of it.
    pub conditions: Vec<Condition>,
    /// Where it forwards: ARNs of target groups with weights. None where it ends in another way.
    pub forward: Vec<(String, i32)>,
    /// What happens to a request that meets it.
    pub action: RuleAction,
}

/// What happens to a request that meets a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RuleAction {
    /// It is forwarded.
    #[default]
    Forward,
    /// The load balancer answers with this status itself.
    FixedResponse(u16),
    /// The client is sent to this URL, in which `#{host}`, `#{port}`, `#{path}`, `#{protocol}` stand for its own.
    Redirect(String),
    /// Whoever has no session is sent to log in, and the others are forwarded.
    Authenticate,
}

/// What a rule asks. One of the values is enough; `*` and `?` are wildcards, except in methods and addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `host-header`.
    Host(Vec<String>),
    /// `path-pattern`.
    Path(Vec<String>),
    /// `http-request-method`.
    Method(Vec<String>),
    /// `query-string`: keys, where they matter, with values.
    Query(Vec<(Option<String>, String)>),
    /// `http-header`: a name with values.
    Header(String, Vec<String>),
    /// `source-ip`: CIDR blocks.
    SourceIp(Vec<String>),
}

/// A target group.
#[derive(Clone, Debug)]
pub struct TargetGroup {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// `HTTP`, `TCP`, ….
    pub protocol: String,
    /// `HTTP1`, `HTTP2` or `GRPC`; none where it does not speak HTTP.
    pub protocol_version: Option<String>,
    /// The port of its targets, unless they say otherwise.
    pub port: i32,
    /// How it asks for health.
    pub health_check: HealthCheck,
    /// What is registered with it.
    pub targets: Vec<Target>,
}

/// How a target group asks for health.
#[derive(Clone, Debug)]
pub struct HealthCheck {
    /// Whether it asks.
    pub enabled: bool,
    /// `HTTP`, `HTTPS` or `TCP`.
    pub protocol: String,
    /// A port of its own; none for the port of the traffic.
    pub port: Option<u16>,
    /// The path; none for TCP.
    pub path: Option<String>,
    /// The status codes that count as healthy, such as `200-299`; none for TCP. A group that speaks gRPC has gRPC's codes.
    pub matcher: Option<String>,
    /// How many seconds it waits for an answer.
    pub timeout: u32,
}

/// A registered target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its address.
    pub id: String,
    /// Its port.
    pub port: i32,
    /// How it is.
    pub health: Health,
}

/// How a target is.
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
    /// Nothing to complain about.
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
    /// Its name.
    pub name: String,
    /// Whether it watches a metric or other alarms.
    pub kind: AlarmKind,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// Why it is in this state.
    pub reason: String,
    /// Since when it is.
    pub since: SystemTime,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// What keeps CloudWatch from evaluating it, or from evaluating it fully: `EVALUATION_ERROR`, `PARTIAL_DATA`, ….
    pub evaluation: Option<String>,
    /// The states that it came into, the oldest first.
    pub history: Vec<AlarmUpdate>,
}

impl Alarm {
    /// It changes its state, and its history has that.
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
    /// When.
    pub at: SystemTime,
    /// The state before it.
    pub from: String,
    /// The state after it.
    pub to: String,
    /// CloudWatch's words.
    pub reason: String,
}

/// What an alarm watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmKind {
    /// A metric.
    Metric,
    /// Other alarms.
    Composite,
}
