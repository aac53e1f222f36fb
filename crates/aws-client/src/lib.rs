//! The only crate that uses the AWS SDK: clients that are built once, one thin file for each service, discovery, and
//! the client that puts the status.
//!
//! The clients are configured directly from Lambda's environment, which takes a fifth of the time of the full default
//! chain. They use ring with embedded roots, which takes a hundredth of the time of the defaults at a cold start.

mod any_operation;
mod certificate_file;
mod cloudwatch;
mod codedeploy;
mod complete_body;
mod connection_pool;
mod discovery;
mod ecs;
mod elb;
mod endpoint;
mod error;
mod existence;
pub mod file;
mod incomplete_reply;
pub mod model;
mod put_status;
mod retry_budget;
mod revision;
mod s3;
mod service_endpoint;
mod settings;
mod signing_client;
mod stored_values;
mod trust;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_smithy_runtime_api::client::{behavior_version::BehaviorVersion, http::SharedHttpClient};
use aws_smithy_types::{
    retry::{ReconnectMode, RetryConfig},
    timeout::TimeoutConfig,
};
use aws_types::{SdkConfig, region::Region};
use tokio::time::Instant;

#[expect(clippy::disallowed_types, reason = "for the one wrapper in hook-core")]
pub use self::put_status::StatusClient;
pub use self::{
    certificate_file::CertificateFile,
    discovery::DiscoveredDeployment,
    ecs::TaskFilter,
    error::AwsError,
    existence::Existence,
    put_status::{HookExecution, PutOutcome},
    revision::AppSpecLocation,
    settings::AwsSettings,
    trust::SharedTlsConfig,
};
use self::{complete_body::CompleteBodyClient, connection_pool::ConnectionPool, retry_budget::RetryBudget};

/// A connection that takes longer will not succeed: there is no route, no endpoint, or a security group blocks it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The limit up to the first byte of a reply.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// The limit for one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(6);
/// The limit for one call with all its attempts, so that a check learns of a problem while it still has time to report
/// it.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(25);

/// The clients for all AWS services that the checks read.
#[derive(Clone, Debug)]
pub struct Aws {
    clients: Arc<Clients>,
    signing_client: signing_client::SigningClient,
    retry_budget: RetryBudget,
}

/// The SDK's clients. Each is built on first use: it costs a tenth of a cold start, and most hooks need only some.
#[derive(Debug)]
struct Clients {
    config: SdkConfig,
    settings: AwsSettings,
    codedeploy: OnceLock<aws_sdk_codedeploy::Client>,
    ecs: OnceLock<aws_sdk_ecs::Client>,
    elb: OnceLock<aws_sdk_elasticloadbalancingv2::Client>,
    cloudwatch: OnceLock<aws_sdk_cloudwatch::Client>,
}

/// The client of a service, with the service's own endpoint from `AWS_ENDPOINT_URL_…` if it has one.
macro_rules! sdk_client {
    ($name:ident, $sdk:ident, $endpoint:literal) => {
        fn $name(&self) -> &$sdk::Client {
            let Clients { config, settings, $name, .. } = &*self.clients;
            $name.get_or_init(|| {
                let mut builder = $sdk::config::Builder::from(config);
                if let Some(url) = settings.service_endpoints.get($endpoint) {
                    builder.set_endpoint_url(Some(url.clone()));
                }
                $sdk::Client::from_conf(builder.build())
            })
        }
    };
}

impl Aws {
    sdk_client!(codedeploy, aws_sdk_codedeploy, "CODEDEPLOY");
    sdk_client!(ecs, aws_sdk_ecs, "ECS");
    sdk_client!(elb, aws_sdk_elasticloadbalancingv2, "ELASTIC_LOAD_BALANCING_V2");
    sdk_client!(cloudwatch, aws_sdk_cloudwatch, "CLOUDWATCH");

    /// Creates the clients for reading. It does not connect yet.
    pub fn new(settings: &AwsSettings) -> Self {
        let pool = Arc::new(ConnectionPool::new(settings.tls.get(settings)));
        Self {
            clients: Arc::new(Clients {
                config: sdk_config(settings, &pool),
                settings: settings.clone(),
                codedeploy: OnceLock::new(),
                ecs: OnceLock::new(),
                elb: OnceLock::new(),
                cloudwatch: OnceLock::new(),
            }),
            signing_client: signing_client::SigningClient::new(settings, pool),
            retry_budget: RetryBudget::default(),
        }
    }

    /// Builds the clients that discovery uses, for the start of a function.
    pub fn build_discovery_clients(&self) {
        let _ = (self.codedeploy(), self.ecs(), self.elb());
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
fn sdk_config(settings: &AwsSettings, pool: &Arc<ConnectionPool>) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(5)
        .with_initial_backoff(Duration::from_millis(200))
        .with_max_backoff(Duration::from_secs(4))
        .with_reconnect_mode(RECONNECT);
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(settings.region.clone().map(Region::new))
        .http_client(SharedHttpClient::new(CompleteBodyClient(pool.clone())))
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

/// The pool itself does not keep a connection after an error.
const RECONNECT: ReconnectMode = ReconnectMode::ReuseAllConnections;

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
    fn clients_can_be_built_from_nothing_at_all() {
        // A function without a Region or credentials must still reach its handler.
        let aws = Aws::new(&AwsSettings::default());
        aws.build_discovery_clients();
        let _ = aws.cloudwatch();
    }
}
