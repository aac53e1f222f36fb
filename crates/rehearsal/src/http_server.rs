//! A small HTTP/1.1 server for everything that is simulated here. It can also send faulty responses on purpose.

mod faulty_response;

use std::{
    convert::Infallible,
    error::Error,
    fmt,
    future::{Future, poll_fn},
    sync::Arc,
    time::Duration,
};

use http_body_util::{BodyExt, Limited};
use hyper::{HeaderMap, Response, StatusCode, body::Bytes, header, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use self::faulty_response::{Connection, deliver, reopen};

/// The maximum size of a request body in bytes. Lambda's limit for a payload is 6 MB, and nothing else here comes near
/// it.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// A request that has been read completely.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    /// The value of a header; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A body that is completely in memory.
pub(crate) type FullBody = http_body_util::Full<Bytes>;

/// A response and the way in which it is sent.
#[derive(Clone, Debug)]
pub(crate) enum FaultyResponse {
    /// A correct response.
    Complete(Response<FullBody>),
    /// A response that is sent correctly but has a corrupt body.
    Corrupt(Response<FullBody>),
    /// The head and the first half of the body, and then the end of the connection.
    Truncated(Response<FullBody>),
    /// The head, byte by byte.
    SlowHead(Response<FullBody>),
    /// The head at once and the body byte by byte.
    SlowBody(Response<FullBody>),
    /// The response, and then its last byte repeated.
    Endless(Response<FullBody>),
    /// No response; the connection is closed.
    Closed,
    /// No response; the connection is reset.
    Reset,
    /// No response; the connection is closed, and nothing listens on the port for a moment.
    Refused,
    /// No response, for as long as the client waits.
    NoResponse,
}

impl FaultyResponse {
    /// Whether its reader has every reason to believe that the request succeeded.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Complete(response) if response.status().is_success())
    }
}

impl From<Response<FullBody>> for FaultyResponse {
    fn from(response: Response<FullBody>) -> Self {
        Self::Complete(response)
    }
}

/// `None` closes the connection without a response.
impl From<Option<Response<FullBody>>> for FaultyResponse {
    fn from(response: Option<Response<FullBody>>) -> Self {
        response.map_or(Self::Closed, Self::Complete)
    }
}

/// Creates a response with a content type. An empty content type means no header.
pub(crate) fn http_response(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<FullBody> {
    let mut response = Response::new(FullBody::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !content_type.is_empty() {
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    }
    response
}

/// A running server. Dropping the handle stops the server and closes all its connections.
#[derive(Debug)]
pub(crate) struct ServerHandle(JoinHandle<Infallible>);

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Responds to every request on `listener` with `handler`.
pub(crate) fn serve<A, F>(listener: TcpListener, handler: A) -> ServerHandle
where
    A: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = FaultyResponse> + Send,
{
    serve_with_tls(listener, None, handler)
}

/// Like [`serve`], but through TLS if there is an acceptor.
pub(crate) fn serve_with_tls<A, F>(listener: TcpListener, tls: Option<TlsAcceptor>, handler: A) -> ServerHandle
where
    A: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = FaultyResponse> + Send,
{
    let answer = Arc::new(handler);
    ServerHandle(tokio::spawn(async move {
        let mut listener = listener;
        let mut connections = JoinSet::new();
        let (shut, mut closing) = unbounded_channel::<TcpStream>();
        loop {
            let stream = tokio::select! {
                // An error here is the peer's (it closed the connection before it was accepted) or a temporary
                // shortage.
                accepted = listener.accept() => match accepted { Ok((stream, _)) => stream, Err(_) => continue },
                Some(closed) = closing.recv() => {
                    if let Ok(address) = closed.local_addr() {
                        listener = reopen(listener, address, closed, &mut closing).await;
                    }
                    continue;
                }
            };
            let _ = stream.set_nodelay(true);
            let (answer, tls, shut) = (answer.clone(), tls.clone(), shut.clone());
            connections.spawn(async move {
                let Some(tls) = tls else { return serve_connection(stream, answer, shut).await };
                // A client that rejects the certificate reports that and closes the connection.
                if let Ok(stream) = tls.accept(stream).await {
                    serve_connection(stream, answer, shut).await;
                }
            });
            while connections.try_join_next().is_some() {}
        }
    }))
}

/// Responds to the requests of one connection.
async fn serve_connection<S, A, F>(stream: S, handler: Arc<A>, shut: UnboundedSender<TcpStream>)
where
    S: Connection,
    A: Fn(Request) -> F + Send + Sync,
    F: Future<Output = FaultyResponse> + Send,
{
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let answer = handler.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let hung_up = |_| ConnectionClosed(FaultyResponse::Closed);
            let body = Limited::new(body, MAX_BODY).collect().await.map_err(hung_up)?.to_bytes();
            let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
            let request = Request { method: head.method.to_string(), path, headers: head.headers, body };
            match answer(request).await {
                FaultyResponse::Complete(response) | FaultyResponse::Corrupt(response) => Ok(response),
                parting => Err(ConnectionClosed(parting)),
            }
        })
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let ended = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let mut stream = connection.into_parts().io.into_inner();
    match ended {
        // An error ends this connection. The client notices it.
        Ok(()) => drop(stream.shutdown().await),
        Err(error) => {
            if let Some(ConnectionClosed(reply)) = error.source().and_then(|source| source.downcast_ref()) {
                deliver(stream, reply.clone(), &shut).await;
            }
        }
    }
}

/// The last response of a connection, which hyper must not send itself. To hyper it is the error that ends the
/// connection.
#[derive(Debug)]
struct ConnectionClosed(FaultyResponse);

impl fmt::Display for ConnectionClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection ends here")
    }
}

impl Error for ConnectionClosed {}

/// The number of connections that can wait to be accepted.
const BACKLOG: u32 = 1024;

/// A reserved free port on loopback. It is reserved for IPv6 too if the machine has it, because `localhost` can resolve
/// to IPv6 first.
#[derive(Debug)]
pub(crate) struct Port {
    pub number: u16,
    sockets: Vec<TcpSocket>,
}

impl Port {
    pub fn reserve() -> std::io::Result<Self> {
        let four = TcpSocket::new_v4()?;
        four.bind(([127, 0, 0, 1], 0).into())?;
        let number = four.local_addr()?.port();
        let mut sockets = vec![four];
        let six =
            TcpSocket::new_v6().and_then(|six| six.bind((std::net::Ipv6Addr::LOCALHOST, number).into()).map(|()| six));
        sockets.extend(six);
        Ok(Self { number, sockets })
    }

    /// Starts to listen.
    pub fn listen(self) -> std::io::Result<Vec<TcpListener>> {
        self.sockets.into_iter().map(|socket| socket.listen(BACKLOG)).collect()
    }

    /// Ignores every connection attempt. The accept queue has the shortest length and is full, so the kernel drops
    /// incoming packets, as a security group would.
    pub async fn blackhole(self) -> std::io::Result<BlackholePort> {
        let listeners = self.sockets.into_iter().map(|socket| socket.listen(0)).collect::<Result<Vec<_>, _>>()?;
        let mut queue = Vec::new();
        for listener in &listeners {
            // The kernel decides how many connections fit in the queue. The first one that times out shows that it is
            // full.
            while let Ok(knock) = timeout(CONNECT_TIMEOUT, TcpStream::connect(listener.local_addr()?)).await {
                queue.push(knock?);
            }
        }
        Ok(BlackholePort { _listeners: listeners, _queue: queue })
    }
}

/// A connection on loopback succeeds at once, unless the queue is full.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(100);

/// A port that never responds. Dropping it closes the port.
#[derive(Debug)]
pub(crate) struct BlackholePort {
    _listeners: Vec<TcpListener>,
    _queue: Vec<TcpStream>,
}

/// Starts a server on a free port, and returns the port.
pub(crate) async fn serve_on_free_port<A, F>(handler: A) -> std::io::Result<(u16, ServerHandle)>
where
    A: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = FaultyResponse> + Send,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    Ok((listener.local_addr()?.port(), serve(listener, handler)))
}
