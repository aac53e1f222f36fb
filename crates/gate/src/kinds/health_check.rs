//! `health_check: test|production`: the service passes its target group's own health check through a listener, several
//! times in a row.

use std::time::Duration;

use lifecycle::TrafficRoute;

use super::{KindSpec, PollPolicy, RESPONSE_SUBJECTS};
use crate::{Condition, HttpDefaults, MapReader};

pub(super) const KEY: &str = "health_check";

/// `within` is for a listener that has just switched and may still send some requests to the other version. It ends
/// with the first correct response. If every second task is broken, 10 requests in a row meet only good ones in 1 of
/// 1,000 runs.
const DEFAULT_POLL: PollPolicy = PollPolicy {
    within: Duration::from_secs(30),
    consecutive: 10,
    every: Duration::from_millis(500),
    ..PollPolicy::SINGLE_ATTEMPT
};

/// A health check through a listener.
#[derive(Clone, Debug)]
pub struct HealthCheckSpec {
    pub route: TrafficRoute,
    pub path: Option<String>,
    pub timeout: Duration,
    /// Whether the gate file sets the timeout. Otherwise the target group's timeout counts if it is longer.
    pub has_timeout: bool,
    pub connect_timeout: Duration,
    pub poll_policy: PollPolicy,
    pub expect: Vec<Condition>,
}

pub(super) fn read(fields: &mut MapReader<'_>) -> Option<HealthCheckSpec> {
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
    let expect = fields.expect(RESPONSE_SUBJECTS);
    Some(HealthCheckSpec { route: route?, path, timeout, has_timeout, connect_timeout, poll_policy, expect })
}

impl HealthCheckSpec {
    /// Whether the gate file says what to request or to expect.
    pub fn has_own_request(&self) -> bool {
        self.path.is_some() || !self.expect.is_empty()
    }
}

impl KindSpec for HealthCheckSpec {
    fn key(&self) -> &'static str {
        KEY
    }

    fn default_name(&self) -> String {
        format!("health_check {}", self.route.as_str())
    }

    fn listener(&self) -> Option<TrafficRoute> {
        Some(self.route)
    }

    fn required_route(&self) -> Option<TrafficRoute> {
        Some(self.route)
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn poll_policy(&self) -> Option<&PollPolicy> {
        Some(&self.poll_policy)
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn connect_timeout(&self) -> Option<Duration> {
        Some(self.connect_timeout)
    }

    fn expect(&self) -> &[Condition] {
        &self.expect
    }
}
