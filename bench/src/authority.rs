//! The certificate authority of one run, and the bundles of certificates that the measured programs trust.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// Where systems keep the certificates that they trust: Debian, Fedora and Amazon Linux, Alpine and macOS.
const SYSTEM_BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// The number of certificates in the large bundle.
pub const LARGE_BUNDLE: usize = 150;

pub struct Authority {
    /// Its certificate and no other.
    pub own_bundle: PathBuf,
    /// The system's bundle and its certificate.
    pub system_bundle: PathBuf,
    /// [`LARGE_BUNDLE`] certificates: as many as needed of the system's, and its own. `None` if the system has fewer.
    pub large_bundle: Option<PathBuf>,
    /// Serves TLS as `localhost`.
    pub acceptor: TlsAcceptor,
}

impl Authority {
    /// Creates an authority whose bundles are files in `folder`.
    pub fn create(folder: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let own = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;

        let system = SYSTEM_BUNDLES.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).map(|()| path)
        };
        let end = "-----END CERTIFICATE-----\n";
        let mut certificates: Vec<_> = system.split_inclusive(end).filter(|text| text.ends_with(end)).collect();
        // A system with a few less still gives a bundle of the right size: some certificates are in it twice.
        certificates.extend_from_within(..certificates.len().min(LARGE_BUNDLE / 2));
        let large = certificates.get(..LARGE_BUNDLE - 1).map(|most| most.concat() + &own);
        Ok(Self {
            own_bundle: write("own.pem", own.clone())?,
            system_bundle: write("system.pem", system + &own)?,
            large_bundle: large.map(|text| write("large.pem", text)).transpose()?,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }
}
