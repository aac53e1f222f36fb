//! Sends faulty responses. They are written to the bare connection after hyper has read the request and released the
//! connection.

use std::{fmt::Write as _, net::SocketAddr, time::Duration};

use http_body_util::BodyExt;
use hyper::Response;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{Instant, sleep, sleep_until},
};
use tokio_rustls::server::TlsStream;

use crate::http::{FaultyResponse, FullBody, port::BACKLOG};

/// A connection with a client, with or without TLS.
pub(super) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {
    /// The TCP connection below TLS.
    fn into_tcp(self) -> TcpStream;
}

impl Connection for TcpStream {
    fn into_tcp(self) -> TcpStream {
        self
    }
}

impl Connection for TlsStream<TcpStream> {
    fn into_tcp(self) -> TcpStream {
        self.into_inner().0
    }
}

/// The pause after each byte. The few hundred bytes of a reply then take minutes.
const BYTE_INTERVAL: Duration = Duration::from_millis(500);

/// How long a closed port refuses connections: longer than an SDK waits before its first retry.
const PORT_CLOSED_FOR: Duration = Duration::from_millis(300);

/// The total size of an endless reply in bytes.
const ENDLESS_BYTES: usize = 64 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;

/// Sends a reply that hyper cannot send, and ends the connection. For a reply that also closes the port, the connection
/// goes to the accept loop, so that the port is closed before the client notices anything.
pub(super) async fn deliver(mut stream: impl Connection, reply: FaultyResponse, shut: &UnboundedSender<TcpStream>) {
    // Every error means that the client has closed the connection, as it should.
    let _ = match reply {
        // Hyper sends the first two, so they never arrive here. `Closed` only needs the connection to end.
        FaultyResponse::Complete(_) | FaultyResponse::Corrupt(_) | FaultyResponse::Closed => Ok(()),
        FaultyResponse::Reset => stream.into_tcp().set_zero_linger(),
        FaultyResponse::Refused => {
            // If the accept loop does not receive it, the loop has ended and the port is closed too.
            let _ = shut.send(stream.into_tcp());
            Ok(())
        }
        FaultyResponse::NoResponse => until_gone(&mut stream).await,
        FaultyResponse::Truncated(response) => {
            let (mut head, body) = head_and_body(response).await;
            head.extend(&body[..body.len() / 2]);
            stream.write_all(&head).await
        }
        FaultyResponse::SlowHead(response) => {
            let (head, _) = head_and_body(response).await;
            write_byte_by_byte(&mut stream, &head[..head.len() - 1]).await
        }
        FaultyResponse::SlowBody(response) => {
            let (head, body) = head_and_body(response).await;
            match stream.write_all(&head).await {
                Ok(()) => write_byte_by_byte(&mut stream, &body[..body.len().saturating_sub(1)]).await,
                gone => gone,
            }
        }
        FaultyResponse::Endless(response) => write_endless(&mut stream, response).await,
    };
}

/// Closes the port, then the connection `closed`, whose client must find the port closed. Listens again after a moment.
pub(super) async fn reopen(
    listener: TcpListener,
    address: SocketAddr,
    closed: TcpStream,
    closing: &mut UnboundedReceiver<TcpStream>,
) -> TcpListener {
    drop(listener);
    // A bound port refuses connections just as an unused port does, and no other process can take it.
    let mut reserved = bind(address).ok();
    drop(closed);
    let until = Instant::now() + PORT_CLOSED_FOR;
    loop {
        tokio::select! {
            () = sleep_until(until) => break,
            Some(stream) = closing.recv() => drop(stream),
        }
    }
    loop {
        let socket = reserved.take().or_else(|| bind(address).ok());
        if let Some(listener) = socket.and_then(|socket| socket.listen(BACKLOG).ok()) {
            return listener;
        }
        // Another process took the port between closing and binding. All this can do is wait.
        sleep(Duration::from_millis(10)).await;
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Earlier connections can still be open or in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// The head as sent over the wire, with the length of the complete body, and the body.
async fn head_and_body(response: Response<FullBody>) -> (Vec<u8>, Vec<u8>) {
    let head = |body: &[u8]| format!("content-length: {}", body.len());
    head_and_body_framed(response, head).await
}

async fn head_and_body_framed(
    response: Response<FullBody>,
    framing: impl FnOnce(&[u8]) -> String,
) -> (Vec<u8>, Vec<u8>) {
    let mut head = format!("HTTP/1.1 {}\r\n", response.status());
    for (name, value) in response.headers() {
        let _ = write!(head, "{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
    }
    // Reading a body from memory cannot fail.
    let body = response.into_body().collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
    let _ = write!(head, "{}\r\n\r\n", framing(&body));
    (head.into_bytes(), body)
}

/// Sends one byte at a time, and then nothing more until the client closes the connection.
async fn write_byte_by_byte(stream: &mut impl Connection, bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes.chunks(1) {
        stream.write_all(byte).await?;
        tokio::select! {
            gone = until_gone(stream) => return gone,
            () = sleep(BYTE_INTERVAL) => {}
        }
    }
    until_gone(stream).await
}

async fn until_gone(stream: &mut impl Connection) -> std::io::Result<()> {
    while stream.read(&mut [0; 64]).await? > 0 {}
    Ok(())
}

/// Sends the response and then its last byte repeatedly, in chunks, so that no header announces the length.
async fn write_endless(stream: &mut impl Connection, response: Response<FullBody>) -> std::io::Result<()> {
    let (head, body) = head_and_body_framed(response, |_| "transfer-encoding: chunked".to_owned()).await;
    stream.write_all(&head).await?;
    write_chunk(stream, &body).await?;
    let more = vec![body.last().copied().unwrap_or(b' '); CHUNK];
    for _ in 0..ENDLESS_BYTES / CHUNK {
        write_chunk(stream, &more).await?;
    }
    stream.write_all(b"0\r\n\r\n").await
}

async fn write_chunk(stream: &mut impl Connection, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes()).await?;
    stream.write_all(bytes).await?;
    stream.write_all(b"\r\n").await
}
