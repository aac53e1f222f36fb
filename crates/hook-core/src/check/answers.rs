//! `answers: test|production`: the service answers through a listener, several times in a row, as its target group's
//! own health check would have it. Where the listener is TCP, that it accepts connections may be all that can be asked.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, header::HeaderMap};

use super::{
    Check, Kind, Looking, Route, Routing, Scene, Wanted,
    attempts::Attempts,
    grpc,
    health_check::{self, Means},
    http::{SUBJECTS, ask, resolve},
    poll::{Look, Pace},
    probe::Request,
    tcp::unverified,
    way::{Detour, Way},
};
use crate::{
    code::Code,
    finding::{Observation, Outcome},
    gate::{Condition, Fields, HttpDefaults},
    target::{Listener, TargetGroup},
};

pub const KIND: Kind = Kind { key: "answers", read };

/// `within` is for a listener that has just switched and may still send some requests to the other side. It ends with the
/// first right answer. Of tasks of which every second is broken, 10 requests in a row meet only good ones in 1 of 1,000 runs.
const PACE: Pace =
    Pace { within: Duration::from_secs(30), consecutive: 10, every: Duration::from_millis(500), ..Pace::ONCE };
/// So many wrong answers after a right one are forgiven, where `consecutive` right ones follow: a good service drops a request
/// now and then. It is reported as a warning.
const FORGIVEN: u32 = 1;

#[derive(Debug)]
struct Answers {
    route: Route,
    path: Option<String>,
    timeout: Duration,
    /// Whether the gate file says it; else the target group's counts where it is longer.
    has_timeout: bool,
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
    let has_timeout = fields.has("timeout") || defaults.timeout != HttpDefaults::default().timeout;
    let timeout = fields.duration_or("timeout", defaults.timeout);
    let connect_timeout = fields.duration_or("connect_timeout", defaults.connect_timeout);
    let pace = Pace::read(fields, &PACE);
    let expect = fields.expect(SUBJECTS);
    Some(Arc::new(Answers { route: route?, path, timeout, has_timeout, connect_timeout, pace, expect }))
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
        match Means::for_listener(Some(listener), routing.green, self.says_what_to_ask()) {
            Means::Http if health_check::accepts_itself(listener) => match self.question(routing) {
                Ok((path, _)) => {
                    let seen = routing.foreseen(self.route, &format!("GET {path}"), &Wanted::get(&path))?;
                    Some(self.not_routable(routing, seen))
                }
                Err(observation) => Some(*observation),
            },
            Means::Grpc => {
                let (path, _) = health_check::grpc(routing.green);
                let wanted = Wanted::new("POST", path, &HeaderMap::new());
                let seen = routing.foreseen(self.route, &format!("POST {path}"), &wanted)?;
                Some(self.not_routable(routing, seen))
            }
            _ => None,
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
            let group = scene.target.green_group.as_ref();
            let attempts = Attempts::default();
            let seen = match Means::for_listener(listener, group, self.says_what_to_ask()) {
                Means::Http => self.requests(scene, &attempts).await,
                Means::Grpc => self.calls(scene, &attempts).await,
                Means::Handshake(listener) => self.handshakes(scene, listener, &attempts).await,
                Means::Connection(listener) => self.connects(scene, listener, &attempts).await,
                Means::Nothing(listener) => {
                    let seen = "a UDP listener, of which nothing can be asked";
                    Observation::passed(listener.title(), seen).but(Outcome::Doubtful, Code::ServiceUnverified)
                }
            };
            attempts.forgiven(attempts.reported(seen))
        })
    }
}

impl Answers {
    fn says_what_to_ask(&self) -> bool {
        self.path.is_some() || !self.expect.is_empty()
    }

    /// As the target group's health check over HTTP, or as the gate file says.
    async fn requests(&self, scene: &Scene, attempts: &Attempts) -> Observation {
        let asked = self.question(&scene.routing()).map_err(|observation| *observation).and_then(|(path, expect)| {
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
        let mut request = Request {
            way: self.way(detour),
            timeout: self.limit(scene),
            redactor: scene.secrets.redactor(),
            ..Request::plain(Method::GET, url)
        };
        let leads = match scene.leads_to_green(Some(self.route), &mut request).await {
            Ok(leads) => leads,
            Err(observation) => return self.not_routable(&scene.routing(), observation),
        };
        let attempt = || async { after_grace(attempts, ask(&scene.probe, &request, &expect, attempts).await) };
        leads.told(self.pace.watch(scene, attempt).await)
    }

    /// As the target group's health check over gRPC.
    async fn calls(&self, scene: &Scene, attempts: &Attempts) -> Observation {
        let (path, codes) = health_check::grpc(scene.target.green_group.as_ref());
        let address = scene.address(self.route, &Wanted::new("POST", path, &HeaderMap::new()));
        let (url, detour) = match address.and_then(|address| resolve(address, path)) {
            Ok(place) => place,
            Err(observation) => return observation,
        };
        let title = format!("gRPC health check {url}");
        let request = Request {
            way: self.way(detour),
            timeout: self.limit(scene),
            redactor: scene.secrets.redactor(),
            ..Request::plain(Method::POST, url)
        };
        let mut request = Request { title, ..grpc::call(request, "") };
        let leads = match scene.leads_to_green(Some(self.route), &mut request).await {
            Ok(leads) => leads,
            Err(observation) => return self.not_routable(&scene.routing(), observation),
        };
        let call = || grpc::call_health_check(&scene.probe, &request, codes, attempts);
        leads.told(self.pace.watch(scene, || async { after_grace(attempts, call().await) }).await)
    }

    /// A TLS handshake, where a host name is known to compare the certificate with; else a connection.
    async fn handshakes(&self, scene: &Scene, listener: &Listener, attempts: &Attempts) -> Observation {
        let address = scene.address(self.route, &Wanted::get("/"));
        let Some(to) = address.ok().and_then(|address| address.detour) else {
            let seen = self.connects(scene, listener, attempts).await;
            let why = "its certificate was not verified: set GREENLIGHT_HOST to a name that it covers".to_owned();
            return unverified(seen).with([why]);
        };
        let resource = format!("TLS {}:{}", to.host, listener.port);
        let handshake = || async {
            let seen = match scene.probe.handshake(&to, listener.port, self.limit(scene)).await {
                Ok(_) => Observation::passed(&resource, "completes a TLS handshake"),
                Err(trouble) => Observation::failed(trouble.code, &resource, "a TLS handshake", trouble.words()),
            };
            after_grace(attempts, attempts.count(seen))
        };
        unverified(self.pace.watch(scene, handshake).await)
    }

    async fn connects(&self, scene: &Scene, listener: &Listener, attempts: &Attempts) -> Observation {
        let (host, port) = (&listener.dns_name, listener.port);
        let resource = format!("TCP {host}:{port}");
        let connection = || async {
            let seen = match scene.probe.connect(host, port, self.timeout).await {
                Ok(_) => Observation::passed(&resource, "accepts connections (a TCP listener: nothing more is asked)"),
                Err(trouble) => Observation::failed(trouble.code, &resource, "a connection", trouble.words()),
            };
            after_grace(attempts, attempts.count(seen))
        };
        self.pace.watch(scene, connection).await
    }

    fn way(&self, detour: Option<Detour>) -> Way {
        Way { detour, connect_timeout: self.connect_timeout, ..Way::default() }
    }

    fn limit(&self, scene: &Scene) -> Duration {
        let group = scene.target.green_group.as_ref();
        if self.has_timeout { self.timeout } else { health_check::timeout(group, self.timeout) }
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

/// The grace of `within` ends with the first right answer. A service of which every second answer is wrong has right ones in
/// a row as well, if it is only asked often enough.
fn after_grace(attempts: &Attempts, seen: Observation) -> Look {
    if !seen.holds() && attempts.lapses() > FORGIVEN { Look::Final(seen) } else { Look::Now(seen) }
}
