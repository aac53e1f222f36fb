//! Finds the region and the credentials in the same way as the AWS SDKs and the aws CLI.
//!
//! The functions do without this chain, because Lambda always sets both. A person has profiles, SSO and roles.

use anyhow::{Context, anyhow};
use aws_config::BehaviorVersion;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_types::region::Region;

pub struct AwsCredentials {
    pub region: String,
    /// The account id, if the profile or the environment has it.
    account: Option<String>,
    /// Region and credentials, under the names of the environment variables that Lambda sets for a function. Contains
    /// secrets: do not print it.
    pub settings: Vec<(&'static str, String)>,
}

/// Loads region and credentials from the environment or a profile.
///
/// # Errors
/// If no region is set, or no usable credentials are found.
pub async fn load(profile: Option<&str>, region: Option<&str>) -> anyhow::Result<AwsCredentials> {
    // ring, as in all programs here. The root certificates are those of this machine: a company's proxy may need its
    // own.
    let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(client);
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let config = loader.load().await;
    let region =
        config.region().context("no region: give --region, set AWS_REGION, or use a profile that has one")?.to_string();
    let provider = config.credentials_provider().context("no credentials")?;
    let credentials = provider.provide_credentials().await.map_err(|error| {
        let error = anyhow::Error::new(error);
        anyhow!("no credentials that could be used; give --profile, log in, or set them in the environment: {error:#}")
    })?;
    let when_enabled = |flag: Option<bool>| flag.filter(|flag| *flag).map(|flag| flag.to_string());
    let mut settings = vec![
        ("AWS_REGION", region.clone()),
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id().to_owned()),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key().to_owned()),
        // Always set, even to an empty value: a token in the environment would belong to another access key.
        ("AWS_SESSION_TOKEN", credentials.session_token().unwrap_or_default().to_owned()),
    ];
    // Settings that a profile can have too. The SDK reads those of the environment anyway.
    settings.extend(config.endpoint_url().map(|url| ("AWS_ENDPOINT_URL", url.to_owned())));
    settings.extend(when_enabled(config.use_fips()).map(|flag| ("AWS_USE_FIPS_ENDPOINT", flag)));
    settings.extend(when_enabled(config.use_dual_stack()).map(|flag| ("AWS_USE_DUALSTACK_ENDPOINT", flag)));
    let account = credentials.account_id().map(|account| account.as_str().to_owned());
    Ok(AwsCredentials { region, account, settings })
}

impl AwsCredentials {
    /// For messages: `region eu-west-1 of account 111122223333`.
    pub fn describe_location(&self) -> String {
        match &self.account {
            Some(account) => format!("region {} of account {account}", self.region),
            None => format!("region {} of the account that these credentials are for", self.region),
        }
    }
}
