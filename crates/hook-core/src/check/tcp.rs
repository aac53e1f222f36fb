//! `tcp:`: a port accepts connections. For what speaks no HTTP: a database proxy, a broker, a listener of a Network
//! Load Balancer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    Check, Kind, Looking, Route, Scene,
    attempts::Attempts,
    health_check::accepts_itself,
    http::with_facts,
    judge::judge,
    known,
    poll::{Look, Pace},
};
use crate::{
    code::Code,
    finding::{Observation, Outcome},
    gate::{Condition, Fact, Fields, Subject, Template, Value},
};

pub const KIND: Kind = Kind { key: "tcp", read };

const SUBJECTS: &[Subject] = &[Subject::duration("latency", Code::TooSlow)];

/// Within AWS a connection is there in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);

const FORM: &str = "`tcp` is HOST:PORT, {{test_url}} or {{production_url}}";

#[derive(Debug)]
struct Tcp {
    place: Template,
    facts: BTreeSet<Fact>,
    timeout: Duration,
    pace: Pace,
    expect: Vec<Condition>,
}

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let place = fields.template("tcp");
    let timeout = fields.duration_or("timeout", TIMEOUT);
    let pace = Pace::read(fields, &Pace { every: Duration::from_secs(1), ..Pace::ONCE });
    let expect = fields.expect(SUBJECTS);
    let facts = fields.facts().clone();
    let place = place?;
    let sound = match place.on() {
        Some((_, rest)) => rest.to_string().is_empty(),
        // What a fact makes of it shows when the check runs.
        None => place.facts().next().is_some() || parse(&place.to_string()).is_some(),
    };
    if !sound {
        fields.fault(fields.place_of("tcp"), FORM);
        return None;
    }
    Some(Arc::new(Tcp { place, facts, timeout, pace, expect }))
}

/// Host and port.
fn parse(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.trim().rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let plain = !host.is_empty() && !host.contains(['/', '@', ' ', '{']);
    let port = port.parse().ok().filter(|port| *port > 0)?;
    plain.then(|| (host.to_owned(), port))
}

impl Check for Tcp {
    fn title(&self) -> String {
        format!("tcp {}", self.place)
    }

    fn uses(&self) -> Option<Route> {
        self.place.on().map(|(route, _)| route)
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let known = scene.known(&self.facts).await;
            let (host, port) = match self.resolve(scene, &known) {
                Ok(place) => place,
                Err(observation) => return observation,
            };
            let expect = match with_facts(&self.expect, &known) {
                Ok(expect) => expect,
                Err(observation) => return observation,
            };
            let attempts = Attempts::default();
            let attempt = || async { Look::Now(attempts.count(self.once(scene, &expect, &host, port).await)) };
            let seen = attempts.reported(self.pace.watch(scene, attempt).await);
            match self.place.on().and_then(|(route, _)| scene.listener(route).ok()) {
                Some(listener) if accepts_itself(listener) => unverified(seen),
                _ => seen,
            }
        })
    }
}

/// A connection that the load balancer itself accepts proves nothing about the service.
pub(super) fn unverified(seen: Observation) -> Observation {
    if seen.outcome != Outcome::Passed {
        return seen;
    }
    let why = "the load balancer itself accepts connections here, so the service was not asked".to_owned();
    seen.led_by([why]).but(Outcome::Doubtful, Code::ServiceUnverified)
}

impl Tcp {
    fn resolve(&self, scene: &Scene, known: &known::Facts) -> Result<(String, u16), Observation> {
        if let Some((route, _)) = self.place.on() {
            let listener = scene.listener(route)?;
            return Ok((listener.dns_name.clone(), listener.port));
        }
        let rendered = self.place.render(known).map_err(|unknown| unknown.observed("`tcp`"))?;
        parse(rendered.reveal())
            .ok_or_else(|| Observation::errored(Code::RequestFailed, "`tcp`", format!("{rendered} is not HOST:PORT")))
    }

    async fn once(&self, scene: &Scene, expect: &[Condition], host: &str, port: u16) -> Observation {
        let resource = format!("TCP {host}:{port}");
        match scene.probe.connect(host, port, self.timeout).await {
            Err(trouble) => Observation::failed(trouble.code, resource, "a connection", trouble.words()),
            Ok(latency) => {
                let facts = BTreeMap::from([("latency", Value::Span(latency))]);
                // A connection that is there has a latency.
                let absent = |condition: &Condition, subject: &str| {
                    let seen = format!("no {subject}");
                    Observation::no_data(Code::CheckFailed, &resource, condition.to_string(), seen)
                };
                let seen = format!("accepts connections ({})", crate::gate::in_words(latency));
                let observation = match expect {
                    [] => Observation::passed(&resource, ""),
                    _ => judge(&resource, expect, &facts, absent),
                };
                if observation.holds() { Observation { seen, ..observation } } else { observation }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_host_with_a_port() {
        assert_eq!(parse("db.internal:5432"), Some(("db.internal".into(), 5432)));
        assert_eq!(parse("[::1]:80"), Some(("::1".into(), 80)));
        for text in ["", "db.internal", ":80", "db:0", "db:x", "http://db:80/", "{{purple}}:1", "db:99999"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
