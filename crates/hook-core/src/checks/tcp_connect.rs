//! Connections without a request: opens a port, completes a TLS handshake, resolves a name.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use gate::{ReasonCode, format_duration};
use rustls::pki_types::ServerName;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;

use super::{
    connection::ConnectTo,
    egress::EgressPolicy,
    http_client::{HttpClient, resolve_host},
    tls,
    transport_error::TransportError,
};

impl HttpClient {
    /// Opens a TCP connection, closes it, and returns how long the opening took.
    ///
    /// # Errors
    /// The connection did not open.
    pub async fn open_connection(&self, host: &str, port: u16, limit: Duration) -> Result<Duration, TransportError> {
        let _permit = self.permit().await;
        let began = Instant::now();
        let timed_out =
            |_| TransportError::new(ReasonCode::ConnectTimedOut, format!("within {}", format_duration(limit)));
        timeout(limit, open_stream(host, port, self.egress())).await.map_err(timed_out)??;
        Ok(began.elapsed())
    }

    /// Opens a TCP connection to the load balancer, completes a TLS handshake for the host, and returns how long both
    /// took.
    ///
    /// # Errors
    /// The connection did not open, or the handshake failed: for example, the certificate is not valid for the host.
    pub async fn tls_handshake(&self, to: &ConnectTo, port: u16, limit: Duration) -> Result<Duration, TransportError> {
        let _permit = self.permit().await;
        let began = Instant::now();
        let failed = |why: String| TransportError::new(ReasonCode::TlsFailed, why);
        let name = ServerName::try_from(to.host.clone()).map_err(|error| failed(error.to_string()))?;
        let config =
            tls::client_config(&tls::TrustedRoots::Default, self.ca_file()).map_err(TransportError::invalid_roots)?;
        let exchange = async {
            let stream = open_stream(&to.connect_host, port, self.egress()).await?;
            TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| {
                match error.get_ref().and_then(|cause| cause.downcast_ref()) {
                    Some(tls_error) => TransportError::handshake(tls_error),
                    None => TransportError::new(ReasonCode::ConnectionReset, error.to_string()),
                }
            })
        };
        let timed_out = |_| TransportError::new(ReasonCode::ReadTimedOut, format!("within {}", format_duration(limit)));
        timeout(limit, exchange).await.map_err(timed_out)??;
        Ok(began.elapsed())
    }
}

/// Connects to one of the addresses that were checked.
async fn open_stream(host: &str, port: u16, egress: &EgressPolicy) -> Result<TcpStream, TransportError> {
    let found = resolve_host(host.to_owned()).await;
    let found = found.map_err(|error| TransportError::new(ReasonCode::NameNotResolved, error.to_string()))?;
    egress.check_addresses(host, &found).map_err(TransportError::not_allowed)?;
    let addresses: Vec<_> = found.into_iter().map(|address| SocketAddr::new(address.ip(), port)).collect();
    TcpStream::connect(addresses.as_slice()).await.map_err(|error| {
        let code = match error.kind() {
            io::ErrorKind::ConnectionRefused => ReasonCode::ConnectRefused,
            io::ErrorKind::TimedOut => ReasonCode::ConnectTimedOut,
            _ => ReasonCode::RequestFailed,
        };
        TransportError::new(code, error.to_string())
    })
}

/// The addresses of a host name.
pub(super) async fn resolve_addresses(host: &str) -> Result<BTreeSet<IpAddr>, String> {
    // In a URL an IPv6 address is in brackets.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = resolve_host(host.to_owned()).await.map_err(|error| error.to_string())?;
    Ok(found.into_iter().map(|address| address.ip()).collect())
}
