//! One HTTP request or TCP connection, and what became of it: every way to fail told apart.

use std::{
    collections::HashMap,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::{
    Method, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::HeaderMap,
};
use tokio::time::Instant;

use super::reply::Reply;
use crate::{code::Code, gate::in_words, settings::AwsSettings};

/// A body is read so far; what a condition needs stands at its beginning.
const MAX_BODY: usize = 1024 * 1024;
/// A connection within AWS is there in milliseconds; a security group drops it silently.
const CONNECT: Duration = Duration::from_secs(2);

/// The client for probes, built once. It follows no redirect and keeps no connection: each request is a customer's first.
#[derive(Clone, Debug)]
pub struct Probe {
    tls: Result<rustls::ClientConfig, String>,
    /// One for each detour: the name on the certificate and the name of the load balancer are two different things.
    clients: Arc<Mutex<HashMap<Option<Detour>, reqwest::Client>>>,
}

/// A host that is asked for, and the name that is connected to for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Detour {
    /// The host of the URL, and of the certificate.
    pub host: String,
    /// The load balancer's name.
    pub to: String,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `HEAD`, ….
    pub method: Method,
    /// Scheme, host, port, path and query.
    pub url: Url,
    /// Where to connect to, if not to the host.
    pub detour: Option<Detour>,
    /// Headers to send.
    pub headers: HeaderMap,
    /// How long it may take in all.
    pub timeout: Duration,
    /// Whether its body matters.
    pub wants_body: bool,
}

impl Request {
    /// `GET https://host/path`, without what may be secret: a query, and a user with a password.
    pub fn title(&self) -> String {
        let mut url = self.url.clone();
        let query = if url.query().is_some() { "?…" } else { "" };
        url.set_query(None);
        url.set_fragment(None);
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        format!("{} {url}{query}", self.method)
    }
}

/// Why nothing came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Which fault.
    pub code: Code,
    /// What the transport said.
    pub detail: String,
}

impl Trouble {
    /// What was seen, as the end of a sentence: `was a refused connection`.
    pub fn words(&self) -> String {
        let what = match self.code {
            Code::NameNotResolved => "a name that does not resolve",
            Code::ConnectTimedOut => "no connection",
            Code::ConnectRefused => "a refused connection",
            Code::ConnectionReset => "a connection that was closed without an answer",
            Code::ReadTimedOut => "no answer",
            Code::TlsFailed => "a failed TLS handshake",
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
        Self { tls: tls(settings), clients: Arc::default() }
    }

    fn client(&self, detour: &Option<Detour>) -> Result<reqwest::Client, Trouble> {
        // A map of clients is whole whatever happened to the thread that held it.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(detour) {
            return Ok(client.clone());
        }
        let failed = |why: String| Trouble { code: Code::TlsFailed, detail: why };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone().map_err(failed)?)
            .dns_resolver(Names(detour.clone()))
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT)
            .no_proxy()
            .user_agent(concat!("greenlight/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| failed(error.to_string()))?;
        clients.insert(detour.clone(), client.clone());
        Ok(client)
    }

    /// Sends one request.
    ///
    /// # Errors
    /// No reply came, or its body broke off.
    pub async fn send(&self, request: &Request) -> Result<Reply, Trouble> {
        let client = self.client(&request.detour)?;
        let began = Instant::now();
        let timed_out =
            |_| Trouble { code: Code::ReadTimedOut, detail: format!("within {}", in_words(request.timeout)) };
        let exchange = async {
            let sent =
                client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone()).send();
            let mut response = sent.await.map_err(trouble)?;
            let mut body = Vec::new();
            while request.wants_body && body.len() < MAX_BODY {
                match response.chunk().await.map_err(trouble)? {
                    Some(chunk) => body.extend_from_slice(&chunk[..chunk.len().min(MAX_BODY - body.len())]),
                    None => break,
                }
            }
            Ok(Reply {
                status: response.status().as_u16(),
                headers: std::mem::take(response.headers_mut()),
                body: String::from_utf8_lossy(&body).into_owned(),
                latency: began.elapsed(),
            })
        };
        tokio::time::timeout(request.timeout, exchange).await.map_err(timed_out)?
    }

    /// Opens a TCP connection and closes it again; how long that took.
    ///
    /// # Errors
    /// It did not open.
    pub async fn connect(&self, host: &str, port: u16, timeout: Duration) -> Result<Duration, Trouble> {
        let began = Instant::now();
        let connecting = async {
            let addresses = lookup(host.to_owned())
                .await
                .map_err(|error| Trouble { code: Code::NameNotResolved, detail: error.to_string() })?;
            let addresses: Vec<_> = addresses.into_iter().map(|address| SocketAddr::new(address.ip(), port)).collect();
            tokio::net::TcpStream::connect(addresses.as_slice()).await.map_err(|error| {
                let code = match error.kind() {
                    io::ErrorKind::ConnectionRefused => Code::ConnectRefused,
                    io::ErrorKind::TimedOut => Code::ConnectTimedOut,
                    _ => Code::RequestFailed,
                };
                Trouble { code, detail: error.to_string() }
            })
        };
        let timed_out = |_| Trouble { code: Code::ConnectTimedOut, detail: format!("within {}", in_words(timeout)) };
        tokio::time::timeout(timeout, connecting).await.map_err(timed_out)??;
        Ok(began.elapsed())
    }
}

fn tls(settings: &AwsSettings) -> Result<rustls::ClientConfig, String> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let mut roots = rustls::RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(path) = &settings.probe_ca {
        let told = |why: &dyn fmt::Display| format!("SSL_CERT_FILE {}: {why}", path.display());
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| told(&error))? {
            roots.add(certificate.map_err(|error| told(&error))?).map_err(|error| told(&error))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
    // A target group that speaks HTTP/2 is answered for only in that.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
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
struct NotResolved(String);

impl fmt::Display for NotResolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotResolved {}

async fn lookup(host: String) -> Result<Vec<SocketAddr>, NotResolved> {
    match tokio::net::lookup_host((host.as_str(), 0)).await {
        Ok(addresses) => match Vec::from_iter(addresses) {
            none if none.is_empty() => Err(NotResolved(format!("{host} has no address"))),
            some => Ok(some),
        },
        Err(_) => Err(NotResolved(format!("{host} is not known"))),
    }
}

/// Sorts a failed request by its causes, from the outermost to the innermost.
fn trouble(error: reqwest::Error) -> Trouble {
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
    let detail = if code == Code::ConnectTimedOut { format!("within {}", in_words(CONNECT)) } else { innermost };
    Trouble { code, detail }
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
        let url = url.parse().unwrap();
        Request {
            method: Method::GET,
            url,
            detour: None,
            headers: HeaderMap::new(),
            timeout: Duration::from_millis(300),
            wants_body: true,
        }
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
        assert_eq!(request.title(), "GET http://shop.example.com:8080/a?…");
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
        let request = Request { detour, ..request(&format!("http://shop.example.com:{port}/")) };
        let reply = probe.send(&request).await.unwrap();
        assert_eq!(reply.fact("body"), Some(Value::Text(format!("host: shop.example.com:{port}"))));
    }
}
