//! The load balancer's certificate, signed by an authority that exists for one rehearsal only.

use std::{io::Write as _, path::Path, sync::Arc};

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::NamedTempFile;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::world::Certificate;

/// The TLS settings of the listeners.
pub(crate) struct Tls {
    pub acceptor: TlsAcceptor,
    /// The authority's certificate, for `SSL_CERT_FILE`. The file is deleted on drop.
    authority: NamedTempFile,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("authority", &self.authority).finish_non_exhaustive()
    }
}

impl Tls {
    /// `names` are the host names in a certificate that does not have the wrong name.
    pub fn new(certificate: Certificate, names: &[String]) -> anyhow::Result<Self> {
        let (names, until) = match certificate {
            Certificate::Good => (names.to_vec(), 2120),
            Certificate::Expired => (names.to_vec(), 2021),
            Certificate::WrongName => (vec!["www.example.org".to_owned()], 2120),
        };
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the rehearsal's own authority");
        let key = KeyPair::generate()?;
        let own = params.self_signed(&key)?;
        let mut authority = NamedTempFile::new().context("cannot create a file for the authority's certificate")?;
        authority.write_all(own.pem().as_bytes())?;
        let issuer = Issuer::new(params, key);

        let mut params = CertificateParams::new(names)?;
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority })
    }

    /// The file with the authority's certificate.
    pub fn authority(&self) -> &Path {
        self.authority.path()
    }
}
