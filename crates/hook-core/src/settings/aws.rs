//! What the AWS clients need from the environment.

use std::collections::BTreeMap;

use aws_client::{AwsSettings, CertificateFile, SharedTlsConfig};

use crate::redact::Redactor;

/// Reads the settings, and adds a sentence to `faults` for each that cannot be used.
pub(super) fn from_vars(vars: &BTreeMap<String, String>, faults: &mut Vec<String>) -> AwsSettings {
    let value = |name: &str| vars.get(name).map(|value| value.trim().to_owned());
    let is_true = |name: &str| value(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let region = value("AWS_REGION").or_else(|| value("AWS_DEFAULT_REGION"));
    if region.is_none() {
        faults.push("AWS_REGION is not set; Lambda sets it, so this process runs outside Lambda".to_owned());
    }
    let credentials = match (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY")) {
        (Some(key), Some(secret)) => Some((key, secret, value("AWS_SESSION_TOKEN"))),
        _ => {
            faults.push("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set; Lambda sets them from the function's role".to_owned());
            None
        }
    };
    let mut url = |name: &str, text: &str| {
        let is_valid =
            reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !is_valid {
            faults.push(format!("{name} is not a URL such as https://host:port"));
        }
        is_valid.then(|| text.to_owned())
    };
    // The SDKs' own setting: if it is true, endpoints in the environment are ignored.
    let ignore = is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    let endpoint = value("AWS_ENDPOINT_URL").filter(|_| !ignore).and_then(|text| url("AWS_ENDPOINT_URL", &text));
    let service_endpoints = vars
        .iter()
        .filter(|_| !ignore)
        .filter_map(|(name, text)| {
            let suffix = name.strip_prefix("AWS_ENDPOINT_URL_")?;
            Some((suffix.to_owned(), url(name, text.trim())?))
        })
        .collect();
    AwsSettings {
        region,
        credentials,
        endpoint,
        service_endpoints,
        fips: is_true("AWS_USE_FIPS_ENDPOINT"),
        dual_stack: is_true("AWS_USE_DUALSTACK_ENDPOINT"),
        ca_bundle: value("AWS_CA_BUNDLE").map(|path| CertificateFile::new(path.into())),
        tls: SharedTlsConfig::default(),
    }
}

/// Redacts the function's own credentials.
pub(super) fn credentials_redactor(settings: &AwsSettings) -> Redactor {
    let mut redactor = Redactor::default();
    if let Some((key, secret, token)) = &settings.credentials {
        let token = token.as_deref().unwrap_or_default();
        for (name, value) in
            [("AWS_ACCESS_KEY_ID", key.as_str()), ("AWS_SECRET_ACCESS_KEY", secret), ("AWS_SESSION_TOKEN", token)]
        {
            redactor.add_labelled(format!("[{name}]"), value);
        }
    }
    redactor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> AwsSettings {
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        from_vars(&vars, &mut Vec::new())
    }

    #[test]
    fn endpoints_are_read_as_the_sdk_reads_them() {
        let vars = [("AWS_ENDPOINT_URL", "http://localhost:1"), ("AWS_ENDPOINT_URL_CODEDEPLOY", "http://localhost:2")];
        let aws = read(&vars);
        assert_eq!(aws.endpoint.as_deref(), Some("http://localhost:1"));
        assert_eq!(aws.service_endpoints["CODEDEPLOY"], "http://localhost:2");
        let off = [vars[0], vars[1], ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")];
        let aws = read(&off);
        assert!(aws.endpoint.is_none() && aws.service_endpoints.is_empty());
    }
}
