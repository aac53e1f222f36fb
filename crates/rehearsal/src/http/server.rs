//! A server on a port.

use std::{
    convert::Infallible,
    error::Error,
    fmt,
    future::{Future, poll_fn},
    net::SocketAddr,
    sync::Arc,
};

use http_body_util::{BodyExt, Limited};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use crate::http::{
    FaultyResponse, Request,
    faulty_delivery::{Connection, deliver, reopen},
};

/// The maximum size of a request body in bytes. Lambda's limit for a payload is 6 MB, and nothing else here comes near
/// it.
const MAX_BODY: usize = 16 * 1024 * 1024;

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

/// Starts a server on a free port, and returns the port.
pub(crate) async fn serve_on_free_port<A, F>(handler: A) -> std::io::Result<(u16, ServerHandle)>
where
    A: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = FaultyResponse> + Send,
{
    serve_at(SocketAddr::from(([127, 0, 0, 1], 0)), handler).await
}

/// Starts a server at an address, and returns its port. Port 0 stands for a free port.
pub(crate) async fn serve_at<A, F>(address: SocketAddr, handler: A) -> std::io::Result<(u16, ServerHandle)>
where
    A: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = FaultyResponse> + Send,
{
    let listener = TcpListener::bind(address).await?;
    Ok((listener.local_addr()?.port(), serve(listener, handler)))
}
