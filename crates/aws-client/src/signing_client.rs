//! Sends signed requests without an SDK crate, for services of which only one or two operations are needed. The crates
//! of these services would be larger than the rest of a function. Timeouts, attempts, endpoints and errors are those of
//! the SDK's clients.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use aws_smithy_runtime_api::{
    client::{identity::Identity, orchestrator::HttpRequest, result::ConnectorError},
    http::Request,
};
use aws_smithy_types::body::SdkBody;
use gate::{
    ReasonCode,
    permissions::actions::{DESCRIBE_IMAGES, DESCRIBE_LOG_GROUPS, DESCRIBE_SECRET, GET_PARAMETERS, GET_ROLE},
};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::{
    ATTEMPT_TIMEOUT, AwsError, CONNECT_TIMEOUT, OPERATION_TIMEOUT, READ_TIMEOUT, complete_body,
    connection_pool::{ConnectionPool, RequestLimits},
    endpoint::Partition,
    error,
    retry_budget::RetryBudget,
    service_endpoint::{ServiceEndpoint, WireProtocol},
};
use crate::settings::AwsSettings;

/// The number of attempts, as in the SDK's clients.
const MAX_ATTEMPTS: u32 = 5;
/// The pause after the first attempt. It doubles each time.
const BACKOFF: Duration = Duration::from_millis(200);
/// No expected reply is larger: a gate file in S3 can have 256 KiB.
const MAX_BODY: usize = 1024 * 1024;

/// The operations that check whether something exists. A denial is reported as a warning.
const EXISTENCE_OPERATIONS: [&str; 5] =
    [DESCRIBE_LOG_GROUPS, GET_ROLE, GET_PARAMETERS, DESCRIBE_SECRET, DESCRIBE_IMAGES];

/// A request before it is signed.
#[derive(Debug)]
struct UnsignedRequest {
    method: &'static str,
    url: String,
    region: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// A client for all these services, built once.
#[derive(Clone, Debug)]
pub(super) struct SigningClient {
    pool: Arc<ConnectionPool>,
    region: Option<String>,
    identity: Option<Identity>,
    endpoint: Option<String>,
    service_endpoints: BTreeMap<String, String>,
    fips: bool,
    dual_stack: bool,
    retry_budget: RetryBudget,
}

impl SigningClient {
    /// Creates the client. It does not connect yet.
    pub fn new(settings: &AwsSettings, pool: Arc<ConnectionPool>) -> Self {
        let identity = settings
            .credentials
            .clone()
            .map(|(key, secret, token)| Credentials::new(key, secret, token, None, "lambda environment").into());
        Self {
            pool,
            region: settings.region.clone(),
            identity,
            endpoint: settings.endpoint.clone(),
            service_endpoints: settings.service_endpoints.clone(),
            fips: settings.fips,
            dual_stack: settings.dual_stack,
            retry_budget: RetryBudget::default(),
        }
    }

    /// The same client with another retry budget.
    pub fn with_retry_budget(self, retry_budget: RetryBudget) -> Self {
        Self { retry_budget, ..self }
    }

    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or_default()
    }

    /// Calls an awsJson operation, in the function's Region or in another one. `operation` has the form of IAM.
    pub async fn json(
        &self,
        service: &ServiceEndpoint,
        region: Option<&str>,
        operation: &'static str,
        input: &Value,
    ) -> Result<Value, AwsError> {
        let target = match service.protocol {
            WireProtocol::Json(target) => format!("{target}.{}", action(operation)),
            WireProtocol::Query(_) | WireProtocol::RestJson | WireProtocol::S3 => String::new(),
        };
        let headers = vec![("content-type", "application/x-amz-json-1.1".to_owned()), ("x-amz-target", target)];
        let body = input.to_string().into_bytes();
        let (base, region) = self.endpoint_and_region(service, region);
        let request = UnsignedRequest { method: "POST", url: format!("{base}/"), region, headers, body };
        let (body, _) = self.send(service, operation, &request).await?;
        serde_json::from_slice(&body).map_err(|error| parse_failure(operation, &error))
    }

    /// Calls an awsQuery operation and returns the XML.
    pub async fn query(
        &self,
        service: &ServiceEndpoint,
        operation: &'static str,
        input: &[(&str, &str)],
    ) -> Result<String, AwsError> {
        let version = if let WireProtocol::Query(version) = service.protocol { version } else { "" };
        let (base, region) = self.endpoint_and_region(service, None);
        let mut url = reqwest::Url::parse("http://form/").map_err(|error| parse_failure(operation, &error))?;
        url.query_pairs_mut()
            .append_pair("Action", action(operation))
            .append_pair("Version", version)
            .extend_pairs(input);
        let body = url.query().unwrap_or_default().as_bytes().to_vec();
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        let request = UnsignedRequest { method: "POST", url: format!("{base}/"), region, headers, body };
        let (body, _) = self.send(service, operation, &request).await?;
        let xml = String::from_utf8_lossy(&body).into_owned();
        // A proxy's page can have a success status, and a truncated document is not a valid reply.
        let name = format!("{}Response", action(operation));
        if xml.contains(&format!("<{name}")) && xml.trim_end().ends_with(&format!("</{name}>")) {
            return Ok(xml);
        }
        Err(AwsError::new(operation, ReasonCode::AwsFailed, format!("a reply that cannot be read: no {name}")))
    }

    /// Calls a restJson read operation, with the parts of the path and a query.
    pub async fn rest(
        &self,
        service: &ServiceEndpoint,
        operation: &'static str,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Value, AwsError> {
        let (base, region) = self.endpoint_and_region(service, None);
        // A slash inside a part would be encoded. Function names never contain a slash.
        let path: Vec<_> = path.iter().map(|part| percent_encoded(part)).collect();
        let query: Vec<_> = query.iter().map(|(key, value)| format!("{key}={}", percent_encoded(value))).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{base}/{}{mark}{}", path.join("/"), query.join("&"));
        let request = UnsignedRequest { method: "GET", url, region, headers: Vec::new(), body: Vec::new() };
        let (body, _) = self.send(service, operation, &request).await?;
        serde_json::from_slice(&body).map_err(|error| parse_failure(operation, &error))
    }

    /// Reads an object from S3, with its ETag.
    pub async fn object(
        &self,
        service: &ServiceEndpoint,
        operation: &'static str,
        (bucket, key, version): (&str, &str, Option<&str>),
        owner: Option<&str>,
    ) -> Result<(Vec<u8>, Option<String>), AwsError> {
        let (base, region) = self.endpoint_and_region(service, None);
        // The bucket is in the path instead of the host: this works for every bucket name and for custom endpoints.
        let version = version.map(|version| format!("?versionId={}", percent_encoded(version))).unwrap_or_default();
        let url = format!("{base}/{}/{}{version}", percent_encoded(bucket), percent_encoded(key));
        let headers = owner.map(|owner| ("x-amz-expected-bucket-owner", owner.to_owned())).into_iter().collect();
        let request = UnsignedRequest { method: "GET", url, region, headers, body: Vec::new() };
        self.send(service, operation, &request).await
    }

    /// The endpoint of a service, and the Region for the signature.
    fn endpoint_and_region(&self, service: &ServiceEndpoint, region: Option<&str>) -> (String, String) {
        let region = region.unwrap_or(self.region());
        let own = self.service_endpoints.get(service.id).or(self.endpoint.as_ref());
        let partition = Partition::for_region(region);
        let signing = if service.is_global { partition.global_region } else { region };
        if let Some(url) = own {
            return (url.trim_end_matches('/').to_owned(), signing.to_owned());
        }
        (format!("https://{}", partition.service_host(service, region, self.fips, self.dual_stack)), signing.to_owned())
    }

    /// Sends a request with retries, and returns the body and the ETag, if there is one.
    async fn send(
        &self,
        service: &ServiceEndpoint,
        operation: &'static str,
        request: &UnsignedRequest,
    ) -> Result<(Vec<u8>, Option<String>), AwsError> {
        // If the role cannot check whether something exists, this is only a warning, so a denial is not retried.
        let patience = if EXISTENCE_OPERATIONS.contains(&operation) {
            self.retry_budget.with_final_denials()
        } else {
            self.retry_budget
        };
        patience.retry(|| self.send_with_attempts(service, operation, request)).await
    }

    async fn send_with_attempts(
        &self,
        service: &ServiceEndpoint,
        operation: &'static str,
        request: &UnsignedRequest,
    ) -> Result<(Vec<u8>, Option<String>), AwsError> {
        let attempts = async {
            let mut attempt = 1;
            loop {
                let tried = timeout(ATTEMPT_TIMEOUT, self.send_once(service, operation, request)).await;
                let tried = tried.unwrap_or_else(|_| Err(timeout_error(operation)));
                match tried {
                    Err(fault) if fault.is_retryable() && attempt < MAX_ATTEMPTS => {
                        sleep(BACKOFF * 2_u32.pow(attempt - 1)).await;
                        attempt += 1;
                    }
                    other => return other,
                }
            }
        };
        timeout(OPERATION_TIMEOUT, attempts).await.unwrap_or_else(|_| Err(timeout_error(operation)))
    }

    async fn send_once(
        &self,
        service: &ServiceEndpoint,
        operation: &'static str,
        unsigned: &UnsignedRequest,
    ) -> Result<(Vec<u8>, Option<String>), AwsError> {
        let request = self.sign(service, unsigned).map_err(|why| {
            AwsError::new(operation, ReasonCode::AwsDenied, format!("the request could not be signed: {why}"))
        })?;
        let limits = RequestLimits { connect: CONNECT_TIMEOUT, read: READ_TIMEOUT };
        let reply = self.pool.send(request, limits).await.map_err(|error| connect_error(operation, &error))?;
        let status = reply.status().as_u16();
        let header = |name: &str| Some(reply.headers().get(name)?.to_str().ok()?.to_owned());
        let (kind, tag) = (header("x-amzn-errortype"), header("etag").map(|tag| tag.trim_matches('"').to_owned()));
        let body = reply.into_body();
        if body.len() > MAX_BODY {
            return Err(AwsError::new(operation, ReasonCode::UnexpectedReply, "the reply has more than 1 MiB"));
        }
        if (200..300).contains(&status) {
            // An incomplete reply is retried. An object in S3 can have any content, and its length is in its header.
            return match complete_body::incomplete_reason(&body).filter(|_| service.protocol != WireProtocol::S3) {
                Some(why) => Err(AwsError::new(operation, ReasonCode::AwsFailed, format!("a reply that {why}"))),
                None => Ok((body.into(), tag)),
            };
        }
        let (word, message) = parse_error(service.protocol, kind.as_deref(), &body);
        Err(AwsError::from_service(operation, &word, &message, status))
    }

    fn sign(&self, service: &ServiceEndpoint, unsigned: &UnsignedRequest) -> Result<HttpRequest, String> {
        let identity = self.identity.as_ref().ok_or("no credentials are set")?;
        let mut settings = SigningSettings::default();
        if service.protocol == WireProtocol::S3 {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        let params = v4::SigningParams::builder()
            .identity(identity)
            .region(&unsigned.region)
            .name(service.signing_name)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let headers = unsigned.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable =
            SignableRequest::new(unsigned.method, &unsigned.url, headers, SignableBody::Bytes(&unsigned.body));
        let (instructions, _) =
            signable.and_then(|signable| sign(signable, &params)).map_err(|error| error.to_string())?.into_parts();
        let mut request = Request::new(SdkBody::from(unsigned.body.clone()));
        request.set_method(unsigned.method).map_err(|error| error.to_string())?;
        request.set_uri(unsigned.url.as_str()).map_err(|error| error.to_string())?;
        let own = unsigned.headers.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in own.chain(instructions.headers()) {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        request.headers_mut().insert("user-agent", concat!("greenlight/", env!("CARGO_PKG_VERSION")));
        Ok(request)
    }
}

/// `logs:DescribeLogGroups` without the service.
fn action(operation: &'static str) -> &'static str {
    operation.split_once(':').map_or(operation, |(_, action)| action)
}

/// The error code and message from AWS.
fn parse_error(protocol: WireProtocol, kind: Option<&str>, body: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(body);
    let (code, message) = if let WireProtocol::Json(_) | WireProtocol::RestJson = protocol {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let text_of = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let word = kind.map_or_else(|| text_of("__type"), str::to_owned);
        (word, if text_of("message").is_empty() { text_of("Message") } else { text_of("message") })
    } else {
        (element_text(&text, "Code").to_owned(), element_text(&text, "Message").to_owned())
    };
    // The code is `com.amazonaws.ssm#ParameterNotFound`, or in the header `ParameterNotFound:http://…`.
    let word = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
    (word.to_owned(), message)
}

/// The text of the first element with this name.
fn element_text<'a>(xml: &'a str, name: &str) -> &'a str {
    let inside = xml.split_once(&format!("<{name}>")).map(|(_, rest)| rest);
    inside.and_then(|rest| rest.split_once("</")).map_or("", |(text, _)| text)
}

/// Encodes a path in the form that S3 signs: all characters except unreserved ones and slashes are encoded.
fn percent_encoded(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn timeout_error(operation: &'static str) -> AwsError {
    AwsError::new(operation, ReasonCode::AwsUnreachable, "no reply in time")
}

fn connect_error(operation: &'static str, error: &ConnectorError) -> AwsError {
    let root = error::root_cause(error);
    let detail = if error.is_timeout() { format!("timed out: {root}") } else { root };
    let is_incomplete = error::is_incomplete_reply(error);
    let code = if is_incomplete { ReasonCode::AwsFailed } else { ReasonCode::AwsUnreachable };
    AwsError::new(operation, code, error::one_line(&detail))
}

fn parse_failure(operation: &'static str, error: &dyn std::error::Error) -> AwsError {
    let detail = error::one_line(&format!("a reply that cannot be read: {error}"));
    AwsError::new(operation, ReasonCode::AwsFailed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::existence::{IAM, SSM};

    fn client(settings: &AwsSettings) -> SigningClient {
        SigningClient::new(settings, Arc::new(ConnectionPool::new(settings.tls.get(settings))))
    }

    fn endpoint_and_region(service: &ServiceEndpoint, settings: &AwsSettings) -> String {
        let (base, region) = client(settings).endpoint_and_region(service, None);
        format!("{base} {region}")
    }

    #[test]
    fn endpoints_are_those_of_the_partition() {
        let at = |region: &str| AwsSettings { region: Some(region.to_owned()), ..AwsSettings::default() };
        assert_eq!(endpoint_and_region(&SSM, &at("eu-west-1")), "https://ssm.eu-west-1.amazonaws.com eu-west-1");
        assert_eq!(endpoint_and_region(&IAM, &at("eu-west-1")), "https://iam.amazonaws.com us-east-1");
        assert_eq!(endpoint_and_region(&SSM, &at("cn-north-1")), "https://ssm.cn-north-1.amazonaws.com.cn cn-north-1");
        assert_eq!(
            endpoint_and_region(&IAM, &at("cn-northwest-1")),
            "https://iam.cn-north-1.amazonaws.com.cn cn-north-1"
        );
        assert_eq!(endpoint_and_region(&IAM, &at("us-gov-east-1")), "https://iam.us-gov.amazonaws.com us-gov-west-1");
        let both = AwsSettings { fips: true, dual_stack: true, ..at("us-east-2") };
        assert_eq!(endpoint_and_region(&SSM, &both), "https://ssm-fips.us-east-2.api.aws us-east-2");
        let own = AwsSettings { endpoint: Some("http://localhost:1/".into()), ..at("eu-west-1") };
        assert_eq!(endpoint_and_region(&SSM, &own), "http://localhost:1 eu-west-1");
    }

    #[test]
    fn complaints_are_read_in_every_protocol() {
        let json = br#"{"__type":"com.amazonaws.ssm#ParameterNotFound","message":"none"}"#;
        assert_eq!(
            parse_error(WireProtocol::Json(""), None, json),
            ("ParameterNotFound".to_owned(), "none".to_owned())
        );
        let header = Some("AccessDeniedException:http://internal.amazon.com/");
        assert_eq!(parse_error(WireProtocol::Json(""), header, b"{}").0, "AccessDeniedException");
        let xml = b"<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>none</Message></Error></ErrorResponse>";
        assert_eq!(parse_error(WireProtocol::Query(""), None, xml), ("NoSuchEntity".to_owned(), "none".to_owned()));
        assert_eq!(parse_error(WireProtocol::S3, None, b"<html>"), (String::new(), String::new()));
    }

    #[test]
    fn a_key_is_encoded_once() {
        assert_eq!(percent_encoded("gates/shop web+1.yaml"), "gates/shop%20web%2B1.yaml");
    }
}
