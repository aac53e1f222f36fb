//! `answers: test|production`: the service answers through a listener, several times in a row, as its target group's
//! own health check would have it. Where the listener is TCP, that it accepts connections is all that can be asked.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, header::HeaderMap};

use super::{
    Check, Kind, Looking, Route, Scene,
    http::{SUBJECTS, TIMEOUT, ask, resolve, wants_body},
    poll::{Look, Pace},
    probe::Request,
};
use crate::{
    code::Code,
    finding::Observation,
    gate::{Condition, Fields},
    target::TargetGroup,
};

pub const KIND: Kind = Kind { key: "answers", read };

#[derive(Debug)]
struct Answers {
    route: Route,
    path: Option<String>,
    timeout: Duration,
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
    let timeout = fields.duration("timeout").unwrap_or(TIMEOUT);
    // A listener that has just switched may still send some requests to the other side.
    let pace = Pace { within: Duration::from_secs(30), consecutive: 3, every: Duration::from_secs(1), ..Pace::ONCE };
    let pace = Pace::read(fields, &pace);
    let expect = fields.expect(SUBJECTS);
    Some(Arc::new(Answers { route: route?, path, timeout, pace, expect }))
}

impl Check for Answers {
    fn title(&self) -> String {
        format!("answers {}", self.route.word())
    }

    fn uses(&self) -> Option<Route> {
        Some(self.route)
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let listener = match scene.listener(self.route) {
                Ok(listener) => Some(listener),
                // With ALB_URL there is an address to ask, whatever the listener is.
                Err(_) if self.route == Route::Test && scene.test_address.is_some() => None,
                Err(observation) => return observation,
            };
            let speaks_http = listener.is_none_or(|listener| matches!(listener.protocol.as_str(), "HTTP" | "HTTPS"));
            if let (false, Some(listener)) = (speaks_http, listener) {
                let (host, port) = (&listener.dns_name, listener.port);
                return self.pace.watch(scene, || async { Look::Now(self.connects(scene, host, port).await) }).await;
            }
            let group = scene.target.green_group.as_ref();
            let (path, expect) = match self.question(group) {
                Ok(question) => question,
                Err(observation) => return *observation,
            };
            let url = match resolve(scene, self.route, &path) {
                Ok(url) => url,
                Err(observation) => return observation,
            };
            let wants_body = wants_body(&expect);
            let request =
                Request { method: Method::GET, url, headers: HeaderMap::new(), timeout: self.timeout, wants_body };
            self.pace.watch(scene, || async { Look::Now(ask(&scene.probe, &request, &expect).await) }).await
        })
    }
}

impl Answers {
    async fn connects(&self, scene: &Scene, host: &str, port: u16) -> Observation {
        let resource = format!("TCP {host}:{port}");
        match scene.probe.connect(host, port, self.timeout).await {
            Ok(_) => Observation::passed(resource, "accepts connections (a TCP listener: nothing more can be asked)"),
            Err(trouble) => Observation::failed(trouble.code, resource, "a connection", trouble.words()),
        }
    }

    /// What to ask and what to expect: the check's own words, else the target group's health check.
    fn question(&self, group: Option<&TargetGroup>) -> Result<(String, Vec<Condition>), Box<Observation>> {
        let path = self.path.clone().or_else(|| group.and_then(|group| group.health_path.clone()));
        let path = path.unwrap_or_else(|| "/".to_owned());
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
