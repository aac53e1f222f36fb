//! The service that is deployed, behind its listeners.
//!
//! Production and test listener are real ports on loopback. Who answers there is decided by the world's listeners at
//! that moment: rules, weights, target group, the task set behind it, the version in its containers.

mod tls;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use hyper::Response;
use serde::Serialize;
use serde_json::json;

pub(crate) use self::tls::Tls;
use crate::{
    aws::Cloud,
    exchange::{Full, Port, Reply, Request, Serving, Silence, reply, serve_with},
    world::{Asked, Behaviour, Door, Routed},
};

/// Which of the two sides answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// The original.
    Blue,
    /// The replacement.
    Green,
}

/// A request that came to the service through one of its listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRequest {
    /// The listener's port.
    pub port: u16,
    /// Who answered; none when there was nobody behind the listener.
    pub colour: Option<Colour>,
    /// The version that answered.
    pub version: Option<String>,
    /// The method.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
    /// The status that went back; none when the connection was closed instead.
    pub status: Option<u16>,
}

/// The listeners, open. Dropping it closes them.
#[derive(Debug)]
pub(crate) struct Front {
    ledger: Arc<Ledger>,
    serving: Vec<Serving>,
    /// Ports at which nobody is answered or nobody listens. They are held, so that nobody else gets them.
    silences: Vec<Silence>,
    shut: Vec<Port>,
    tls: Option<Tls>,
}

/// What came to the service.
#[derive(Debug, Default)]
struct Ledger {
    seen: Mutex<Vec<ServiceRequest>>,
    /// How many requests each path of a version has got.
    counts: Mutex<BTreeMap<(String, String), u32>>,
}

impl Front {
    /// Opens the ports that were held.
    pub fn open(cloud: &Arc<Cloud>, ports: Vec<Port>) -> std::io::Result<Self> {
        let mut front = Self::closed(None);
        for port in ports {
            front.listen(cloud, port)?;
        }
        Ok(front)
    }

    /// The same, as far as the doors are open, and through TLS where there is some.
    pub async fn open_doors(cloud: &Arc<Cloud>, ports: Vec<(Port, Door)>, tls: Option<Tls>) -> std::io::Result<Self> {
        let mut front = Self::closed(tls);
        for (port, door) in ports {
            match door {
                Door::Open => front.listen(cloud, port)?,
                Door::Closed => front.shut.push(port),
                Door::Silent => front.silences.push(port.ignore().await?),
            }
        }
        Ok(front)
    }

    fn closed(tls: Option<Tls>) -> Self {
        let ledger = Arc::default();
        Self { ledger, serving: Vec::new(), silences: Vec::new(), shut: Vec::new(), tls }
    }

    fn listen(&mut self, cloud: &Arc<Cloud>, port: Port) -> std::io::Result<()> {
        let number = port.number;
        let turn = Arc::new(AtomicU64::new(0));
        let acceptor = self.tls.as_ref().map(|tls| tls.acceptor.clone());
        for listener in port.listen()? {
            let (cloud, ledger, turn) = (cloud.clone(), self.ledger.clone(), turn.clone());
            self.serving.push(serve_with(listener, acceptor.clone(), move |request| {
                let (cloud, ledger, turn) = (cloud.clone(), ledger.clone(), turn.fetch_add(1, Ordering::Relaxed));
                async move { answer(&cloud, &ledger, number, turn, request).await }
            }));
        }
        Ok(())
    }

    /// The file with the certificate of the authority that signed the listeners'.
    pub fn authority(&self) -> Option<&Path> {
        self.tls.as_ref().map(Tls::authority)
    }

    /// What came so far.
    pub fn seen(&self) -> Vec<ServiceRequest> {
        self.ledger.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Who is behind a listener for one request.
enum Behind {
    Somebody(Somebody),
    /// A target group of which no task runs.
    Nobody,
    /// Another service behind the same load balancer.
    Another,
    /// The listener answers by itself that there is nothing.
    Nothing,
    /// The load balancer answers this by itself.
    Balancer(u16, Option<String>),
}

/// A task that answers.
struct Somebody {
    colour: Colour,
    version: String,
    behaviour: Behaviour,
    /// Whether the load balancer speaks HTTP itself and so answers for a target that hangs up.
    speaks_http: bool,
}

async fn answer(cloud: &Cloud, ledger: &Ledger, port: u16, turn: u64, request: Request) -> Reply {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let headers = request.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let asked =
        Asked { host: request.header("host"), method: &request.method, path, query, headers: headers.collect() };
    let behind = behind(cloud, ledger, port, turn, &asked);
    let somebody = if let Behind::Somebody(somebody) = &behind { Some(somebody) } else { None };
    let mut entry = ServiceRequest {
        port,
        colour: somebody.map(|it| it.colour),
        version: somebody.map(|it| it.version.clone()),
        method: request.method.clone(),
        path: request.path.clone(),
        headers: request
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body: String::from_utf8_lossy(&request.body).into_owned(),
        status: None,
    };
    let response = match behind {
        // What an Application Load Balancer says when a target group has no targets.
        Behind::Nobody => Some(reply(503, "text/html", page("503 Service Temporarily Unavailable"))),
        Behind::Nothing => Some(reply(404, "text/plain", "Not found")),
        Behind::Balancer(status, location) => {
            let mut response = reply(status, "text/plain", "");
            if let Some(location) = location.and_then(|location| location.parse().ok()) {
                response.headers_mut().insert(hyper::header::LOCATION, location);
            }
            Some(response)
        }
        Behind::Another => Some(reply(200, "application/json", r#"{"service":"another"}"#)),
        Behind::Somebody(somebody) => somebody.answer().await,
    };
    entry.status = response.as_ref().map(|response| response.status().as_u16());
    ledger.seen.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    response.into()
}

impl Somebody {
    /// None is to hang up.
    async fn answer(self) -> Option<Response<Full>> {
        let Self { colour, version, behaviour, speaks_http } = self;
        tokio::time::sleep(behaviour.delay).await;
        if behaviour.hang_up {
            return speaks_http.then(|| reply(502, "text/html", page("502 Bad Gateway")));
        }
        let body = behaviour.body.unwrap_or_else(|| json!({ "version": version, "colour": colour }).to_string());
        let mut response = reply(behaviour.status, "application/json", body);
        if let Ok(version) = version.parse() {
            response.headers_mut().insert("x-version", version);
        }
        if let Some(location) = behaviour.location.and_then(|location| location.parse().ok()) {
            response.headers_mut().insert(hyper::header::LOCATION, location);
        }
        Some(response)
    }
}

fn page(title: &str) -> String {
    format!("<html><head><title>{title}</title></head></html>")
}

fn behind(cloud: &Cloud, ledger: &Ledger, port: u16, turn: u64, asked: &Asked<'_>) -> Behind {
    let world = cloud.world_where(|world| world.listeners.iter().any(|listener| listener.port == port));
    let Some(listener) = world.listeners.iter().find(|listener| listener.port == port) else { return Behind::Nothing };
    let group = match world.route(listener, asked, turn) {
        Routed::To(group) => group,
        Routed::Answered(status) => return Behind::Balancer(status, None),
        Routed::Redirected(to) => return Behind::Balancer(302, Some(to)),
        Routed::Nowhere => return Behind::Nothing,
    };
    let path = asked.path;
    let names = world.group.pair.iter().flat_map(|pair| &pair.target_groups);
    let ours = world.target_groups.iter().filter(|it| names.clone().any(|name| *name == it.name));
    if !ours.into_iter().any(|it| it.arn == group) {
        return Behind::Another;
    }
    let Some(set) = world.behind(group) else { return Behind::Nobody };
    let Some(version) = world.version_of(set) else { return Behind::Nobody };
    let replacement = world.deployments.last().is_some_and(|deployment| deployment.id == set.external_id);
    let mut counts = ledger.counts.lock().unwrap_or_else(PoisonError::into_inner);
    let count = counts.entry((version.task_definition.clone(), path.to_owned())).or_default();
    let nth = *count;
    *count += 1;
    Behind::Somebody(Somebody {
        colour: if replacement { Colour::Green } else { Colour::Blue },
        version: version.name.clone(),
        behaviour: version.routes.get(path).filter(|behaviour| behaviour.strikes(nth)).cloned().unwrap_or_default(),
        speaks_http: listener.protocol.starts_with("HTTP"),
    })
}
