//! What comes back for a request in place of a whole reply: on the bare connection, once hyper has read the request
//! and let go of it.

use std::{fmt::Write as _, net::SocketAddr, time::Duration};

use http_body_util::BodyExt;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{Instant, sleep, sleep_until},
};
use tokio_rustls::server::TlsStream;

use super::{FaultyResponse, FullBody, Response};

/// A connection with a client, through TLS or not.
pub(super) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {
    /// What it is under TLS.
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

/// A byte each time: the few hundred of a reply take minutes.
const BYTE_INTERVAL: Duration = Duration::from_millis(500);

/// A port that was closed refuses connections for this long: longer than an SDK rests before its second try.
const PORT_CLOSED_FOR: Duration = Duration::from_millis(300);

/// How many bytes a reply without end has in all, and in each of its chunks.
const ENDLESS_BYTES: usize = 64 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;

/// Delivers a reply that is none of hyper's, and ends the connection. One whose port is to be closed goes to whoever
/// listens there, so that the port is closed before its client can notice anything.
pub(super) async fn deliver(mut stream: impl Connection, reply: FaultyResponse, shut: &UnboundedSender<TcpStream>) {
    // An error is always the same: the client has gone, as it is meant to.
    let _ = match reply {
        // The first two are hyper's and never come here; to hang up, the connection only has to end.
        FaultyResponse::Complete(_) | FaultyResponse::Corrupt(_) | FaultyResponse::Closed => Ok(()),
        FaultyResponse::Reset => stream.into_tcp().set_zero_linger(),
        FaultyResponse::Refused => {
            // Whoever listens has ended if it does not take it; then the port is closed as well.
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

/// Closes a port for a moment, then the connection whose client is to find it closed, and listens again.
pub(super) async fn reopen(
    listener: TcpListener,
    address: SocketAddr,
    closed: TcpStream,
    closing: &mut UnboundedReceiver<TcpStream>,
) -> TcpListener {
    drop(listener);
    // A port that is bound refuses connections as one does that nobody has, and nobody else can get it.
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
        if let Some(listener) = socket.and_then(|socket| socket.listen(super::BACKLOG).ok()) {
            return listener;
        }
        // Somebody else has the port, in the moment between closing and binding; only waiting is left.
        sleep(Duration::from_millis(10)).await;
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of before may be open or wait for their end.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// The head, as it goes over the wire with the length of the whole body, and the body.
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
    // A body that is in memory cannot fail.
    let body = response.into_body().collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
    let _ = write!(head, "{}\r\n\r\n", framing(&body));
    (head.into_bytes(), body)
}

/// One byte after the other, and then nothing more.
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

/// The response as a beginning, and then its last byte again and again, in chunks: no header says how much comes.
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
