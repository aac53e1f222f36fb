//! The TLS configuration for AWS endpoints, built once for all clients of a function.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore, pki_types::TrustAnchor};

use crate::settings::AwsSettings;

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
    if let Some(bundle) = &settings.ca_bundle {
        let path = bundle.path().display();
        match bundle.roots() {
            Ok([]) => tracing::warn!(%path, "AWS_CA_BUNDLE contains no PEM certificates; it is ignored"),
            Ok(additional) => roots.extend(additional.iter().cloned()),
            Err(why) => tracing::warn!(%path, "AWS_CA_BUNDLE {why}; it is ignored"),
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::CertificateFile;

    #[test]
    fn the_embedded_roots_are_those_that_amazon_publishes() {
        let sorted = |roots: Vec<TrustAnchor<'static>>| {
            let mut texts: Vec<_> = roots.iter().map(|anchor| format!("{anchor:?}")).collect();
            texts.sort();
            texts
        };
        let embedded = sorted(amazon_roots().cloned().collect());
        assert_eq!(embedded.len(), AMAZON_ROOTS.len());
        let published = CertificateFile::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/amazon-roots.pem"));
        assert_eq!(embedded, sorted(published.roots().unwrap().to_vec()));
    }
}
