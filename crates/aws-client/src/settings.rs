//! What the clients need. Only the caller reads the environment.

use std::collections::BTreeMap;

use crate::{certificate_file::CertificateFile, trust::SharedTlsConfig};

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

/// Never shows a credential.
impl std::fmt::Debug for AwsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsSettings").field("region", &self.region).finish_non_exhaustive()
    }
}
