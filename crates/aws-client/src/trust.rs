//! The TLS configuration for AWS endpoints, built once for all clients of a function.

use std::sync::{Arc, OnceLock};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, TrustAnchor, pem::PemObject},
};

use crate::{file, settings::AwsSettings};

/// How the names of Amazon Trust Services' root certificates end, which sign the certificate of every AWS endpoint:
/// <https://www.amazontrust.com/repository/>. The certificates are in `webpki-roots`, already decoded.
const AMAZON_ROOTS: [&[u8]; 5] = [
    b"Amazon Root CA 1",
    b"Amazon Root CA 2",
    b"Amazon Root CA 3",
    b"Amazon Root CA 4",
    b"Starfield Services Root Certificate Authority - G2",
];

/// The TLS configuration, or why there is none.
pub type TlsConfig = Result<Arc<ClientConfig>, rustls::Error>;

/// The configuration of one process. The CA bundle is read and decoded once, on first use.
#[derive(Clone, Default)]
pub struct SharedTlsConfig(Arc<OnceLock<TlsConfig>>);

impl SharedTlsConfig {
    /// The configuration for these settings.
    pub fn get(&self, settings: &AwsSettings) -> TlsConfig {
        self.0.get_or_init(|| tls_config(settings)).clone()
    }
}

/// ring, the roots of AWS, and those in `AWS_CA_BUNDLE`.
fn tls_config(settings: &AwsSettings) -> TlsConfig {
    let mut roots = RootCertStore::empty();
    roots.extend(amazon_roots().cloned());
    if let Some(path) = &settings.ca_bundle {
        match file::read(path, file::MAX_CA_BUNDLE_BYTES).map(|pem| certificates(&pem)) {
            Ok(Some(additional)) => roots.extend(additional.roots),
            Ok(None) => {
                tracing::warn!(path = %path.display(), "AWS_CA_BUNDLE contains no valid PEM certificates; it is ignored")
            }
            Err(why) => {
                tracing::warn!(path = %path.display(), "AWS_CA_BUNDLE {why}; it is ignored")
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn amazon_roots() -> impl Iterator<Item = &'static TrustAnchor<'static>> {
    webpki_roots::TLS_SERVER_ROOTS
        .iter()
        .filter(|anchor| AMAZON_ROOTS.iter().any(|name| anchor.subject.as_ref().ends_with(name)))
}

/// The certificates in PEM text, or `None` if one of them cannot be read or there are none.
fn certificates(pem: &[u8]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.ok()?).ok()?;
    }
    (!roots.is_empty()).then_some(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root certificates as Amazon publishes them.
    const PUBLISHED: &[u8] = include_bytes!("amazon-roots.pem");

    #[test]
    fn the_embedded_roots_are_those_that_amazon_publishes() {
        let sorted = |roots: Vec<TrustAnchor<'static>>| {
            let mut texts: Vec<_> = roots.iter().map(|anchor| format!("{anchor:?}")).collect();
            texts.sort();
            texts
        };
        let embedded = sorted(amazon_roots().cloned().collect());
        assert_eq!(embedded.len(), AMAZON_ROOTS.len());
        assert_eq!(embedded, sorted(certificates(PUBLISHED).unwrap().roots));
    }

    #[test]
    fn a_bundle_with_an_unreadable_certificate_is_not_used() {
        assert!(certificates(b"").is_none());
        assert!(certificates(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_none());
        let mixed = [PUBLISHED, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"].concat();
        assert!(certificates(&mixed).is_none());
    }
}
