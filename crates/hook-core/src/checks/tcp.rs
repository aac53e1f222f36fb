//! `tcp:`: a port accepts connections. For services without HTTP: a database proxy, a broker, a listener of a Network
//! Load Balancer.

use std::collections::BTreeMap;

use gate::{
    Condition, ReasonCode, Value,
    kinds::{TcpSpec, parse_host_port},
};

use super::{
    CheckContext, KnownFacts,
    attempt_counter::AttemptCounter,
    conditions::evaluate_conditions,
    facts::bind_facts,
    health_check_method::load_balancer_accepts,
    poll::{Attempt, poll},
    transport_error::TransportError,
};
use crate::finding::{Observation, Outcome};

pub async fn run(spec: &TcpSpec, cx: &CheckContext) -> Observation {
    let known = cx.resolve_facts(&spec.facts).await;
    let (host, port) = match resolve(spec, cx, &known) {
        Ok(place) => place,
        Err(observation) => return observation,
    };
    let expect = match bind_facts(&spec.expect, &known) {
        Ok(expect) => expect,
        Err(observation) => return observation,
    };
    let attempts = AttemptCounter::default();
    let attempt = || async { Attempt::Retryable(attempts.record(evaluate_once(spec, cx, &expect, &host, port).await)) };
    let seen = attempts.with_attempt_counts(poll(&spec.poll_policy, cx, attempt).await);
    match spec.required_route().and_then(|route| cx.listener(route).ok()) {
        Some(listener) if load_balancer_accepts(listener) => mark_service_unverified(seen),
        _ => seen,
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

fn resolve(spec: &TcpSpec, cx: &CheckContext, known: &KnownFacts) -> Result<(String, u16), Observation> {
    if let Some(route) = spec.required_route() {
        let listener = cx.listener(route)?;
        return Ok((listener.dns_name.clone(), listener.port));
    }
    let rendered = spec.address.render(known).map_err(|unknown| Observation::unresolved(unknown, "`tcp`"))?;
    let (host, port) = parse_host_port(rendered.expose_secret()).ok_or_else(|| {
        Observation::errored(ReasonCode::RequestFailed, "`tcp`", format!("{rendered} is not HOST:PORT"))
    })?;
    cx.http_client
        .egress()
        .check_host(&host)
        .map_err(|refused| TransportError::not_allowed(refused).observe(format!("TCP {rendered}"), "a connection"))?;
    Ok((host, port))
}

async fn evaluate_once(spec: &TcpSpec, cx: &CheckContext, expect: &[Condition], host: &str, port: u16) -> Observation {
    let resource = format!("TCP {host}:{port}");
    match cx.http_client.open_connection(host, port, spec.timeout).await {
        Err(transport_error) => transport_error.observe(resource, "a connection"),
        Ok(latency) => {
            let facts = BTreeMap::from([("latency", Value::Duration(latency))]);
            // An open connection always has a latency.
            let absent = |condition: &Condition, subject: &str| {
                let seen = format!("no {subject}");
                Observation::no_data(ReasonCode::CheckFailed, &resource, condition.to_string(), seen)
            };
            let seen = format!("accepts connections ({})", gate::format_duration(latency));
            let observation = match expect {
                [] => Observation::passed(&resource, ""),
                _ => evaluate_conditions(&resource, expect, &facts, absent),
            };
            if observation.is_ok() { Observation { actual: seen, ..observation } } else { observation }
        }
    }
}
