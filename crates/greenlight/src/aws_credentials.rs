//! Who runs this, to AWS: region and credentials as the SDKs and the aws command line find them.
//!
//! The functions do without this chain, since Lambda always sets both; a person has profiles, SSO and roles.

use anyhow::{Context, anyhow};
use aws_config::BehaviorVersion;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_types::region::Region;

/// Who asks AWS.
pub struct AwsCredentials {
    /// The region.
    pub region: String,
    /// The account, where the profile or the environment knows it.
    account: Option<String>,
    /// Region and credentials under the names that Lambda gives them to a function. Not for printing.
    pub settings: Vec<(&'static str, String)>,
}

/// Finds out.
///
/// # Errors
/// There is no region, or there are no credentials.
pub async fn load(profile: Option<&str>, region: Option<&str>) -> anyhow::Result<AwsCredentials> {
    // ring as everywhere here, with the roots of this machine: a company's proxy may have its own.
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
        config.region().context("no region: give --region, AWS_REGION, or a profile that has one")?.to_string();
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
        // Another key's token would be in its way, so an empty one takes that away.
        ("AWS_SESSION_TOKEN", credentials.session_token().unwrap_or_default().to_owned()),
    ];
    // What a profile says beside; the environment's own would be read anyhow.
    settings.extend(config.endpoint_url().map(|url| ("AWS_ENDPOINT_URL", url.to_owned())));
    settings.extend(when_enabled(config.use_fips()).map(|flag| ("AWS_USE_FIPS_ENDPOINT", flag)));
    settings.extend(when_enabled(config.use_dual_stack()).map(|flag| ("AWS_USE_DUALSTACK_ENDPOINT", flag)));
    let account = credentials.account_id().map(|account| account.as_str().to_owned());
    Ok(AwsCredentials { region, account, settings })
}

impl AwsCredentials {
    /// Where AWS is asked: `region eu-west-1 of account 111122223333`.
    pub fn describe_location(&self) -> String {
        match &self.account {
            Some(account) => format!("region {} of account {account}", self.region),
            None => format!("region {} of the account that these credentials are for", self.region),
        }
    }
}
