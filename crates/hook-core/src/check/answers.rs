//! `answers: test|production`: the service answers through a listener, several times in a row, as its target group's
//! own health check would have it. Where the listener is TCP, that it accepts connections is all that can be asked.

use std::{sync::Arc, time::Duration};

use reqwest::Method;

use super::{
    Check, Kind, Looking, Route, Routing, Scene, Wanted,
    attempts::Attempts,
    http::{SUBJECTS, ask, resolve},
    poll::{Look, Pace},
    probe::Request,
    way::Way,
};
use crate::{
    code::Code,
    finding::Observation,
    gate::{Condition, Fields},
    target::{Listener, TargetGroup},
};

pub const KIND: Kind = Kind { key: "answers", read };

#[derive(Debug)]
struct Answers {
    route: Route,
    path: Option<String>,
    timeout: Duration,
    connect_timeout: Duration,
    pace: Pace,
    expect: Vec<Condition>,
}

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let route = fields.choice("answers", &Route::WORDS);
    let path = fields.text("path");
    if let (Some(path), Some(node)) = (&path, fields.node("path"))
        && !path.starts_with('/')
    {
        fields.fault(node.at, format!("`path` begins with /, not {path:?}"));
    }
    let defaults = fields.scope().defaults.http;
    let timeout = fields.duration_or("timeout", defaults.timeout);
    let connect_timeout = fields.duration_or("connect_timeout", defaults.connect_timeout);
    // A listener that has just switched may still send some requests to the other side.
    let pace = Pace { within: Duration::from_secs(30), consecutive: 3, every: Duration::from_secs(1), ..Pace::ONCE };
    let pace = Pace::read(fields, &pace);
    let expect = fields.expect(SUBJECTS);
    Some(Arc::new(Answers { route: route?, path, timeout, connect_timeout, pace, expect }))
}

impl Check for Answers {
    fn title(&self) -> String {
        format!("answers {}", self.route.word())
    }

    fn uses(&self) -> Option<Route> {
        Some(self.route)
    }

    fn foreseen(&self, routing: &Routing<'_>) -> Option<Observation> {
        let listener = routing.listener_of_requests(self.route)?;
        if !matches!(listener.protocol.as_str(), "HTTP" | "HTTPS") || self.is_grpc(routing) {
            return None;
        }
        match self.question(routing) {
            Ok((path, _)) => {
                let seen = routing.foreseen(self.route, &format!("GET {path}"), &Wanted::get(&path))?;
                Some(self.not_routable(routing, seen))
            }
            Err(observation) => Some(*observation),
        }
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let listener = match scene.listener(self.route) {
                Ok(listener) => Some(listener),
                // With ALB_URL there is an address to ask, whatever the listener is.
                Err(_) if self.route == Route::Test && scene.test_address.is_some() => None,
                Err(observation) => return observation,
            };
            let is_http = |listener: &&Listener| matches!(listener.protocol.as_str(), "HTTP" | "HTTPS");
            let only_connects = match listener {
                Some(listener) if !is_http(&listener) => Some((listener, "a TCP listener")),
                Some(listener) if self.is_grpc(&scene.routing()) => Some((listener, "a gRPC service")),
                _ => None,
            };
            if let Some((listener, what)) = only_connects {
                return self
                    .pace
                    .watch(scene, || async { Look::Now(self.connects(scene, listener, what).await) })
                    .await;
            }
            let asked =
                self.question(&scene.routing()).map_err(|observation| *observation).and_then(|(path, expect)| {
                    let address = scene.address(self.route, &Wanted::get(&path))?;
                    Ok((resolve(address, &path)?, expect))
                });
            let ((url, detour), expect) = match asked {
                Ok((place, expect)) => match scene.rendered(&expect).await {
                    Ok(expect) => (place, expect),
                    Err(observation) => return observation,
                },
                Err(observation) => return observation,
            };
            let way = Way { detour, connect_timeout: self.connect_timeout, ..Way::default() };
            let mut request = Request {
                way,
                timeout: self.timeout,
                redactor: scene.secrets.redactor(),
                ..Request::plain(Method::GET, url)
            };
            let leads = match scene.leads_to_green(Some(self.route), &mut request).await {
                Ok(leads) => leads,
                Err(observation) => return self.not_routable(&scene.routing(), observation),
            };
            let attempts = Attempts::default();
            let attempt = || async { Look::Now(ask(&scene.probe, &request, &expect, &attempts).await) };
            leads.told(attempts.reported(self.pace.watch(scene, attempt).await))
        })
    }
}

impl Answers {
    /// Whether the target group speaks gRPC, and the gate file does not say what else to ask.
    fn is_grpc(&self, routing: &Routing<'_>) -> bool {
        routing.green.is_some_and(|group| group.protocol_version == "GRPC")
            && self.path.is_none()
            && self.expect.is_empty()
    }

    async fn connects(&self, scene: &Scene, listener: &Listener, what: &str) -> Observation {
        let (host, port) = (&listener.dns_name, listener.port);
        let resource = format!("TCP {host}:{port}");
        match scene.probe.connect(host, port, self.timeout).await {
            Ok(_) => Observation::passed(resource, format!("accepts connections ({what}: nothing more is asked)")),
            Err(trouble) => Observation::failed(trouble.code, resource, "a connection", trouble.words()),
        }
    }

    /// The path of the health check is a guess at what the listener lets through; a path of the gate file is not.
    fn not_routable(&self, routing: &Routing<'_>, observation: Observation) -> Observation {
        if self.path.is_some() || observation.code != Some(Code::RuleLeadsElsewhere) {
            return observation;
        }
        let group = routing.green.map(|group| group.name.as_str()).unwrap_or_default();
        let seen = format!("{} ({})", observation.seen, observation.resource);
        let expected = "a health-check path that a listener rule forwards to it";
        Observation::failed(Code::PathUnknown, format!("target group {group}"), expected, seen)
    }

    /// What to ask and what to expect: the check's own words, else the target group's health check, where that can be
    /// asked through the listener.
    fn question(&self, routing: &Routing<'_>) -> Result<(String, Vec<Condition>), Box<Observation>> {
        let group = routing.green;
        let path = match &self.path {
            Some(path) => path.clone(),
            None => {
                let titled = |group: &TargetGroup| format!("target group {}", group.name);
                let unknown = |seen: String| {
                    let resource = group.map(titled).unwrap_or_default();
                    Box::new(Observation::failed(
                        Code::PathUnknown,
                        resource,
                        "a path to ask through the listener",
                        seen,
                    ))
                };
                let traffic = routing.container_port.or(group.and_then(|group| group.port));
                match group.and_then(|group| group.health_port) {
                    Some(own) if Some(own) != traffic => {
                        return Err(unknown(format!(
                            "none: its health check asks port {own}, which the listener does not lead to"
                        )));
                    }
                    _ => group.and_then(|group| group.health_path.clone()).unwrap_or_else(|| "/".to_owned()),
                }
            }
        };
        if !self.expect.is_empty() {
            return Ok((path, self.expect.clone()));
        }
        // A TCP health check has no matcher; AWS's default for HTTP is 200.
        let codes = group.and_then(|group| group.health_codes.clone()).unwrap_or_else(|| "200".to_owned());
        match Condition::parse(&format!("status in {codes}"), SUBJECTS) {
            Ok(condition) => Ok((path, vec![condition])),
            Err(why) => {
                let resource = group.map(|group| format!("target group {}", group.name)).unwrap_or_default();
                Err(Box::new(Observation::errored(
                    Code::UnexpectedReply,
                    resource,
                    format!("its matcher {codes:?} cannot be read: {why}"),
                )))
            }
        }
    }
}
