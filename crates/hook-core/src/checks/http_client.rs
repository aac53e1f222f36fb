//! Sends one HTTP request and classifies every way to fail.

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_client::CertificateFile;
use gate::{HttpDefaults, ReasonCode, Retry, format_duration};
use http_body_util::BodyExt as _;
use reqwest::{
    Body, Method, Response, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::HeaderMap,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

use super::{
    connection::{ConnectTo, ConnectionOptions, HttpVersion},
    egress::{EgressPolicy, NotAllowed},
    listener_rules::GreenRules,
    response::HttpResponse,
    tls,
    transport_error::{NotResolved, TransportError, classify_error},
};
use crate::redact::Redactor;

/// A body is read to its end, or up to this size: what a condition needs is at its beginning.
const MAX_BODY: usize = 1024 * 1024;

/// The `User-Agent` of every request.
pub(super) const USER_AGENT: &str = concat!("greenlight/", env!("CARGO_PKG_VERSION"));

/// The most cached clients. The checks of one gate file rarely need more.
const MAX_CACHED_CLIENTS: usize = 32;

/// The most open connections. Each takes a descriptor, and a thread while a name is resolved. A Lambda function has
/// 1,024 of either.
const MAX_CONNECTIONS: usize = 64;

/// The clients for the requests of checks. They do not keep connections, so each request is like a customer's first.
#[derive(Clone, Debug)]
pub struct HttpClient {
    /// `SSL_CERT_FILE`.
    ca_file: Option<CertificateFile>,
    egress: EgressPolicy,
    /// One client for each set of connection options.
    clients: Arc<Mutex<HashMap<ConnectionOptions, reqwest::Client>>>,
    /// One permit for each connection.
    permits: Arc<Semaphore>,
}

#[derive(Clone)]
pub struct HttpRequest {
    /// The title in reports: `GET https://host/path`, without secrets.
    pub title: String,
    /// `GET`, `HEAD`, ….
    pub method: Method,
    /// Scheme, host, port, path and query.
    pub url: Url,
    pub connection: ConnectionOptions,
    pub headers: HeaderMap,
    pub body: Option<Vec<u8>>,
    /// The timeout for the whole request.
    pub timeout: Duration,
    /// How to retry after a transport error.
    pub retry: Retry,
    /// Redacts secrets in the response.
    pub redactor: Redactor,
    /// The listener rules that forward the request to the new version. The URL of a redirect must match them too.
    pub(super) green_rules: Option<GreenRules>,
}

/// Shows only the title, because the rest can be secret.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({})", self.title)
    }
}

impl HttpRequest {
    /// A request with defaults. Its title is the URL without user, password and query.
    pub fn new(method: Method, url: Url) -> Self {
        let mut shown = url.clone();
        let _ = shown.set_username("").and_then(|()| shown.set_password(None));
        let title = format!("{method} {}", without_query(shown.as_str()));
        Self {
            title,
            method,
            url,
            connection: ConnectionOptions::default(),
            headers: HeaderMap::new(),
            body: None,
            timeout: HttpDefaults::default().timeout,
            retry: Retry::default(),
            redactor: Redactor::default(),
            green_rules: None,
        }
    }
}

impl HttpClient {
    /// Creates a client with the embedded roots of the public certificate authorities, and those in `ca_file`.
    pub fn new(ca_file: Option<CertificateFile>, egress: EgressPolicy) -> Self {
        Self { ca_file, egress, clients: Arc::default(), permits: Arc::new(Semaphore::new(MAX_CONNECTIONS)) }
    }

    pub(super) fn egress(&self) -> &EgressPolicy {
        &self.egress
    }

    /// The file with certificate authorities to trust in addition to the public ones.
    pub(super) fn ca_file(&self) -> Option<&CertificateFile> {
        self.ca_file.as_ref()
    }

    /// A permit to open a connection. It is released when it is dropped.
    pub(super) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.permits.acquire().await.ok()
    }

    fn client_for(&self, connection: &ConnectionOptions) -> Result<reqwest::Client, TransportError> {
        // The map is complete even if a thread panicked while it held the lock.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(connection) {
            return Ok(client.clone());
        }
        let failed = |why: String| TransportError::new(ReasonCode::TlsFailed, why);
        let mut tls =
            tls::client_config(&connection.trusted_roots, self.ca_file()).map_err(TransportError::invalid_roots)?;
        match connection.http_version {
            HttpVersion::Any => {}
            HttpVersion::Http1 => tls.alpn_protocols = vec![b"http/1.1".to_vec()],
            HttpVersion::Http2 => tls.alpn_protocols = vec![b"h2".to_vec()],
        }
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(CheckedResolver { connect_to: connection.connect_to.clone(), egress: self.egress.clone() })
            .redirect(connection.redirect_policy.to_reqwest(self.egress.clone()))
            // A query can be secret, and the target of a redirect does not need it.
            .referer(false)
            .pool_max_idle_per_host(0)
            .connect_timeout(connection.connect_timeout)
            .no_proxy()
            .user_agent(USER_AGENT);
        match connection.http_version {
            HttpVersion::Any => {}
            HttpVersion::Http1 => builder = builder.http1_only(),
            HttpVersion::Http2 => builder = builder.http2_prior_knowledge(),
        }
        let client = builder.build().map_err(|error| failed(error.to_string()))?;
        // A function process lives for many deployments, each with its own hosts and certificate authorities.
        if clients.len() >= MAX_CACHED_CLIENTS {
            clients.clear();
        }
        clients.insert(connection.clone(), client.clone());
        Ok(client)
    }

    /// Sends a request, and retries transport errors as the request says. Reads the response to its end.
    ///
    /// # Errors
    /// No response came, or its body was incomplete.
    pub async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let Retry { transport, backoff: (mut pause, longest) } = request.retry;
        let mut failed = Vec::new();
        loop {
            match self.send_once(request).await {
                Err(transport_error) if transport_error.is_retryable() && failed.len() < transport as usize => {
                    failed.push(transport_error)
                }
                Err(trouble) => return Err(TransportError { attempts: 1 + failed.len() as u32, ..trouble }),
                Ok(response) => return Ok(HttpResponse { failed_attempts: failed, ..response }),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Checks the host to which the request goes. That is not the host of the URL if one stands for another.
    fn check_destination(&self, request: &HttpRequest) -> Result<(), NotAllowed> {
        let ConnectionOptions { connect_to, is_listener, .. } = &request.connection;
        if let Some(ConnectTo { connect_host, .. }) = connect_to.as_ref().filter(|_| !is_listener) {
            self.egress.check_host(connect_host.trim_matches(['[', ']']))?;
        }
        // Without a name nothing is resolved, so the connection would go to the address in the URL.
        let is_detour = connect_to.is_some() && request.url.domain().is_some();
        self.egress.check_url(&request.url, *is_listener || is_detour)
    }

    async fn send_once(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let client = self.client_for(&request.connection)?;
        self.check_destination(request).map_err(TransportError::not_allowed)?;
        // The semaphore is never closed. The time to wait for a permit does not count as latency.
        let _permit = self.permit().await;
        let connect = request.connection.connect_timeout;
        let began = Instant::now();
        let deadline = began + request.timeout;
        let timed_out =
            |_| TransportError::new(ReasonCode::ReadTimedOut, format!("within {}", format_duration(request.timeout)));
        let mut sent = client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
        if let Some(body) = &request.body {
            sent = sent.body(body.clone());
        }
        let response = timeout_at(deadline, sent.send()).await.map_err(timed_out)?;
        let response = response.map_err(|error| classify_error(error, connect))?;
        if response.url() != &request.url
            && let Some(why) = request.green_rules.as_ref().and_then(|rules| rules.broken_by_redirect(response.url()))
        {
            return Err(TransportError::new(ReasonCode::RuleLeadsElsewhere, why));
        }
        let status = response.status().as_u16();
        // A status whose body breaks off or does not end is not a complete response.
        let broken = |transport_error| TransportError { response_status: Some(status), ..transport_error };
        let read = timeout_at(deadline, read_response(response)).await.map_err(timed_out).map_err(broken)?;
        let ResponseParts { headers, body, trailers } = read.map_err(|error| broken(classify_error(error, connect)))?;
        Ok(HttpResponse {
            status,
            headers,
            body,
            trailers,
            latency: began.elapsed(),
            failed_attempts: Vec::new(),
            redactor: request.redactor.clone(),
        })
    }
}

/// What follows the status of a response.
struct ResponseParts {
    headers: HeaderMap,
    body: Vec<u8>,
    /// Headers after the body. gRPC has its status there.
    trailers: HeaderMap,
}

/// Reads a response to its end, or up to the limit.
async fn read_response(mut response: Response) -> Result<ResponseParts, reqwest::Error> {
    let headers = std::mem::take(response.headers_mut());
    let mut frames = Body::from(response);
    let (mut body, mut trailers) = (Vec::new(), HeaderMap::new());
    while body.len() < MAX_BODY {
        let Some(frame) = frames.frame().await else { break };
        match frame?.into_data() {
            Ok(chunk) => body.extend_from_slice(&chunk[..chunk.len().min(MAX_BODY - body.len())]),
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    Ok(ResponseParts { headers, body, trailers })
}

/// Resolves one host name to another host's addresses, and all other names as usual. The client connects to the addresses
/// that this returns, so each of them is checked.
#[derive(Clone, Debug)]
struct CheckedResolver {
    connect_to: Option<ConnectTo>,
    egress: EgressPolicy,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let to = match &self.connect_to {
            Some(ConnectTo { host, connect_host: to }) if host.eq_ignore_ascii_case(name.as_str()) => {
                to.trim_matches(['[', ']']).to_owned()
            }
            _ => name.as_str().to_owned(),
        };
        let egress = self.egress.clone();
        Box::pin(async move {
            let addresses = resolve_host(to.clone()).await?;
            egress.check_addresses(&to, &addresses)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

pub(super) async fn resolve_host(host: String) -> Result<Vec<SocketAddr>, NotResolved> {
    let found = tokio::net::lookup_host((host.as_str(), 0)).await.map(Vec::from_iter).unwrap_or_default();
    if found.is_empty() { Err(NotResolved(host)) } else { Ok(found) }
}

/// Removes the query, because it can contain values that must not be in a log.
pub(super) fn without_query(url: &str) -> String {
    match url.split_once(['?', '#']) {
        Some((before, _)) => format!("{before}?…"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests;
