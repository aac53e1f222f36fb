//! A connection without a request: that a port accepts, that a TLS handshake succeeds, and where a name leads.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustls::pki_types::ServerName;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;

use super::{
    probe::{Probe, Trouble, lookup},
    tls,
    way::Detour,
};
use crate::{code::Code, gate::in_words};

impl Probe {
    /// Opens a TCP connection and closes it again; how long that took.
    ///
    /// # Errors
    /// It did not open.
    pub async fn connect(&self, host: &str, port: u16, limit: Duration) -> Result<Duration, Trouble> {
        let _permit = self.permit().await;
        let began = Instant::now();
        let timed_out = |_| Trouble::new(Code::ConnectTimedOut, format!("within {}", in_words(limit)));
        timeout(limit, open(host, port)).await.map_err(timed_out)??;
        Ok(began.elapsed())
    }

    /// Opens a TCP connection to the load balancer and completes a TLS handshake for the host; how long both took.
    ///
    /// # Errors
    /// It did not open, or the handshake failed: the certificate is not valid for the host, for example.
    pub async fn handshake(&self, to: &Detour, port: u16, limit: Duration) -> Result<Duration, Trouble> {
        let _permit = self.permit().await;
        let began = Instant::now();
        let failed = |why: String| Trouble::new(Code::TlsFailed, why);
        let name = ServerName::try_from(to.host.clone()).map_err(|error| failed(error.to_string()))?;
        let config = tls::config(&tls::Trust::Known, self.authorities()).map_err(failed)?;
        let exchange = async {
            let stream = open(&to.to, port).await?;
            TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| {
                let is_tls = error.get_ref().is_some_and(|cause| cause.is::<rustls::Error>());
                let code = if is_tls { Code::TlsFailed } else { Code::ConnectionReset };
                Trouble::new(code, error.to_string())
            })
        };
        let timed_out = |_| Trouble::new(Code::ReadTimedOut, format!("within {}", in_words(limit)));
        timeout(limit, exchange).await.map_err(timed_out)??;
        Ok(began.elapsed())
    }
}

async fn open(host: &str, port: u16) -> Result<TcpStream, Trouble> {
    let found = lookup(host.to_owned()).await;
    let found = found.map_err(|error| Trouble::new(Code::NameNotResolved, error.to_string()))?;
    let addresses: Vec<_> = found.into_iter().map(|address| SocketAddr::new(address.ip(), port)).collect();
    TcpStream::connect(addresses.as_slice()).await.map_err(|error| {
        let code = match error.kind() {
            io::ErrorKind::ConnectionRefused => Code::ConnectRefused,
            io::ErrorKind::TimedOut => Code::ConnectTimedOut,
            _ => Code::RequestFailed,
        };
        Trouble::new(code, error.to_string())
    })
}

/// The addresses of a host name.
pub(super) async fn addresses(host: &str) -> Result<BTreeSet<IpAddr>, String> {
    // In a URL an address of IPv6 is in brackets.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = lookup(host.to_owned()).await.map_err(|error| error.to_string())?;
    Ok(found.into_iter().map(|address| address.ip()).collect())
}
