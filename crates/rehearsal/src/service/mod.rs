//! The deployed service behind its listeners.
//!
//! The production and test listeners are real ports on loopback. For each request, the state of the world at that
//! moment decides who responds: listener rules, weights, target group, the task set behind it, and the version in its
//! containers.

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

use hyper::{Response, header::HeaderName};
use lifecycle::Colour;
use serde_json::json;

pub(crate) use self::tls::Tls;
use crate::{
    fake_aws::FakeAws,
    http::{BlackholePort, FaultyResponse, FullBody, Port, Request, ServerHandle, http_response, serve_with_tls},
    world::{ListenerRequest, PortState, RouteResponse, Routed, Target, TargetGroup},
};

/// A request that the service received through one of its listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRequest {
    /// The port of the listener.
    pub port: u16,
    /// The side that responded. `None` if no task of the service did.
    pub colour: Option<Colour>,
    /// The version that responded. `None` if no task of the service did.
    pub version: Option<String>,
    /// The HTTP method.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// The HTTP status of the response. `None` if the connection was closed instead.
    pub status: Option<u16>,
}

/// The open listeners. Dropping it closes them.
#[derive(Debug)]
pub(crate) struct ServiceListeners {
    log: Arc<RequestLog>,
    servers: Vec<ServerHandle>,
    /// Ports that never respond. These and the closed ports are kept so that no other process can take them.
    blackholes: Vec<BlackholePort>,
    closed: Vec<Port>,
    tls: Option<Tls>,
}

#[derive(Debug)]
pub(crate) struct ListenerPort {
    pub port: Port,
    pub state: PortState,
    pub has_tls: bool,
}

/// The requests that the service received.
#[derive(Debug, Default)]
struct RequestLog {
    requests: Mutex<Vec<ServiceRequest>>,
    /// The number of requests for each task definition and path.
    counts: Mutex<BTreeMap<(String, String), u32>>,
}

impl ServiceListeners {
    /// Opens the reserved ports.
    pub fn open(cloud: &Arc<FakeAws>, ports: Vec<Port>) -> std::io::Result<Self> {
        let mut front = Self::without_ports(None);
        for port in ports {
            front.listen(cloud, port)?;
        }
        Ok(front)
    }

    /// Like [`Self::open`], but with a state for each port, and with TLS where a port speaks it.
    pub async fn open_with_state(
        cloud: &Arc<FakeAws>,
        ports: Vec<ListenerPort>,
        tls: Option<Tls>,
    ) -> std::io::Result<Self> {
        let mut front = Self::without_ports(tls);
        for ListenerPort { port, state, has_tls } in ports {
            match state {
                PortState::Open => front.listen_with(cloud, port, has_tls)?,
                PortState::Closed => front.closed.push(port),
                PortState::Blackhole => front.blackholes.push(port.blackhole().await?),
            }
        }
        Ok(front)
    }

    fn without_ports(tls: Option<Tls>) -> Self {
        let log = Arc::default();
        Self { log, servers: Vec::new(), blackholes: Vec::new(), closed: Vec::new(), tls }
    }

    fn listen(&mut self, cloud: &Arc<FakeAws>, port: Port) -> std::io::Result<()> {
        self.listen_with(cloud, port, false)
    }

    fn listen_with(&mut self, cloud: &Arc<FakeAws>, port: Port, has_tls: bool) -> std::io::Result<()> {
        let number = port.number;
        let turn = Arc::new(AtomicU64::new(0));
        let acceptor = self.tls.as_ref().filter(|_| has_tls).map(|tls| tls.acceptor.clone());
        for listener in port.listen()? {
            let (cloud, log, turn) = (cloud.clone(), self.log.clone(), turn.clone());
            self.servers.push(serve_with_tls(listener, acceptor.clone(), move |request| {
                let (cloud, log, turn) = (cloud.clone(), log.clone(), turn.fetch_add(1, Ordering::Relaxed));
                async move { respond(&cloud, &log, number, turn, request).await }
            }));
        }
        Ok(())
    }

    /// The file with the certificate of the authority that signed the listeners' certificate.
    pub fn authority(&self) -> Option<&Path> {
        self.tls.as_ref().map(Tls::authority)
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<ServiceRequest> {
        self.log.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a listener routes a request to.
enum Backend {
    Task(RespondingTask),
    /// A target group without a running task, or without a registered one.
    NoTask,
    /// A target group whose tasks run, but cannot be reached on the port of the group.
    Unreachable {
        /// The status with which an Application Load Balancer responds in their place.
        status: u16,
        speaks_http: bool,
    },
    /// Another service behind the same load balancer.
    OtherService,
    /// Nothing: the listener responds with 404 itself.
    NotFound,
    /// The load balancer responds with this status and `Location` itself.
    LoadBalancer(u16, Option<String>),
}

struct RespondingTask {
    colour: Colour,
    version: String,
    response: RouteResponse,
    /// Whether the load balancer uses HTTP and so responds itself if a target closes the connection.
    speaks_http: bool,
}

async fn respond(cloud: &FakeAws, log: &RequestLog, port: u16, turn: u64, request: Request) -> FaultyResponse {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let headers = request.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let listener_request = ListenerRequest {
        host: request.header("host"),
        method: &request.method,
        path,
        query,
        headers: headers.collect(),
    };
    let backend = backend_for(cloud, log, port, turn, &listener_request);
    let task = if let Backend::Task(somebody) = &backend { Some(somebody) } else { None };
    let mut entry = ServiceRequest {
        port,
        colour: task.map(|it| it.colour),
        version: task.map(|it| it.version.clone()),
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
    let response = match backend {
        // An Application Load Balancer sends this when a target group has no targets.
        Backend::NoTask => Some(http_response(503, "text/html", page("503 Service Temporarily Unavailable"))),
        Backend::Unreachable { status, speaks_http } => speaks_http.then(|| gateway_error(status)),
        Backend::NotFound => Some(http_response(404, "text/plain", "Not found")),
        Backend::LoadBalancer(status, location) => {
            let mut response = http_response(status, "text/plain", "");
            if let Some(location) = location.and_then(|location| location.parse().ok()) {
                response.headers_mut().insert(hyper::header::LOCATION, location);
            }
            Some(response)
        }
        Backend::OtherService => Some(http_response(200, "application/json", r#"{"service":"another"}"#)),
        Backend::Task(somebody) => somebody.respond().await,
    };
    entry.status = response.as_ref().map(|response| response.status().as_u16());
    log.requests.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    response.into()
}

impl RespondingTask {
    /// `None` means that the connection is closed without a response.
    async fn respond(self) -> Option<Response<FullBody>> {
        let Self { colour, version, response: behaviour, speaks_http } = self;
        tokio::time::sleep(behaviour.delay).await;
        if behaviour.hang_up {
            return speaks_http.then(|| gateway_error(502));
        }
        let body = behaviour.body.map(|body| body.replace("{version}", &version));
        let body = body.unwrap_or_else(|| json!({ "version": version, "colour": colour.as_str() }).to_string());
        let mut response = http_response(behaviour.status, "application/json", body);
        if let Ok(version) = version.parse() {
            response.headers_mut().insert("x-version", version);
        }
        for (name, value) in &behaviour.headers {
            let value = value.replace("{version}", &version);
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), value.parse()) {
                response.headers_mut().insert(name, value);
            }
        }
        if let Some(location) = behaviour.location.and_then(|location| location.parse().ok()) {
            response.headers_mut().insert(hyper::header::LOCATION, location);
        }
        Some(response)
    }
}

/// What an Application Load Balancer sends in place of a target that does not respond. It sends a 504 at once here, and
/// in AWS only when its timeout is over.
fn gateway_error(status: u16) -> Response<FullBody> {
    let title = if status == 504 { "504 Gateway Timeout" } else { "502 Bad Gateway" };
    http_response(status, "text/html", page(title))
}

/// The status for requests to a target group whose targets all fail to respond. `None` if one of them responds: with
/// another status than its health check expects, for example. The load balancer forwards to unhealthy targets if it has
/// no others.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>
fn unreachable_status(group: &TargetGroup) -> Option<u16> {
    let mut statuses =
        active_targets(group).map(|target| match (target.health.state.as_str(), target.health.reason.as_deref()) {
            ("unhealthy", Some("Target.Timeout")) => Some(504),
            ("unhealthy", Some("Target.FailedHealthChecks")) => Some(502),
            _ => None,
        });
    let first = statuses.next()??;
    statuses.all(|status| status.is_some()).then_some(first)
}

/// The targets to which the load balancer can send a new connection.
fn active_targets(group: &TargetGroup) -> impl Iterator<Item = &Target> {
    group.targets.iter().filter(|target| target.health.state != "draining")
}

fn page(title: &str) -> String {
    format!("<html><head><title>{title}</title></head></html>")
}

fn backend_for(cloud: &FakeAws, log: &RequestLog, port: u16, turn: u64, request: &ListenerRequest<'_>) -> Backend {
    let world = cloud.world_where(|world| world.listeners.iter().any(|listener| listener.port == port));
    let Some(listener) = world.listeners.iter().find(|listener| listener.port == port) else {
        return Backend::NotFound;
    };
    let group = match world.route(listener, request, turn) {
        Routed::To(group) => group,
        Routed::Answered(status) => return Backend::LoadBalancer(status, None),
        Routed::Redirected(to) => return Backend::LoadBalancer(302, Some(to)),
        Routed::Nowhere => return Backend::NotFound,
    };
    let path = request.path;
    let names = world.group.pair.iter().flat_map(|pair| &pair.target_groups);
    let ours = world.target_groups.iter().filter(|it| names.clone().any(|name| *name == it.name));
    if !ours.into_iter().any(|it| it.arn == group) {
        return Backend::OtherService;
    }
    let Some(set) = world.task_set_behind(group) else { return Backend::NoTask };
    let Some(version) = world.version_of(set) else { return Backend::NoTask };
    let speaks_http = listener.protocol.starts_with("HTTP");
    let targets = world.target_groups.iter().find(|it| it.arn == group);
    if targets.is_some_and(|group| active_targets(group).next().is_none()) {
        return Backend::NoTask;
    }
    if let Some(status) = targets.and_then(unreachable_status) {
        return Backend::Unreachable { status, speaks_http };
    }
    let replacement = world.deployments.last().is_some_and(|deployment| deployment.id == set.external_id);
    let mut counts = log.counts.lock().unwrap_or_else(PoisonError::into_inner);
    let count = counts.entry((version.task_definition.clone(), path.to_owned())).or_default();
    let nth = *count;
    *count += 1;
    Backend::Task(RespondingTask {
        colour: if replacement { Colour::Green } else { Colour::Blue },
        version: version.name.clone(),
        response: version
            .routes
            .get(path)
            .filter(|behaviour| behaviour.applies_to(nth))
            .or_else(|| world.initial.routes.get(path))
            .cloned()
            .unwrap_or_default(),
        speaks_http,
    })
}
