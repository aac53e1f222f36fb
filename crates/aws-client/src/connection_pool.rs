//! The connections to AWS: HTTP/1.1 over TCP or TLS, kept open between requests.
//!
//! All clients of a function share one TLS configuration, and the connections for reading and for putting the status are
//! two pools, so that one cannot delay the other. A connection is kept only after a complete reply without a server
//! error, and only for as long as the other side is sure to keep it: a retry after a failure gets a new connection.

use std::{
    error::Error as StdError,
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_smithy_runtime_api::client::{orchestrator::HttpRequest, result::ConnectorError};
use http::{HeaderValue, Request, Response, Uri, header::HOST, uri::PathAndQuery};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{Mutex as AsyncMutex, Semaphore},
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;
use tower::Service as _;

use super::{incomplete_reply::transient, trust::TlsConfig};

/// The largest replies, with a hundred tasks or alarms, are smaller than one megabyte.
const MAX_REPLY: usize = 8 * 1024 * 1024;
/// The maximum number of requests at the same time, and so of open connections. Without it, a thousand checks would use
/// all 1,024 file descriptors of a function.
const MAX_CONCURRENT_REQUESTS: usize = 16;
/// A connection that was idle for longer may be dead, because Lambda freezes the process and AWS closes idle
/// connections. A new connection takes only milliseconds.
const MAX_IDLE: Duration = Duration::from_secs(10);

/// The limits of one request. The caller limits the whole attempt.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Up to a usable connection: name resolution, TCP and TLS.
    pub connect: Duration,
    /// From the request to the first byte of the reply.
    pub read: Duration,
}

/// Open connections, and what is needed to open more.
pub struct ConnectionPool {
    tls: TlsConfig,
    idle: Mutex<Vec<IdleConnection>>,
    /// Held while a connection is opened early, so that a request waits for that one.
    early: AsyncMutex<()>,
    permits: Semaphore,
}

impl fmt::Debug for ConnectionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionPool").finish_non_exhaustive()
    }
}

impl ConnectionPool {
    /// Creates an empty pool.
    pub fn new(tls: TlsConfig) -> Self {
        Self {
            tls,
            idle: Mutex::default(),
            early: AsyncMutex::default(),
            permits: Semaphore::new(MAX_CONCURRENT_REQUESTS),
        }
    }

    /// Sends a request and reads the complete reply.
    ///
    /// # Errors
    /// No connection, no reply within the limits, or a reply that breaks off or is too large.
    pub async fn send(&self, request: HttpRequest, limits: RequestLimits) -> Result<Response<Bytes>, ConnectorError> {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        let (origin, mut request) = into_origin_form(request)?;
        drop(self.early.lock().await);
        // A connection that closed before it took the request gives the request back.
        while let Some(mut connection) = self.take_idle(&origin) {
            match send_on(&mut connection, request, limits.read).await {
                Ok(reply) => return self.read_reply(origin, connection, reply).await,
                Err(SendError::NotSent(unsent)) => request = *unsent,
                Err(SendError::Failed(error)) => return Err(error),
            }
        }
        let mut connection = self.connect(&origin, limits.connect).await?;
        match send_on(&mut connection, request, limits.read).await {
            Ok(reply) => self.read_reply(origin, connection, reply).await,
            Err(SendError::NotSent(_)) => Err(transient("the connection closed before the request was sent")),
            Err(SendError::Failed(error)) => Err(error),
        }
    }

    /// Opens a connection to `url` before it is needed, unless one is open.
    ///
    /// # Errors
    /// No connection within the limit.
    pub async fn connect_early(&self, url: &str, limit: Duration) -> Result<(), ConnectorError> {
        let uri = url.parse::<Uri>().map_err(|error| ConnectorError::user(error.into()))?;
        let origin = origin_of(&uri)?;
        let _early = self.early.lock().await;
        // A connection that is open keeps its age: nothing has been sent that shows it to be alive.
        if !self.has_idle(&origin) {
            let connection = self.connect(&origin, limit).await?;
            self.keep(origin, connection);
        }
        Ok(())
    }

    /// An idle connection that is still usable. Others are closed here.
    fn take_idle(&self, origin: &Uri) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(IdleConnection::is_usable);
        let position = idle.iter().rposition(|connection| connection.origin == *origin)?;
        Some(idle.swap_remove(position).connection)
    }

    fn has_idle(&self, origin: &Uri) -> bool {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().any(|connection| connection.origin == *origin && connection.is_usable())
    }

    fn keep(&self, origin: Uri, connection: Connection) {
        let idle = IdleConnection { origin, connection, since: Instant::now(), wall_clock: SystemTime::now() };
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
    }

    async fn connect(&self, origin: &Uri, limit: Duration) -> Result<Connection, ConnectorError> {
        timeout(limit, open(origin.clone(), &self.tls)).await.unwrap_or_else(|_| {
            Err(ConnectorError::timeout(Box::from(format!(
                "no connection within {}",
                lifecycle::format_duration(limit)
            ))))
        })
    }

    /// Reads the body, and keeps the connection if the server had no problem.
    async fn read_reply(
        &self,
        origin: Uri,
        connection: Connection,
        reply: Response<Incoming>,
    ) -> Result<Response<Bytes>, ConnectorError> {
        let (head, body) = reply.into_parts();
        let status = head.status;
        let body = Limited::new(body, MAX_REPLY).collect().await;
        let body = body
            .map_err(|error| transient(&format!("a reply of status {} that breaks off: {error}", status.as_u16())))?;
        if !status.is_server_error() {
            self.keep(origin, connection);
        }
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

type Connection = SendRequest<Full<Bytes>>;

struct IdleConnection {
    /// Scheme, host and port.
    origin: Uri,
    connection: Connection,
    since: Instant,
    /// The monotonic clock can stand still while Lambda freezes the process.
    wall_clock: SystemTime,
}

impl IdleConnection {
    fn is_usable(&self) -> bool {
        !self.connection.is_closed()
            && self.since.elapsed() < MAX_IDLE
            && self.wall_clock.elapsed().is_ok_and(|idle| idle < MAX_IDLE)
    }
}

/// Opens a TCP or TLS connection. Dropping the returned value closes it.
async fn open(origin: Uri, tls: &TlsConfig) -> Result<Connection, ConnectorError> {
    let io_error = |error: Box<dyn StdError + Send + Sync>| ConnectorError::io(error);
    let host = origin.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let is_tls = origin.scheme_str() == Some("https");
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    let tcp = connector.call(origin).await.map_err(|error| io_error(error.into()))?.into_inner();
    let stream: Box<dyn Stream> = if is_tls {
        let name = ServerName::try_from(host).map_err(|error| ConnectorError::user(error.into()))?;
        let tls = tls.clone().map_err(|error| ConnectorError::user(error.into()))?;
        Box::new(TlsConnector::from(tls).connect(name, tcp).await.map_err(|error| io_error(error.into()))?)
    } else {
        Box::new(tcp)
    };
    let (connection, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| io_error(error.into()))?;
    // It ends with the connection. Its errors also reach the request.
    tokio::spawn(driver);
    Ok(connection)
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl Stream for TcpStream {}
impl Stream for tokio_rustls::client::TlsStream<TcpStream> {}

enum SendError {
    /// The connection was closed and did not take the request.
    NotSent(Box<Request<Full<Bytes>>>),
    Failed(ConnectorError),
}

async fn send_on(
    connection: &mut Connection,
    request: Request<Full<Bytes>>,
    limit: Duration,
) -> Result<Response<Incoming>, SendError> {
    let exchange = async {
        // It is ready when the previous reply has been read, or it is closed.
        if connection.ready().await.is_err() {
            return Err(SendError::NotSent(Box::new(request)));
        }
        connection.try_send_request(request).await.map_err(|mut error| match error.take_message() {
            Some(unsent) => SendError::NotSent(Box::new(unsent)),
            None => SendError::Failed(ConnectorError::io(error.into_error().into())),
        })
    };
    timeout(limit, exchange).await.unwrap_or_else(|_| {
        let text = format!("no reply within {}", lifecycle::format_duration(limit));
        Err(SendError::Failed(ConnectorError::timeout(Box::from(text))))
    })
}

/// Splits a request into its origin and what HTTP/1.1 sends to it: the path, and the host as a header.
fn into_origin_form(request: HttpRequest) -> Result<(Uri, Request<Full<Bytes>>), ConnectorError> {
    let user_error = |error: Box<dyn StdError + Send + Sync>| ConnectorError::user(error);
    let (mut head, body) = request.try_into_http1x().map_err(|error| user_error(error.into()))?.into_parts();
    // The clients build every body in memory.
    let body = body.bytes().map(Bytes::copy_from_slice).ok_or_else(|| user_error("a body that is a stream".into()))?;
    let origin = origin_of(&head.uri)?;
    if let Some(authority) = head.uri.authority() {
        let host = HeaderValue::from_str(authority.as_str()).map_err(|error| user_error(error.into()))?;
        head.headers.entry(HOST).or_insert(host);
    }
    let path = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    head.uri = Uri::from(path);
    Ok((origin, Request::from_parts(head, Full::new(body))))
}

fn origin_of(uri: &Uri) -> Result<Uri, ConnectorError> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = uri.scheme().cloned();
    parts.authority = uri.authority().cloned();
    parts.path_and_query = Some(PathAndQuery::from_static("/"));
    Uri::from_parts(parts).map_err(|error| ConnectorError::user(error.into()))
}

#[cfg(test)]
mod tests;
