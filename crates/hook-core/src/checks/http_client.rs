//! One HTTP request, and what became of it: every way to fail told apart.

use std::{
    collections::HashMap,
    fmt, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

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
    listener_rules::GreenRules,
    request_template::without_query,
    response::HttpResponse,
    tls,
};
use crate::{
    code::ReasonCode,
    gate::{HttpDefaults, Retry, format_duration},
    redact::Redactor,
    settings::AwsSettings,
};

/// A body is read to its end, and of a longer one so much: what a condition needs stands at its beginning.
const MAX_BODY: usize = 1024 * 1024;

/// What every request says it is from.
pub(super) const USER_AGENT: &str = concat!("greenlight/", env!("CARGO_PKG_VERSION"));

/// So many clients are kept, more than the checks of one gate file mostly need.
const MAX_CACHED_CLIENTS: usize = 32;

/// So many connections are open at once. Each takes a descriptor, and a thread while a name is looked up, and a function has
/// 1,024 of either.
const MAX_CONNECTIONS: usize = 64;

/// The clients for probes. They keep no connection: each request is a customer's first.
#[derive(Clone, Debug)]
pub struct HttpClient {
    /// `SSL_CERT_FILE`.
    ca_file: Option<PathBuf>,
    /// One for each way that a request can take.
    clients: Arc<Mutex<HashMap<ConnectionOptions, reqwest::Client>>>,
    /// For each connection one.
    permits: Arc<Semaphore>,
}

/// One request.
#[derive(Clone)]
pub struct HttpRequest {
    /// What a report calls it: `GET https://host/path`, without a secret.
    pub title: String,
    /// `GET`, `HEAD`, ….
    pub method: Method,
    /// Scheme, host, port, path and query.
    pub url: Url,
    /// How it gets there.
    pub connection: ConnectionOptions,
    /// Headers to send.
    pub headers: HeaderMap,
    /// What to send.
    pub body: Option<Vec<u8>>,
    /// How long it may take in all.
    pub timeout: Duration,
    /// Again, after a fault of the transport.
    pub retry: Retry,
    /// What must not be shown of the reply.
    pub redactor: Redactor,
    /// The listener rules that lead it to the new version, which those of a redirect have to do as well.
    pub(super) green_rules: Option<GreenRules>,
}

/// What a report calls it; the rest may be secret.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({})", self.title)
    }
}

impl HttpRequest {
    /// One with nothing special about it, as its URL may be told but for a query.
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

/// Why no whole reply came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    /// Which fault.
    pub code: ReasonCode,
    /// What the transport said.
    pub detail: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The status of the reply whose body did not come to its end.
    response_status: Option<u16>,
}

impl TransportError {
    pub(super) const fn new(code: ReasonCode, detail: String) -> Self {
        Self { code, detail, attempts: 1, response_status: None }
    }

    /// Whether trying again may help. A certificate stays as it is.
    const fn is_retryable(&self) -> bool {
        !matches!(self.code, ReasonCode::TlsFailed | ReasonCode::RuleLeadsElsewhere)
    }

    /// What was seen, as the end of a sentence: `was a refused connection`.
    pub fn describe(&self) -> String {
        let description = self.describe_attempt();
        if self.attempts > 1 { format!("{description} in each of {} attempts", self.attempts) } else { description }
    }

    /// The same of a single attempt.
    pub fn describe_attempt(&self) -> String {
        if let Some(status) = self.response_status {
            let body = format!("a reply of status {status} whose body");
            return match (self.code, self.detail.as_str()) {
                (ReasonCode::ConnectionReset, _) => format!("{body} broke off"),
                (ReasonCode::ReadTimedOut, span) => format!("{body} did not end {span}"),
                (_, detail) => format!("{body} could not be read ({detail})"),
            };
        }
        let what = match self.code {
            ReasonCode::NameNotResolved => "a name that does not resolve",
            ReasonCode::ConnectTimedOut => "no connection",
            ReasonCode::ConnectRefused => "a refused connection",
            ReasonCode::ConnectionReset => "a connection that was closed without an answer",
            ReasonCode::ReadTimedOut => "no answer",
            ReasonCode::TlsFailed => "a failed TLS handshake",
            ReasonCode::RuleLeadsElsewhere => "a redirect to somebody else",
            _ => "a failed request",
        };
        match (self.code, self.detail.as_str()) {
            // These two say it all.
            (_, "") | (ReasonCode::ConnectRefused | ReasonCode::ConnectionReset, _) => what.to_owned(),
            (ReasonCode::ReadTimedOut | ReasonCode::ConnectTimedOut, span) if span.starts_with("within") => {
                format!("{what} {span}")
            }
            (_, detail) => format!("{what} ({detail})"),
        }
    }
}

impl HttpClient {
    /// A client with the embedded roots of the web's authorities, and those of `SSL_CERT_FILE`.
    pub fn new(settings: &AwsSettings) -> Self {
        Self {
            ca_file: settings.probe_ca.clone(),
            clients: Arc::default(),
            permits: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        }
    }

    /// The file with authorities to trust beside the web's.
    pub(super) fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// A permit to open a connection, until it is dropped.
    pub(super) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.permits.acquire().await.ok()
    }

    fn client_for(&self, connection: &ConnectionOptions) -> Result<reqwest::Client, TransportError> {
        // A map of clients is whole whatever happened to the thread that held it.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(connection) {
            return Ok(client.clone());
        }
        let failed = |why: String| TransportError::new(ReasonCode::TlsFailed, why);
        let mut tls = tls::client_config(&connection.trusted_roots, self.ca_file()).map_err(failed)?;
        match connection.http_version {
            HttpVersion::Any => {}
            HttpVersion::Http1 => tls.alpn_protocols = vec![b"http/1.1".to_vec()],
            HttpVersion::Http2 => tls.alpn_protocols = vec![b"h2".to_vec()],
        }
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(HostOverride(connection.connect_to.clone()))
            .redirect(connection.redirect_policy.to_reqwest())
            // A query may be secret, and whoever is redirected to need not know it.
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
        // A function lives for many deployments, each with ways of its own: a host, an authority out of a secret.
        if clients.len() >= MAX_CACHED_CLIENTS {
            clients.clear();
        }
        clients.insert(connection.clone(), client.clone());
        Ok(client)
    }

    /// Sends one request, again after a fault of the transport where it says so. The reply is read to its end.
    ///
    /// # Errors
    /// No reply came, or its body broke off.
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

    async fn send_once(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let client = self.client_for(&request.connection)?;
        // Never closed. What it waits for is nobody's latency.
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
        // A status before a body that breaks off or does not end is no reply.
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

/// What follows the status of a reply.
struct ResponseParts {
    headers: HeaderMap,
    body: Vec<u8>,
    /// Headers after the body, which is where gRPC has its status.
    trailers: HeaderMap,
}

/// Reads a reply to its end, or up to the limit.
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

/// A name that leads elsewhere; all others lead where they lead.
#[derive(Clone, Debug, Default)]
struct HostOverride(Option<ConnectTo>);

impl Resolve for HostOverride {
    fn resolve(&self, name: Name) -> Resolving {
        let to = match &self.0 {
            Some(ConnectTo { host, connect_host: to }) if host.eq_ignore_ascii_case(name.as_str()) => to.clone(),
            _ => name.as_str().to_owned(),
        };
        Box::pin(async move {
            let addresses = resolve_host(to).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[derive(Debug)]
pub(super) struct NotResolved(String);

impl fmt::Display for NotResolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotResolved {}

pub(super) async fn resolve_host(host: String) -> Result<Vec<SocketAddr>, NotResolved> {
    match tokio::net::lookup_host((host.as_str(), 0)).await {
        Ok(addresses) => match Vec::from_iter(addresses) {
            none if none.is_empty() => Err(NotResolved(format!("{host} has no address"))),
            some => Ok(some),
        },
        Err(_) => Err(NotResolved(format!("{host} is not known"))),
    }
}

/// Sorts a failed request by its causes, from the outermost to the innermost.
fn classify_error(error: reqwest::Error, connect: Duration) -> TransportError {
    // Its own words would tell the whole URL.
    let error = error.without_url();
    let mut innermost = String::new();
    let mut code = None;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        innermost = error.to_string();
        if error.is::<NotResolved>() {
            code = Some(ReasonCode::NameNotResolved);
        } else if error.is::<rustls::Error>() {
            code = Some(ReasonCode::TlsFailed);
        } else if let Some(io) = error.downcast_ref::<io::Error>() {
            code = match io.kind() {
                io::ErrorKind::ConnectionRefused => Some(ReasonCode::ConnectRefused),
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionAborted => Some(ReasonCode::ConnectionReset),
                io::ErrorKind::TimedOut => code.or(Some(ReasonCode::ConnectTimedOut)),
                _ => code,
            };
        }
        cause = cause_of(error);
    }
    let code = code.unwrap_or_else(|| match () {
        () if error.is_connect() && error.is_timeout() => ReasonCode::ConnectTimedOut,
        () if error.is_timeout() => ReasonCode::ReadTimedOut,
        // The connection ended before the answer did.
        () if !error.is_connect() && (innermost.contains("closed") || innermost.contains("incomplete")) => {
            ReasonCode::ConnectionReset
        }
        () => ReasonCode::RequestFailed,
    });
    // Whoever was first to lose patience says it in other words.
    let detail =
        if code == ReasonCode::ConnectTimedOut { format!("within {}", format_duration(connect)) } else { innermost };
    TransportError::new(code, detail)
}

/// What lies under an error. An `io::Error` hides the one that it wraps: its `source` is already the one below that.
fn cause_of<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a (dyn std::error::Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{SubjectValues as _, Value};

    fn request(url: &str) -> HttpRequest {
        let timeout = Duration::from_secs(1);
        HttpRequest { timeout, ..HttpRequest::new(Method::GET, url.parse().unwrap()) }
    }

    async fn code(url: &str) -> ReasonCode {
        HttpClient::new(&AwsSettings::default()).send(&request(url)).await.unwrap_err().code
    }

    /// A server that does one thing to whoever connects.
    async fn server<F>(each: impl Fn(tokio::net::TcpStream) -> F + Send + 'static) -> u16
    where
        F: Future<Output = ()> + Send,
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                each(stream).await;
            }
        });
        port
    }

    #[test]
    fn a_query_and_a_password_are_not_shown() {
        let request = request("http://me:sesame@shop.example.com:8080/a?token=sesame#x");
        assert_eq!(request.title, "GET http://shop.example.com:8080/a?…");
    }

    #[tokio::test]
    async fn each_way_to_fail_has_its_own_code() {
        assert_eq!(code("http://no-such-host.invalid/").await, ReasonCode::NameNotResolved);
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        assert_eq!(code(&format!("http://127.0.0.1:{closed}/")).await, ReasonCode::ConnectRefused);
        let silent = server(|stream| async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            drop(stream);
        })
        .await;
        assert_eq!(code(&format!("http://127.0.0.1:{silent}/")).await, ReasonCode::ReadTimedOut);
        let rude = server(|stream| async move { drop(stream) }).await;
        assert_eq!(code(&format!("http://127.0.0.1:{rude}/")).await, ReasonCode::ConnectionReset);
        let plain = server(|mut stream| async move {
            use tokio::io::AsyncWriteExt;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        })
        .await;
        assert_eq!(code(&format!("https://localhost:{plain}/")).await, ReasonCode::TlsFailed);
    }

    #[test]
    fn only_so_many_clients_are_kept() {
        let probe = HttpClient::new(&AwsSettings::default());
        for connect in 1..=100 {
            let way =
                ConnectionOptions { connect_timeout: Duration::from_secs(connect), ..ConnectionOptions::default() };
            assert!(probe.client_for(&way).is_ok() && probe.client_for(&way).is_ok());
        }
        assert!(probe.clients.lock().unwrap().len() <= MAX_CACHED_CLIENTS);
    }

    #[tokio::test]
    async fn a_host_can_lead_to_another_name() {
        let port = server(|mut stream| async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let mut seen = vec![0; 1024];
            let read = stream.read(&mut seen).await.unwrap();
            let host = String::from_utf8_lossy(&seen[..read])
                .lines()
                .find(|line| line.starts_with("host"))
                .unwrap_or_default()
                .to_owned();
            let _ = stream
                .write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{host}", host.len()).as_bytes())
                .await;
        })
        .await;
        let probe = HttpClient::new(&AwsSettings::default());
        let connect_to = Some(ConnectTo { host: "shop.example.com".to_owned(), connect_host: "localhost".to_owned() });
        let connection = ConnectionOptions { connect_to, ..ConnectionOptions::default() };
        let request = HttpRequest { connection, ..request(&format!("http://shop.example.com:{port}/")) };
        let reply = probe.send(&request).await.unwrap();
        assert_eq!(reply.value_of("body"), Some(Value::Text(format!("host: shop.example.com:{port}"))));
    }
}
