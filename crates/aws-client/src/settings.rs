//! What the clients need. Only the caller reads the environment.

use std::{collections::BTreeMap, net::IpAddr};

use crate::{certificate_file::CertificateFile, endpoint::codedeploy_endpoint, trust::SharedTlsConfig};

/// What the clients need, under the names that the AWS SDKs use.
#[derive(Clone, Default)]
pub struct AwsSettings {
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    pub region: Option<String>,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`.
    pub credentials: Option<(String, String, Option<String>)>,
    /// `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_<SERVICE>`, by that suffix.
    pub service_endpoints: BTreeMap<String, String>,
    /// `AWS_USE_FIPS_ENDPOINT`.
    pub fips: bool,
    /// `AWS_USE_DUALSTACK_ENDPOINT`.
    pub dual_stack: bool,
    /// `AWS_CA_BUNDLE`: a PEM file with additional certificate authorities for AWS endpoints.
    pub ca_bundle: Option<CertificateFile>,
    /// The TLS configuration that this bundle is part of.
    pub tls: SharedTlsConfig,
}

impl AwsSettings {
    /// Whether the status goes to a simulated CodeDeploy on this machine.
    pub fn is_codedeploy_on_loopback(&self) -> bool {
        let url = codedeploy_endpoint(self).parse::<http::Uri>().ok();
        let host = url.as_ref().filter(|url| url.scheme().is_some()).and_then(|url| url.host()).unwrap_or_default();
        host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Never shows a credential.
impl std::fmt::Debug for AwsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsSettings").field("region", &self.region).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_on_this_machine_is_loopback() {
        let on_loopback = |endpoint: Option<&str>, own: Option<&str>| {
            let service_endpoints = own.map(|url| ("CODEDEPLOY".to_owned(), url.to_owned())).into_iter().collect();
            let endpoint = endpoint.map(str::to_owned);
            AwsSettings { endpoint, service_endpoints, ..AwsSettings::default() }.is_codedeploy_on_loopback()
        };
        assert!(on_loopback(Some("http://127.0.0.1:4566"), None) && on_loopback(None, Some("http://[::1]:4566/")));
        assert!(on_loopback(Some("https://codedeploy.eu-west-1.amazonaws.com"), Some("http://127.0.0.1:1")));
        assert!(!on_loopback(None, None), "then the status would go to AWS");
        // A name can have any address.
        for url in ["http://localhost:4566", "http://10.0.0.7", "http://127.0.0.1.example.com", "127.0.0.1", "http://"]
        {
            assert!(!on_loopback(Some(url), None), "{url}");
        }
        assert!(!on_loopback(Some("http://127.0.0.1:1"), Some("https://codedeploy.eu-west-1.amazonaws.com")));
    }
}
