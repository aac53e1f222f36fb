//! `tcp:`: a port accepts connections. For what speaks no HTTP: a database proxy, a broker, a listener of a Network
//! Load Balancer.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Check, Kind, Looking, Route, Scene,
    judge::judge,
    poll::{Look, Pace},
};
use crate::{
    code::Code,
    finding::Observation,
    gate::{Condition, Fields, Subject, Value},
};

pub const KIND: Kind = Kind { key: "tcp", read };

const SUBJECTS: &[Subject] = &[Subject::new("latency", Code::TooSlow)];

/// Within AWS a connection is there in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// The port of a listener.
    On(Route),
    At(String, u16),
}

#[derive(Debug)]
struct Tcp {
    place: Place,
    text: String,
    timeout: Duration,
    pace: Pace,
    expect: Vec<Condition>,
}

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let template = fields.template("tcp");
    let timeout = fields.duration_or("timeout", TIMEOUT);
    let pace = Pace::read(fields, &Pace { every: Duration::from_secs(1), ..Pace::ONCE });
    let expect = fields.expect(SUBJECTS);
    let text = text?;
    let Some(place) = parse(&text) else {
        fields.fault(at, "`tcp` is HOST:PORT, {{test_url}} or {{production_url}}");
        return None;
    };
    Some(Arc::new(Tcp { place, text, timeout, pace, expect }))
}

fn parse(text: &str) -> Option<Place> {
    let inner = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).map(str::trim);
    match inner {
        Some("test_url") => Some(Place::On(Route::Test)),
        Some("production_url") => Some(Place::On(Route::Production)),
        Some(_) => None,
        None => {
            let (host, port) = text.trim().rsplit_once(':')?;
            let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            let plain = !host.is_empty() && !host.contains(['/', '@', ' ', '{']);
            Some(Place::At(host.to_owned(), port.parse().ok().filter(|port| *port > 0)?)).filter(|_| plain)
        }
    }
}

impl Check for Tcp {
    fn title(&self) -> String {
        format!("tcp {}", self.text)
    }

    fn uses(&self) -> Option<Route> {
        match self.place {
            Place::On(route) => Some(route),
            Place::At(..) => None,
        }
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let (host, port) = match &self.place {
                Place::At(host, port) => (host.clone(), *port),
                Place::On(route) => match scene.listener(*route) {
                    Ok(listener) => (listener.dns_name.clone(), listener.port),
                    Err(observation) => return observation,
                },
            };
            self.pace.watch(scene, || async { Look::Now(self.once(scene, &host, port).await) }).await
        })
    }
}

impl Tcp {
    async fn once(&self, scene: &Scene, host: &str, port: u16) -> Observation {
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
                let mut observation = judge(&resource, &self.expect, &facts, absent);
                if observation.holds() {
                    observation.seen = format!("accepts connections ({})", crate::gate::in_words(latency));
                }
                observation
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_host_with_a_port_or_a_fact() {
        assert_eq!(parse("db.internal:5432"), Some(Place::At("db.internal".into(), 5432)));
        assert_eq!(parse("[::1]:80"), Some(Place::At("::1".into(), 80)));
        assert_eq!(parse("{{ test_url }}"), Some(Place::On(Route::Test)));
        for text in ["", "db.internal", ":80", "db:0", "db:x", "http://db:80/", "{{purple}}", "{{test_url}}:80"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
