//! Which certificates a request trusts: the public authorities, additional ones from a file or the gate file, or any.

use std::{fmt, sync::Arc};

use aws_client::CertificateFile;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

/// Which certificates are accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum TrustedRoots {
    /// Those of a public authority, or of one in `SSL_CERT_FILE`.
    #[default]
    Default,
    /// Also those of these authorities, as PEM text.
    Additional(String),
    /// Any certificate.
    Any,
}

/// What to do if the certificate authorities to trust cannot be read.
pub(super) const INVALID_ROOTS_HINT: &str =
    "check that the file exists in the function's package or in a layer, and that it has certificates in PEM form";

/// The TLS configuration. `file` is `SSL_CERT_FILE`.
pub(super) fn client_config(trust: &TrustedRoots, file: Option<&CertificateFile>) -> Result<ClientConfig, String> {
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
    // A target group with HTTP/2 accepts nothing else.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn root_store(file: Option<&CertificateFile>, more: Option<&str>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(file) = file {
        let fault = |why| format!("SSL_CERT_FILE {} {why}", file.path().display());
        roots.extend(file.roots().map_err(fault)?.iter().cloned());
    }
    if let Some(pem) = more {
        let invalid = |why: &dyn fmt::Display| format!("`ca` of the check: {why}");
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(certificate.map_err(|error| invalid(&error))?).map_err(|error| invalid(&error))?;
        }
        if roots.len() == before {
            return Err(invalid(&"no certificate in PEM form"));
        }
    }
    Ok(roots)
}

/// Accepts every certificate. The server may then be anybody, and the report says so.
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
