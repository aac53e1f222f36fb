//! The only crate that uses the AWS SDK: clients that are built once, one thin file for each service, discovery, and
//! the client that puts the status.
//!
//! The clients are configured directly from Lambda's environment, which takes a fifth of the time of the full default
//! chain. They use ring with embedded roots, which takes a hundredth of the time of the defaults at a cold start.

mod any_operation;
mod cloudwatch;
mod codedeploy;
mod complete_body;
mod discovery;
mod ecs;
mod elb;
mod endpoint;
mod error;
mod existence;
pub mod file;
pub mod model;
mod put_status;
mod retry_budget;
mod revision;
mod s3;
mod settings;
mod signing_client;
mod stored_values;

use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{behavior_version::BehaviorVersion, http::SharedHttpClient};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};
use tokio::time::Instant;

#[expect(clippy::disallowed_types, reason = "for the one wrapper in hook-core")]
pub use self::put_status::StatusClient;
use self::{complete_body::CompleteBodyClient, retry_budget::RetryBudget};
pub use self::{
    discovery::DiscoveredDeployment,
    ecs::TaskFilter,
    error::AwsError,
    existence::Existence,
    put_status::{HookExecution, PutOutcome},
    revision::AppSpecLocation,
    settings::AwsSettings,
};

/// The root certificates of Amazon Trust Services, which sign the certificate of every AWS endpoint:
/// <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");

/// A connection that takes longer will not succeed: there is no route, no endpoint, or a security group blocks it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The limit up to the first byte of a reply.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// The limit for one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(6);
/// The limit for one call with all its attempts, so that a check learns of a problem while it still has time to report
/// it.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(25);
/// Idle connections may be dead after a long pause, because Lambda freezes the process. A new connection takes only
/// milliseconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The clients for all AWS services that the checks read, built once.
#[derive(Clone, Debug)]
pub struct Aws {
    codedeploy: aws_sdk_codedeploy::Client,
    ecs: aws_sdk_ecs::Client,
    elb: aws_sdk_elasticloadbalancingv2::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    signing_client: signing_client::SigningClient,
    retry_budget: RetryBudget,
}

impl Aws {
    /// Creates the clients for reading. It does not connect yet.
    pub fn new(settings: &AwsSettings) -> Self {
        let config = sdk_config(settings);
        let endpoint = |service: &str| settings.service_endpoints.get(service).cloned();
        let mut codedeploy = aws_sdk_codedeploy::config::Builder::from(&config);
        let mut ecs = aws_sdk_ecs::config::Builder::from(&config);
        let mut elb = aws_sdk_elasticloadbalancingv2::config::Builder::from(&config);
        let mut cloudwatch = aws_sdk_cloudwatch::config::Builder::from(&config);
        if let Some(url) = endpoint("CODEDEPLOY") {
            codedeploy.set_endpoint_url(Some(url));
        }
        if let Some(url) = endpoint("ECS") {
            ecs.set_endpoint_url(Some(url));
        }
        if let Some(url) = endpoint("ELASTIC_LOAD_BALANCING_V2") {
            elb.set_endpoint_url(Some(url));
        }
        if let Some(url) = endpoint("CLOUDWATCH") {
            cloudwatch.set_endpoint_url(Some(url));
        }
        Self {
            codedeploy: aws_sdk_codedeploy::Client::from_conf(codedeploy.build()),
            ecs: aws_sdk_ecs::Client::from_conf(ecs.build()),
            elb: aws_sdk_elasticloadbalancingv2::Client::from_conf(elb.build()),
            cloudwatch: aws_sdk_cloudwatch::Client::from_conf(cloudwatch.build()),
            signing_client: signing_client::SigningClient::new(settings),
            retry_budget: RetryBudget::default(),
        }
    }
}

impl Aws {
    /// The same clients for a hook that started at `started_at` and whose checks must end at `until`. Within this time
    /// they retry temporary errors.
    pub fn with_retries(&self, started_at: Instant, until: Instant) -> Self {
        let retry_budget = RetryBudget::new(started_at, until);
        Self {
            signing_client: self.signing_client.clone().with_retry_budget(retry_budget),
            retry_budget,
            ..self.clone()
        }
    }

    /// The Region of the function. Empty if it is not known.
    pub fn region(&self) -> &str {
        self.signing_client.region()
    }
}

/// The configuration that all clients share. It respects `AWS_ENDPOINT_URL` and similar variables in the same way as
/// the SDK.
fn sdk_config(settings: &AwsSettings) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(5)
        .with_initial_backoff(Duration::from_millis(200))
        .with_max_backoff(Duration::from_secs(4));
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(settings.region.clone().map(Region::new))
        .http_client(http_client(settings))
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new())
        .timeout_config(timeouts)
        .retry_config(retries)
        .use_fips(settings.fips)
        .use_dual_stack(settings.dual_stack);
    if let Some((key, secret, token)) = settings.credentials.clone() {
        // Lambda's credentials do not change during the life of the process, which is shorter than theirs.
        let credentials = Credentials::new(key, secret, token, None, "lambda environment");
        config = config.credentials_provider(SharedCredentialsProvider::new(credentials));
    }
    if let Some(url) = &settings.endpoint {
        config = config.endpoint_url(url);
    }
    config.build()
}

fn http_client(settings: &AwsSettings) -> SharedHttpClient {
    let client = Builder::new()
        .tls_provider(TLS)
        .tls_context(tls_context(settings))
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build_https();
    SharedHttpClient::new(CompleteBodyClient::new(client))
}

/// ring, with the root certificates of AWS.
const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

fn tls_context(settings: &AwsSettings) -> TlsContext {
    let mut trust = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    if let Some(path) = &settings.ca_bundle {
        match file::read(path, file::MAX_CA_BUNDLE_BYTES) {
            Ok(pem) if is_certificate_pem(&pem) => trust = trust.with_pem_certificate(pem),
            Ok(_) => {
                tracing::warn!(path = %path.display(), "AWS_CA_BUNDLE contains no valid PEM certificates; it is ignored")
            }
            Err(why) => {
                tracing::warn!(path = %path.display(), "AWS_CA_BUNDLE {why}; it is ignored")
            }
        }
    }
    TlsContext::builder().with_trust_store(trust).build().unwrap_or_default()
}

/// Whether PEM text contains only readable certificates. The SDK's client panics on others.
fn is_certificate_pem(pem: &[u8]) -> bool {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let mut roots = rustls::RootCertStore::empty();
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    certificates.is_ok_and(|all| !all.is_empty() && all.into_iter().all(|one| roots.add(one).is_ok()))
}

/// Converts an AWS timestamp.
fn system_time(stamp: Option<&aws_smithy_types::DateTime>) -> Option<std::time::SystemTime> {
    std::time::SystemTime::try_from(*stamp?).ok()
}

/// A text that AWS may leave out.
fn text_or_empty(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_roots_are_certificates() {
        assert!(is_certificate_pem(AMAZON_ROOTS.as_bytes()));
        assert!(!is_certificate_pem(b""));
        assert!(!is_certificate_pem(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
    }

    #[test]
    fn clients_can_be_built_from_nothing_at_all() {
        // A function without a Region or credentials must still reach its handler.
        let _ = Aws::new(&AwsSettings::default());
    }
}
