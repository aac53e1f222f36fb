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
    listener_rules::RulesToGreen,
    question::without_query,
    reply::Reply,
    tls,
    way::{Detour, Speaks, Way},
};
use crate::{
    code::Code,
    gate::{HttpDefaults, Retry, in_words},
    redact::Redactor,
    settings::AwsSettings,
};

/// A body is read to its end, and of a longer one so much: what a condition needs stands at its beginning.
const MAX_BODY: usize = 1024 * 1024;

/// What every request says it is from.
pub(super) const USER_AGENT: &str = concat!("greenlight/", env!("CARGO_PKG_VERSION"));

/// So many clients are kept, more than the checks of one gate file mostly need.
const WAYS: usize = 32;

/// So many connections are open at once. Each takes a descriptor, and a thread while a name is looked up, and a function has
/// 1,024 of either.
const AT_ONCE: usize = 64;

/// The clients for probes. They keep no connection: each request is a customer's first.
#[derive(Clone, Debug)]
pub struct Probe {
    /// `SSL_CERT_FILE`.
    authorities: Option<PathBuf>,
    /// One for each way that a request can take.
    clients: Arc<Mutex<HashMap<Way, reqwest::Client>>>,
    /// For each connection one.
    permits: Arc<Semaphore>,
}

/// One request.
#[derive(Clone)]
pub struct Request {
    /// What a report calls it: `GET https://host/path`, without a secret.
    pub title: String,
    /// `GET`, `HEAD`, ….
    pub method: Method,
    /// Scheme, host, port, path and query.
    pub url: Url,
    /// How it gets there.
    pub way: Way,
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
    pub(super) rules: Option<RulesToGreen>,
}

/// What a report calls it; the rest may be secret.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({})", self.title)
    }
}

impl Request {
    /// One with nothing special about it, as its URL may be told but for a query.
    pub fn plain(method: Method, url: Url) -> Self {
        let mut shown = url.clone();
        let _ = shown.set_username("").and_then(|()| shown.set_password(None));
        let title = format!("{method} {}", without_query(shown.as_str()));
        Self {
            title,
            method,
            url,
            way: Way::default(),
            headers: HeaderMap::new(),
            body: None,
            timeout: HttpDefaults::default().timeout,
            retry: Retry::default(),
            redactor: Redactor::default(),
            rules: None,
        }
    }
}

/// Why no whole reply came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Which fault.
    pub code: Code,
    /// What the transport said.
    pub detail: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The status of the reply whose body did not come to its end.
    status: Option<u16>,
}

impl Trouble {
    pub(super) const fn new(code: Code, detail: String) -> Self {
        Self { code, detail, attempts: 1, status: None }
    }

    /// Whether trying again may help. A certificate stays as it is.
    const fn is_retryable(&self) -> bool {
        !matches!(self.code, Code::TlsFailed | Code::RuleLeadsElsewhere)
    }

    /// What was seen, as the end of a sentence: `was a refused connection`.
    pub fn words(&self) -> String {
        let words = self.once();
        if self.attempts > 1 { format!("{words} in each of {} attempts", self.attempts) } else { words }
    }

    /// The same of a single attempt.
    pub fn once(&self) -> String {
        if let Some(status) = self.status {
            let body = format!("a reply of status {status} whose body");
            return match (self.code, self.detail.as_str()) {
                (Code::ConnectionReset, _) => format!("{body} broke off"),
                (Code::ReadTimedOut, span) => format!("{body} did not end {span}"),
                (_, detail) => format!("{body} could not be read ({detail})"),
            };
        }
        let what = match self.code {
            Code::NameNotResolved => "a name that does not resolve",
            Code::ConnectTimedOut => "no connection",
            Code::ConnectRefused => "a refused connection",
            Code::ConnectionReset => "a connection that was closed without an answer",
            Code::ReadTimedOut => "no answer",
            Code::TlsFailed => "a failed TLS handshake",
            Code::RuleLeadsElsewhere => "a redirect to somebody else",
            _ => "a failed request",
        };
        match (self.code, self.detail.as_str()) {
            // These two say it all.
            (_, "") | (Code::ConnectRefused | Code::ConnectionReset, _) => what.to_owned(),
            (Code::ReadTimedOut | Code::ConnectTimedOut, span) if span.starts_with("within") => {
                format!("{what} {span}")
            }
            (_, detail) => format!("{what} ({detail})"),
        }
    }
}

impl Probe {
    /// A client with the embedded roots of the web's authorities, and those of `SSL_CERT_FILE`.
    pub fn new(settings: &AwsSettings) -> Self {
        Self {
            authorities: settings.probe_ca.clone(),
            clients: Arc::default(),
            permits: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// The file with authorities to trust beside the web's.
    pub(super) fn authorities(&self) -> Option<&Path> {
        self.authorities.as_deref()
    }

    /// A permit to open a connection, until it is dropped.
    pub(super) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.permits.acquire().await.ok()
    }

    fn client(&self, way: &Way) -> Result<reqwest::Client, Trouble> {
        // A map of clients is whole whatever happened to the thread that held it.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(way) {
            return Ok(client.clone());
        }
        let failed = |why: String| Trouble::new(Code::TlsFailed, why);
        let mut tls = tls::config(&way.trust, self.authorities()).map_err(failed)?;
        match way.speaks {
            Speaks::Any => {}
            Speaks::One => tls.alpn_protocols = vec![b"http/1.1".to_vec()],
            Speaks::Two => tls.alpn_protocols = vec![b"h2".to_vec()],
        }
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Names(way.detour.clone()))
            .redirect(way.redirects.policy())
            // A query may be secret, and whoever is redirected to need not know it.
            .referer(false)
            .pool_max_idle_per_host(0)
            .connect_timeout(way.connect_timeout)
            .no_proxy()
            .user_agent(USER_AGENT);
        match way.speaks {
            Speaks::Any => {}
            Speaks::One => builder = builder.http1_only(),
            Speaks::Two => builder = builder.http2_prior_knowledge(),
        }
        let client = builder.build().map_err(|error| failed(error.to_string()))?;
        // A function lives for many deployments, each with ways of its own: a host, an authority out of a secret.
        if clients.len() >= WAYS {
            clients.clear();
        }
        clients.insert(way.clone(), client.clone());
        Ok(client)
    }

    /// Sends one request, again after a fault of the transport where it says so. The reply is read to its end.
    ///
    /// # Errors
    /// No reply came, or its body broke off.
    pub async fn send(&self, request: &Request) -> Result<Reply, Trouble> {
        let Retry { transport, backoff: (mut pause, longest) } = request.retry;
        let mut failed = Vec::new();
        loop {
            match self.once(request).await {
                Err(trouble) if trouble.is_retryable() && failed.len() < transport as usize => failed.push(trouble),
                Err(trouble) => return Err(Trouble { attempts: 1 + failed.len() as u32, ..trouble }),
                Ok(reply) => return Ok(Reply { failed, ..reply }),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    async fn once(&self, request: &Request) -> Result<Reply, Trouble> {
        let client = self.client(&request.way)?;
        // Never closed. What it waits for is nobody's latency.
        let _permit = self.permit().await;
        let connect = request.way.connect_timeout;
        let began = Instant::now();
        let until = began + request.timeout;
        let timed_out = |_| Trouble::new(Code::ReadTimedOut, format!("within {}", in_words(request.timeout)));
        let mut sent = client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
        if let Some(body) = &request.body {
            sent = sent.body(body.clone());
        }
        let response = timeout_at(until, sent.send()).await.map_err(timed_out)?;
        let response = response.map_err(|error| trouble(error, connect))?;
        if response.url() != &request.url
            && let Some(why) = request.rules.as_ref().and_then(|rules| rules.broken_by_redirect(response.url()))
        {
            return Err(Trouble::new(Code::RuleLeadsElsewhere, why));
        }
        let status = response.status().as_u16();
        // A status before a body that breaks off or does not end is no reply.
        let broken = |trouble| Trouble { status: Some(status), ..trouble };
        let read = timeout_at(until, read(response)).await.map_err(timed_out).map_err(broken)?;
        let Read { headers, body, trailers } = read.map_err(|error| broken(trouble(error, connect)))?;
        Ok(Reply {
            status,
            headers,
            body,
            trailers,
            latency: began.elapsed(),
            failed: Vec::new(),
            redactor: request.redactor.clone(),
        })
    }
}

/// What follows the status of a reply.
struct Read {
    headers: HeaderMap,
    body: Vec<u8>,
    /// Headers after the body, which is where gRPC has its status.
    trailers: HeaderMap,
}

/// Reads a reply to its end, or up to the limit.
async fn read(mut response: Response) -> Result<Read, reqwest::Error> {
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
    Ok(Read { headers, body, trailers })
}

/// A name that leads elsewhere; all others lead where they lead.
#[derive(Clone, Debug, Default)]
struct Names(Option<Detour>);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let to = match &self.0 {
            Some(Detour { host, to }) if host.eq_ignore_ascii_case(name.as_str()) => to.clone(),
            _ => name.as_str().to_owned(),
        };
        Box::pin(async move {
            let addresses = lookup(to).await?;
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

pub(super) async fn lookup(host: String) -> Result<Vec<SocketAddr>, NotResolved> {
    match tokio::net::lookup_host((host.as_str(), 0)).await {
        Ok(addresses) => match Vec::from_iter(addresses) {
            none if none.is_empty() => Err(NotResolved(format!("{host} has no address"))),
            some => Ok(some),
        },
        Err(_) => Err(NotResolved(format!("{host} is not known"))),
    }
}

/// Sorts a failed request by its causes, from the outermost to the innermost.
fn trouble(error: reqwest::Error, connect: Duration) -> Trouble {
    // Its own words would tell the whole URL.
    let error = error.without_url();
    let mut innermost = String::new();
    let mut code = None;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        innermost = error.to_string();
        if error.is::<NotResolved>() {
            code = Some(Code::NameNotResolved);
        } else if error.is::<rustls::Error>() {
            code = Some(Code::TlsFailed);
        } else if let Some(io) = error.downcast_ref::<io::Error>() {
            code = match io.kind() {
                io::ErrorKind::ConnectionRefused => Some(Code::ConnectRefused),
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionAborted => Some(Code::ConnectionReset),
                io::ErrorKind::TimedOut => code.or(Some(Code::ConnectTimedOut)),
                _ => code,
            };
        }
        cause = cause_of(error);
    }
    let code = code.unwrap_or_else(|| match () {
        () if error.is_connect() && error.is_timeout() => Code::ConnectTimedOut,
        () if error.is_timeout() => Code::ReadTimedOut,
        // The connection ended before the answer did.
        () if !error.is_connect() && (innermost.contains("closed") || innermost.contains("incomplete")) => {
            Code::ConnectionReset
        }
        () => Code::RequestFailed,
    });
    // Whoever was first to lose patience says it in other words.
    let detail = if code == Code::ConnectTimedOut { format!("within {}", in_words(connect)) } else { innermost };
    Trouble::new(code, detail)
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
    use crate::gate::{Facts as _, Value};

    fn request(url: &str) -> Request {
        let timeout = Duration::from_secs(1);
        Request { timeout, ..Request::plain(Method::GET, url.parse().unwrap()) }
    }

    async fn code(url: &str) -> Code {
        Probe::new(&AwsSettings::default()).send(&request(url)).await.unwrap_err().code
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
        assert_eq!(code("http://no-such-host.invalid/").await, Code::NameNotResolved);
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        assert_eq!(code(&format!("http://127.0.0.1:{closed}/")).await, Code::ConnectRefused);
        let silent = server(|stream| async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            drop(stream);
        })
        .await;
        assert_eq!(code(&format!("http://127.0.0.1:{silent}/")).await, Code::ReadTimedOut);
        let rude = server(|stream| async move { drop(stream) }).await;
        assert_eq!(code(&format!("http://127.0.0.1:{rude}/")).await, Code::ConnectionReset);
        let plain = server(|mut stream| async move {
            use tokio::io::AsyncWriteExt;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        })
        .await;
        assert_eq!(code(&format!("https://localhost:{plain}/")).await, Code::TlsFailed);
    }

    #[test]
    fn only_so_many_clients_are_kept() {
        let probe = Probe::new(&AwsSettings::default());
        for connect in 1..=100 {
            let way = Way { connect_timeout: Duration::from_secs(connect), ..Way::default() };
            assert!(probe.client(&way).is_ok() && probe.client(&way).is_ok());
        }
        assert!(probe.clients.lock().unwrap().len() <= WAYS);
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
        let probe = Probe::new(&AwsSettings::default());
        let detour = Some(Detour { host: "shop.example.com".to_owned(), to: "localhost".to_owned() });
        let way = Way { detour, ..Way::default() };
        let request = Request { way, ..request(&format!("http://shop.example.com:{port}/")) };
        let reply = probe.send(&request).await.unwrap();
        assert_eq!(reply.fact("body"), Some(Value::Text(format!("host: shop.example.com:{port}"))));
    }
}
