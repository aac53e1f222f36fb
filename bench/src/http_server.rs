//! A small HTTP server for the stand-ins that take times.

use std::{io, sync::Arc};

use http_body_util::{BodyExt, Full};
use hyper::{Method, Response, body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpSocket},
    task::{JoinHandle, JoinSet},
};

pub struct Request {
    pub method: Method,
    pub path: String,
    pub body: Bytes,
}

pub type Reply = Response<Full<Bytes>>;

/// A running server. Dropping it closes its port and its connections.
pub struct HttpServer {
    pub port: u16,
    task: JoinHandle<()>,
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl HttpServer {
    /// Responds to every request with `handler`. An error of `handler` closes the connection.
    pub fn start<H, F>(handler: H) -> io::Result<Self>
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = anyhow::Result<Reply>> + Send + 'static,
    {
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        // Hundreds of checks connect at the same moment.
        let listener = socket.listen(1024)?;
        Ok(Self { port: listener.local_addr()?.port(), task: tokio::spawn(accept(listener, Arc::new(handler))) })
    }
}

async fn accept<H, F>(listener: TcpListener, handler: Arc<H>)
where
    H: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = anyhow::Result<Reply>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let handler = handler.clone();
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let handler = handler.clone();
            Box::pin(async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                handler(Request { method: head.method, path: head.uri.path().to_owned(), body }).await
            })
        });
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        while connections.try_join_next().is_some() {}
    }
}
