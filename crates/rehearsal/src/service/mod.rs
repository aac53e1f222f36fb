//! The service that is deployed, behind its listeners.
//!
//! Production and test listener are real ports on loopback. Who answers there is decided by the world's listeners at
//! that moment: rules, weights, target group, the task set behind it, the version in its containers.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::Serialize;
use serde_json::json;

use crate::{
    aws::Cloud,
    exchange::{Port, Reply, Request, Serving, reply, serve},
    world::Behaviour,
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
    /// The status that went back; none when the connection was closed instead.
    pub status: Option<u16>,
}

/// The listeners, open. Dropping it closes them.
#[derive(Debug)]
pub(crate) struct Front {
    seen: Arc<Mutex<Vec<ServiceRequest>>>,
    _serving: Vec<Serving>,
}

impl Front {
    /// Opens the ports that were held.
    pub fn open(cloud: &Arc<Cloud>, ports: Vec<Port>) -> std::io::Result<Self> {
        let seen = Arc::<Mutex<Vec<ServiceRequest>>>::default();
        let mut serving = Vec::new();
        for port in ports {
            let number = port.number;
            let turn = Arc::new(AtomicU64::new(0));
            for listener in port.listen()? {
                let (cloud, seen, turn) = (cloud.clone(), seen.clone(), turn.clone());
                serving.push(serve(listener, move |request| {
                    let (cloud, seen, turn) = (cloud.clone(), seen.clone(), turn.fetch_add(1, Ordering::Relaxed));
                    async move { answer(&cloud, &seen, number, turn, request).await }
                }));
            }
        }
        Ok(Self { seen, _serving: serving })
    }

    /// What came so far.
    pub fn seen(&self) -> Vec<ServiceRequest> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Who is behind a listener for one request.
struct Behind {
    colour: Colour,
    version: String,
    behaviour: Behaviour,
    /// Whether the load balancer speaks HTTP itself and so answers for a target that hangs up.
    speaks_http: bool,
}

async fn answer(cloud: &Cloud, seen: &Mutex<Vec<ServiceRequest>>, port: u16, turn: u64, request: Request) -> Reply {
    let path = request.path.split('?').next().unwrap_or_default();
    let behind = behind(cloud, port, turn, request.header("host"), path);
    let mut entry = ServiceRequest {
        port,
        colour: behind.as_ref().map(|it| it.colour),
        version: behind.as_ref().map(|it| it.version.clone()),
        method: request.method.clone(),
        path: request.path.clone(),
        headers: request
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        status: None,
    };
    let response = match behind {
        // What an Application Load Balancer says when a target group has no targets.
        None => Some(reply(
            503,
            "text/html",
            "<html><head><title>503 Service Temporarily Unavailable</title></head></html>",
        )),
        Some(Behind { behaviour, version, colour, speaks_http }) => {
            tokio::time::sleep(behaviour.delay).await;
            match (behaviour.hang_up, speaks_http) {
                (true, true) => {
                    Some(reply(502, "text/html", "<html><head><title>502 Bad Gateway</title></head></html>"))
                }
                (true, false) => None,
                (false, _) => {
                    let body =
                        behaviour.body.unwrap_or_else(|| json!({ "version": version, "colour": colour }).to_string());
                    let mut response = reply(behaviour.status, "application/json", body);
                    if let Ok(version) = version.parse() {
                        response.headers_mut().insert("x-version", version);
                    }
                    Some(response)
                }
            }
        }
    };
    entry.status = response.as_ref().map(|response| response.status().as_u16());
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    response
}

fn behind(cloud: &Cloud, port: u16, turn: u64, host: &str, path: &str) -> Option<Behind> {
    let world = cloud.world();
    let listener = world.listeners.iter().find(|listener| listener.port == port)?;
    let group = world.forward(listener, host, path, turn)?;
    let set = world.behind(group)?;
    let version = world.version_of(set)?;
    let replacement = world.deployments.last().is_some_and(|deployment| deployment.id == set.external_id);
    Some(Behind {
        colour: if replacement { Colour::Green } else { Colour::Blue },
        version: version.name.clone(),
        behaviour: version.routes.get(path).cloned().unwrap_or_default(),
        speaks_http: listener.protocol.starts_with("HTTP"),
    })
}
