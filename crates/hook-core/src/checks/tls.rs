//! Which certificates a request trusts: the public authorities, additional ones from a file or the gate file, or any.

use std::{fmt, sync::Arc, time::Duration};

use aws_client::CertificateFile;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
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

const NOT_TLS_HINT: &str = "use `http://`, or the port that speaks TLS";
const RENEW_HINT: &str = "renew the certificate";
const NAME_HINT: &str = "set `host` to a name of the certificate, or add the name to the certificate";

/// What went wrong in a handshake, for a person, and what to do if the hint of the reason code does not fit. rustls
/// names types, and times in seconds since 1970.
pub(super) fn describe_error(error: &rustls::Error) -> (String, Option<&'static str>) {
    let rustls::Error::InvalidCertificate(fault) = error else {
        return match error {
            rustls::Error::InvalidMessage(_) => ("the port does not speak TLS".to_owned(), Some(NOT_TLS_HINT)),
            rustls::Error::AlertReceived(alert) => (format!("the server ended it: {alert:?}"), None),
            other => (other.to_string(), None),
        };
    };
    match fault {
        CertificateError::Expired => ("the certificate has expired".to_owned(), Some(RENEW_HINT)),
        CertificateError::ExpiredContext { time, not_after } => {
            let since = Duration::from_secs(time.as_secs().saturating_sub(not_after.as_secs()));
            (format!("the certificate expired {} ago", days(since)), Some(RENEW_HINT))
        }
        CertificateError::NotValidYet => ("the certificate is not valid yet".to_owned(), Some(RENEW_HINT)),
        CertificateError::NotValidYetContext { time, not_before } => {
            let until = Duration::from_secs(not_before.as_secs().saturating_sub(time.as_secs()));
            (format!("the certificate becomes valid in {}", days(until)), Some(RENEW_HINT))
        }
        CertificateError::NotValidForName => ("the certificate is for another name".to_owned(), Some(NAME_HINT)),
        CertificateError::NotValidForNameContext { expected, presented } => {
            // `DnsName("shop.example.com")`.
            let names: Vec<_> = presented.iter().map(|name| name.split('"').nth(1).unwrap_or(name)).collect();
            (format!("the certificate is for {}, not for {}", names.join(", "), expected.to_str()), Some(NAME_HINT))
        }
        CertificateError::UnknownIssuer => ("the issuer of the certificate is not trusted".to_owned(), None),
        other => (format!("the certificate is not valid: {other}"), None),
    }
}

fn days(span: Duration) -> String {
    match span.as_secs() / (24 * 60 * 60) {
        0 => gate::format_duration(span),
        1 => "1 day".to_owned(),
        many => format!("{many} days"),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_handshake_is_a_sentence() {
        let at = |day: u64| UnixTime::since_unix_epoch(Duration::from_secs(day * 24 * 60 * 60));
        let name = || ServerName::try_from("api.example.com").unwrap();
        let cases = [
            (
                CertificateError::ExpiredContext { time: at(12), not_after: at(2) },
                "the certificate expired 10 days ago",
            ),
            (
                CertificateError::NotValidYetContext { time: at(2), not_before: at(3) },
                "the certificate becomes valid in 1 day",
            ),
            (
                CertificateError::NotValidForNameContext {
                    expected: name(),
                    presented: vec!["DnsName(\"shop.example.com\")".to_owned()],
                },
                "the certificate is for shop.example.com, not for api.example.com",
            ),
            (CertificateError::UnknownIssuer, "the issuer of the certificate is not trusted"),
        ];
        for (fault, text) in cases {
            assert_eq!(describe_error(&rustls::Error::InvalidCertificate(fault)).0, text);
        }
        let plain = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        assert_eq!(describe_error(&plain), ("the port does not speak TLS".to_owned(), Some(NOT_TLS_HINT)));
    }
}
