//! `tcp:`: a port accepts connections. For services without HTTP: a database proxy, a broker, a listener of a Network
//! Load Balancer.

use std::{collections::BTreeSet, time::Duration};

use lifecycle::TrafficRoute;

use super::{KindSpec, PollPolicy};
use crate::{Condition, Fact, MapReader, Subject, Template, reason_code::ReasonCode};

pub(super) const KEY: &str = "tcp";

const SUBJECTS: &[Subject] = &[Subject::duration("latency", ReasonCode::TooSlow)];

/// Within AWS a connection opens in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);

const EXPECTED_FORM: &str = "`tcp` is HOST:PORT, {{test_url}} or {{production_url}}";

/// A connection to a port.
#[derive(Clone, Debug)]
pub struct TcpSpec {
    pub address: Template,
    pub facts: BTreeSet<Fact>,
    pub timeout: Duration,
    pub poll_policy: PollPolicy,
    pub expect: Vec<Condition>,
}

pub(super) fn read(fields: &mut MapReader<'_>) -> Option<TcpSpec> {
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
    Some(TcpSpec { address: place, facts, timeout, poll_policy, expect })
}

pub fn parse_host_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.trim().rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let plain = !host.is_empty() && !host.contains(['/', '@', ' ', '{']);
    let port = port.parse().ok().filter(|port| *port > 0)?;
    plain.then(|| (host.to_owned(), port))
}

impl TcpSpec {
    /// The listener whose address it connects to.
    pub fn required_route(&self) -> Option<TrafficRoute> {
        self.address.split_listener_url().map(|(route, _)| route)
    }
}

impl KindSpec for TcpSpec {
    fn key(&self) -> &'static str {
        KEY
    }

    fn default_name(&self) -> String {
        format!("tcp {}", self.address)
    }

    fn required_route(&self) -> Option<TrafficRoute> {
        Self::required_route(self)
    }

    fn is_simulated(&self) -> bool {
        self.required_route().is_some()
    }

    fn poll_policy(&self) -> Option<&PollPolicy> {
        Some(&self.poll_policy)
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn expect(&self) -> &[Condition] {
        &self.expect
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
