//! A small HTTP/1.1 server for everything that is played here. It can also hang up in place of answering.

use std::{convert::Infallible, future::Future, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{HeaderMap, Response, StatusCode, body::Bytes, header, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

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

/// A whole answer; none is to hang up.
pub(crate) type Reply = Option<Response<Full<Bytes>>>;

/// An answer of a content type.
pub(crate) fn reply(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !content_type.is_empty() {
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    }
    response
}

/// A server at work. Dropping it ends it and all its connections.
#[derive(Debug)]
pub(crate) struct Serving(JoinHandle<Infallible>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Answers every request on `listener` with `answer`.
pub(crate) fn serve<A, F>(listener: TcpListener, answer: A) -> Serving
where
    A: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Reply> + Send,
{
    serve_with(listener, None, answer)
}

/// The same, through TLS where there is an acceptor for it.
pub(crate) fn serve_with<A, F>(listener: TcpListener, tls: Option<TlsAcceptor>, answer: A) -> Serving
where
    A: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Reply> + Send,
{
    let answer = Arc::new(answer);
    Serving(tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            // An error here is the peer's (it went before it was accepted) or a shortage that passes.
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _ = stream.set_nodelay(true);
            let (answer, tls) = (answer.clone(), tls.clone());
            connections.spawn(async move {
                let Some(tls) = tls else { return converse(stream, answer).await };
                // A client that does not like the certificate says so and goes.
                if let Ok(stream) = tls.accept(stream).await {
                    converse(stream, answer).await;
                }
            });
            while connections.try_join_next().is_some() {}
        }
    }))
}

/// Answers the requests of one connection.
async fn converse<S, A, F>(stream: S, answer: Arc<A>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    A: Fn(Request) -> F + Send + Sync,
    F: Future<Output = Reply> + Send,
{
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let answer = answer.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| HungUp)?.to_bytes();
            let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
            let request = Request { method: head.method.to_string(), path, headers: head.headers, body };
            answer(request).await.ok_or(HungUp)
        }
    });
    // An error ends this connection and is its client's to notice.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Why a connection ends without an answer.
#[derive(Debug)]
struct HungUp;

impl std::fmt::Display for HungUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hung up")
    }
}

impl std::error::Error for HungUp {}

/// A free port on loopback, held. For IPv6 as well where there is any, since `localhost` may lead there first.
#[derive(Debug)]
pub(crate) struct Port {
    pub number: u16,
    sockets: Vec<TcpSocket>,
}

impl Port {
    pub fn hold() -> std::io::Result<Self> {
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
        self.sockets.into_iter().map(|socket| socket.listen(1024)).collect()
    }

    /// Begins to ignore whoever knocks: a queue of the shortest length, full, so that the kernel drops what comes, as a
    /// security group would.
    pub async fn ignore(self) -> std::io::Result<Silence> {
        let listeners = self.sockets.into_iter().map(|socket| socket.listen(0)).collect::<Result<Vec<_>, _>>()?;
        let mut queue = Vec::new();
        for listener in &listeners {
            // How many fit in is the kernel's business; the first that does not get in says that it is full.
            while let Ok(knock) = timeout(FULL, TcpStream::connect(listener.local_addr()?)).await {
                queue.push(knock?);
            }
        }
        Ok(Silence { _listeners: listeners, _queue: queue })
    }
}

/// A connection on loopback is there at once, or its queue is full.
const FULL: Duration = Duration::from_millis(100);

/// A port at which nobody is answered. Dropping it closes the port.
#[derive(Debug)]
pub(crate) struct Silence {
    _listeners: Vec<TcpListener>,
    _queue: Vec<TcpStream>,
}

/// A server on a free port of its own. Gives the port.
pub(crate) async fn serve_anywhere<A, F>(answer: A) -> std::io::Result<(u16, Serving)>
where
    A: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Reply> + Send,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    Ok((listener.local_addr()?.port(), serve(listener, answer)))
}
