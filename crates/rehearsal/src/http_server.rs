//! A small HTTP/1.1 server for everything that is played here. It can also answer as no server should.

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

/// Lambda's own limit for a payload is 6 MB; nothing else here comes near.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// A request, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    /// A header's value; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A body that is in memory as a whole.
pub(crate) type FullBody = http_body_util::Full<Bytes>;

/// What comes back for a request, and how.
#[derive(Clone, Debug)]
pub(crate) enum FaultyResponse {
    /// A response as it should be.
    Complete(Response<FullBody>),
    /// The same for the connection; what it says is nonsense.
    Corrupt(Response<FullBody>),
    /// The first half of its body and the end of the connection.
    Truncated(Response<FullBody>),
    /// Its head byte by byte.
    SlowHead(Response<FullBody>),
    /// Its head at once, its body byte by byte.
    SlowBody(Response<FullBody>),
    /// It, and then its last byte over and over.
    Endless(Response<FullBody>),
    /// The end of the connection.
    Closed,
    /// The end of the connection by a reset.
    Reset,
    /// The end of the connection, and nobody listens for a moment.
    Refused,
    /// Nothing, for as long as the client waits.
    NoResponse,
}

impl FaultyResponse {
    /// Whether whoever reads it has every reason to believe that all went well.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Complete(response) if response.status().is_success())
    }
}

impl From<Response<FullBody>> for FaultyResponse {
    fn from(response: Response<FullBody>) -> Self {
        Self::Complete(response)
    }
}

/// Without a response, to hang up.
impl From<Option<Response<FullBody>>> for FaultyResponse {
    fn from(response: Option<Response<FullBody>>) -> Self {
        response.map_or(Self::Closed, Self::Complete)
    }
}

/// An answer of a content type.
pub(crate) fn http_response(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<FullBody> {
    let mut response = Response::new(FullBody::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !content_type.is_empty() {
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    }
    response
}

/// A server at work. Dropping it ends it and all its connections.
#[derive(Debug)]
pub(crate) struct ServerHandle(JoinHandle<Infallible>);

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Answers every request on `listener` with `answer`.
pub(crate) fn serve<A, F>(listener: TcpListener, handler: A) -> ServerHandle
where
    A: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = FaultyResponse> + Send,
{
    serve_with_tls(listener, None, handler)
}

/// The same, through TLS where there is an acceptor for it.
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
                // An error here is the peer's (it went before it was accepted) or a shortage that passes.
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
                // A client that does not like the certificate says so and goes.
                if let Ok(stream) = tls.accept(stream).await {
                    serve_connection(stream, answer, shut).await;
                }
            });
            while connections.try_join_next().is_some() {}
        }
    }))
}

/// Answers the requests of one connection.
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
        // An error ends this connection and is its client's to notice.
        Ok(()) => drop(stream.shutdown().await),
        Err(error) => {
            if let Some(ConnectionClosed(reply)) = error.source().and_then(|source| source.downcast_ref()) {
                deliver(stream, reply.clone(), &shut).await;
            }
        }
    }
}

/// The last reply of a connection, which hyper is not to deliver: to hyper, why the connection ends.
#[derive(Debug)]
struct ConnectionClosed(FaultyResponse);

impl fmt::Display for ConnectionClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection ends here")
    }
}

impl Error for ConnectionClosed {}

/// So many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A free port on loopback, held. For IPv6 as well where there is any, since `localhost` may lead there first.
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

    /// Begins to listen.
    pub fn listen(self) -> std::io::Result<Vec<TcpListener>> {
        self.sockets.into_iter().map(|socket| socket.listen(BACKLOG)).collect()
    }

    /// Begins to ignore whoever knocks: a queue of the shortest length, full, so that the kernel drops what comes, as a
    /// security group would.
    pub async fn blackhole(self) -> std::io::Result<BlackholePort> {
        let listeners = self.sockets.into_iter().map(|socket| socket.listen(0)).collect::<Result<Vec<_>, _>>()?;
        let mut queue = Vec::new();
        for listener in &listeners {
            // How many fit in is the kernel's business; the first that does not get in says that it is full.
            while let Ok(knock) = timeout(CONNECT_TIMEOUT, TcpStream::connect(listener.local_addr()?)).await {
                queue.push(knock?);
            }
        }
        Ok(BlackholePort { _listeners: listeners, _queue: queue })
    }
}

/// A connection on loopback is there at once, or its queue is full.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(100);

/// A port at which nobody is answered. Dropping it closes the port.
#[derive(Debug)]
pub(crate) struct BlackholePort {
    _listeners: Vec<TcpListener>,
    _queue: Vec<TcpStream>,
}

/// A server on a free port of its own. Gives the port.
pub(crate) async fn serve_on_free_port<A, F>(handler: A) -> std::io::Result<(u16, ServerHandle)>
where
    A: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = FaultyResponse> + Send,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    Ok((listener.local_addr()?.port(), serve(listener, handler)))
}
