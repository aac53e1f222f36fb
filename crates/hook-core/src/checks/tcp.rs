//! `tcp:`: a port accepts connections. For services without HTTP: a database proxy, a broker, a listener of a Network
//! Load Balancer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    Check, CheckContext, CheckFuture, CheckKind, TrafficRoute,
    attempt_counter::AttemptCounter,
    conditions::evaluate_conditions,
    facts,
    health_check_method::load_balancer_accepts,
    http::bind_facts,
    poll::{Attempt, PollPolicy},
};
use crate::{
    code::ReasonCode,
    finding::{Observation, Outcome},
    gate::{Condition, Fact, MapReader, Subject, Template, Value},
};

pub const KIND: CheckKind = CheckKind { key: "tcp", read };

const SUBJECTS: &[Subject] = &[Subject::duration("latency", ReasonCode::TooSlow)];

/// Within AWS a connection opens in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);

const EXPECTED_FORM: &str = "`tcp` is HOST:PORT, {{test_url}} or {{production_url}}";

#[derive(Debug)]
struct Tcp {
    address: Template,
    facts: BTreeSet<Fact>,
    timeout: Duration,
    poll_policy: PollPolicy,
    expect: Vec<Condition>,
}

fn read(fields: &mut MapReader<'_>) -> Option<Arc<dyn Check>> {
    let address = fields.template("tcp");
    let timeout = fields.duration_or("timeout", TIMEOUT);
    let poll_policy =
        PollPolicy::read(fields, &PollPolicy { every: Duration::from_secs(1), ..PollPolicy::SINGLE_ATTEMPT });
    let expect = fields.expect(SUBJECTS);
    let facts = fields.facts().clone();
    let place = address?;
    let sound = match place.split_listener_url() {
        Some((_, rest)) => rest.to_string().is_empty(),
        // With a fact, the text can be parsed only when the check runs.
        None => place.facts().next().is_some() || parse_host_port(&place.to_string()).is_some(),
    };
    if !sound {
        fields.error(fields.position_of("tcp"), EXPECTED_FORM);
        return None;
    }
    Some(Arc::new(Tcp { address: place, facts, timeout, poll_policy, expect }))
}

/// Parses host and port.
fn parse_host_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.trim().rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let plain = !host.is_empty() && !host.contains(['/', '@', ' ', '{']);
    let port = port.parse().ok().filter(|port| *port > 0)?;
    plain.then(|| (host.to_owned(), port))
}

impl Check for Tcp {
    fn default_name(&self) -> String {
        format!("tcp {}", self.address)
    }

    fn required_route(&self) -> Option<TrafficRoute> {
        self.address.split_listener_url().map(|(route, _)| route)
    }

    fn run<'a>(&'a self, cx: &'a CheckContext) -> CheckFuture<'a> {
        Box::pin(async {
            let known = cx.resolve_facts(&self.facts).await;
            let (host, port) = match self.resolve(cx, &known) {
                Ok(place) => place,
                Err(observation) => return observation,
            };
            let expect = match bind_facts(&self.expect, &known) {
                Ok(expect) => expect,
                Err(observation) => return observation,
            };
            let attempts = AttemptCounter::default();
            let attempt =
                || async { Attempt::Retryable(attempts.record(self.evaluate_once(cx, &expect, &host, port).await)) };
            let seen = attempts.with_attempt_counts(self.poll_policy.poll(cx, attempt).await);
            match self.address.split_listener_url().and_then(|(route, _)| cx.listener(route).ok()) {
                Some(listener) if load_balancer_accepts(listener) => mark_service_unverified(seen),
                _ => seen,
            }
        })
    }
}

/// If the load balancer itself accepts the connection, that proves nothing about the service.
pub(super) fn mark_service_unverified(seen: Observation) -> Observation {
    if seen.outcome != Outcome::Passed {
        return seen;
    }
    let why = "the load balancer itself accepts connections here, so the service was not checked".to_owned();
    seen.prepend_details([why]).with_outcome(Outcome::Unverified, ReasonCode::ServiceUnverified)
}

impl Tcp {
    fn resolve(&self, cx: &CheckContext, known: &facts::ResolvedFacts) -> Result<(String, u16), Observation> {
        if let Some((route, _)) = self.address.split_listener_url() {
            let listener = cx.listener(route)?;
            return Ok((listener.dns_name.clone(), listener.port));
        }
        let rendered = self.address.render(known).map_err(|unknown| unknown.into_observation("`tcp`"))?;
        parse_host_port(rendered.expose_secret()).ok_or_else(|| {
            Observation::errored(ReasonCode::RequestFailed, "`tcp`", format!("{rendered} is not HOST:PORT"))
        })
    }

    async fn evaluate_once(&self, cx: &CheckContext, expect: &[Condition], host: &str, port: u16) -> Observation {
        let resource = format!("TCP {host}:{port}");
        match cx.http_client.open_connection(host, port, self.timeout).await {
            Err(transport_error) => {
                Observation::failed(transport_error.code, resource, "a connection", transport_error.describe())
            }
            Ok(latency) => {
                let facts = BTreeMap::from([("latency", Value::Duration(latency))]);
                // An open connection always has a latency.
                let absent = |condition: &Condition, subject: &str| {
                    let seen = format!("no {subject}");
                    Observation::no_data(ReasonCode::CheckFailed, &resource, condition.to_string(), seen)
                };
                let seen = format!("accepts connections ({})", crate::gate::format_duration(latency));
                let observation = match expect {
                    [] => Observation::passed(&resource, ""),
                    _ => evaluate_conditions(&resource, expect, &facts, absent),
                };
                if observation.is_ok() { Observation { actual: seen, ..observation } } else { observation }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_host_with_a_port() {
        assert_eq!(parse_host_port("db.internal:5432"), Some(("db.internal".into(), 5432)));
        assert_eq!(parse_host_port("[::1]:80"), Some(("::1".into(), 80)));
        for text in ["", "db.internal", ":80", "db:0", "db:x", "http://db:80/", "{{purple}}:1", "db:99999"] {
            assert_eq!(parse_host_port(text), None, "{text}");
        }
    }
}
