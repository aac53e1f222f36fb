//! A front for the AWS stand-in: TLS, and a delay for each reply.

use std::{io, net::Ipv6Addr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

/// Forwards connections to a port of the same machine. Dropping it closes the port.
pub struct Front {
    pub port: u16,
    _tasks: JoinSet<()>,
}

impl Front {
    pub async fn open(upstream: u16, tls: Option<TlsAcceptor>, delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let mut tasks = JoinSet::new();
        // `localhost` can resolve to IPv6 first. A machine without IPv6 does not do that.
        let six = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok();
        for listener in [Some(listener), six].into_iter().flatten() {
            tasks.spawn(accept(listener, upstream, tls.clone(), delay));
        }
        Ok(Self { port, _tasks: tasks })
    }
}

async fn accept(listener: TcpListener, upstream: u16, tls: Option<TlsAcceptor>, delay: Duration) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let _ = client.set_nodelay(true);
        let tls = tls.clone();
        // An error ends the connection, and its client notices.
        connections.spawn(async move {
            match tls {
                None => forward(client, upstream, delay).await,
                Some(tls) => forward(tls.accept(client).await?, upstream, delay).await,
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Forwards bytes in both directions. Delays the first bytes that follow a request.
async fn forward(mut client: impl AsyncRead + AsyncWrite + Unpin, upstream: u16, delay: Duration) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", upstream)).await?;
    server.set_nodelay(true)?;
    let (mut request, mut reply) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut has_request = false;
    loop {
        tokio::select! {
            length = client.read(&mut request) => {
                let length = length?;
                if length == 0 {
                    return Ok(());
                }
                server.write_all(&request[..length]).await?;
                has_request = true;
            }
            length = server.read(&mut reply) => {
                let length = length?;
                if length == 0 {
                    return client.shutdown().await;
                }
                if std::mem::take(&mut has_request) && !delay.is_zero() {
                    sleep(delay).await;
                }
                client.write_all(&reply[..length]).await?;
                client.flush().await?;
            }
        }
    }
}
