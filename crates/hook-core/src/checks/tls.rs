//! Which certificates a probe trusts: the web's authorities, those of a file or of the gate file besides, or any.

use std::{fmt, path::Path, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

use crate::file;

/// What a certificate has to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum TrustedRoots {
    /// By one of the web's authorities, or one of `SSL_CERT_FILE`.
    #[default]
    Default,
    /// By one of these as well: PEM text.
    Additional(String),
    /// Anything.
    Any,
}

/// What TLS is spoken with. `file` is `SSL_CERT_FILE`.
pub(super) fn client_config(trust: &TrustedRoots, file: Option<&Path>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let mut config = match trust {
        TrustedRoots::Any => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAnyCertificate(provider)))
            .with_no_client_auth(),
        TrustedRoots::Default => builder.with_root_certificates(root_store(file, None)?).with_no_client_auth(),
        TrustedRoots::Additional(pem) => {
            builder.with_root_certificates(root_store(file, Some(pem))?).with_no_client_auth()
        }
    };
    // A target group that speaks HTTP/2 is answered for only in that.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn root_store(file: Option<&Path>, more: Option<&str>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(path) = file {
        let told = |why: &dyn fmt::Display| format!("SSL_CERT_FILE {}: {why}", path.display());
        let pem = file::read(path, file::MAX_CA_BUNDLE_BYTES)
            .map_err(|why| format!("SSL_CERT_FILE {} {why}", path.display()))?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            roots.add(certificate.map_err(|error| told(&error))?).map_err(|error| told(&error))?;
        }
    }
    if let Some(pem) = more {
        let told = |why: &dyn fmt::Display| format!("the check's own authority: {why}");
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(certificate.map_err(|error| told(&error))?).map_err(|error| told(&error))?;
        }
        if roots.len() == before {
            return Err(told(&"no certificate in PEM form"));
        }
    }
    Ok(roots)
}

/// Takes every certificate. Whoever is asked so may be anybody, and the report says that.
#[derive(Debug)]
struct AcceptAnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
