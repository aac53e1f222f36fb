//! Signed requests without an SDK crate: for services of which one or two operations are needed, and whose crates would
//! weigh more than everything else in a function. One request, one reply, with the time limits, the attempts, the
//! endpoints and the faults of the SDK's clients.

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
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector as _, HttpConnectorSettings, SharedHttpConnector},
        identity::Identity,
        orchestrator::HttpRequest,
        result::ConnectorError,
    },
    http::Request,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use serde_json::Value;
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::{
    ATTEMPT, CONNECT, Fault, IDLE, OPERATION, READ, account::OPTIONAL, endpoint::Partition, fault, patience::Patience,
    tls_context, whole,
};
use crate::{code::Code, settings::AwsSettings};

/// So many attempts, as the SDK's clients make.
const ATTEMPTS: u32 = 5;
/// The pause after the first attempt; it doubles.
const BACKOFF: Duration = Duration::from_millis(200);
/// No reply that is asked for here is as long as this: a gate file in S3 may have 256 KiB.
const MAX_BODY: usize = 1024 * 1024;

/// A service, as its requests name it.
#[derive(Debug)]
pub(super) struct Service {
    /// The suffix of its `AWS_ENDPOINT_URL_…`.
    pub id: &'static str,
    /// The beginning of its host name.
    pub host: &'static str,
    /// What a signature calls it.
    pub signing: &'static str,
    /// How it is spoken to.
    pub speech: Speech,
    /// Whether it has one endpoint for all regions of a partition.
    pub global: bool,
}

/// How a service is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// awsJson 1.1, with the beginning of `X-Amz-Target`.
    Json(&'static str),
    /// awsQuery, with its version.
    Query(&'static str),
    /// restJson: the path says what is asked for.
    RestJson,
    /// S3's own.
    S3,
}

/// What a request asks for.
#[derive(Debug)]
struct Asked {
    method: &'static str,
    url: String,
    region: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// A client for all of them, built once.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    connector: SharedHttpConnector,
    permits: Arc<Semaphore>,
    region: Option<String>,
    identity: Option<Identity>,
    endpoint: Option<String>,
    service_endpoints: BTreeMap<String, String>,
    fips: bool,
    dual_stack: bool,
    patience: Patience,
}

impl Signed {
    /// Connects to nothing yet.
    pub fn new(settings: &AwsSettings) -> Self {
        let limits = HttpConnectorSettings::builder().connect_timeout(CONNECT).read_timeout(READ).build();
        let connector = Connector::builder()
            .sleep_impl(TokioSleep::new())
            .connector_settings(limits)
            .pool_idle_timeout(IDLE)
            .tls_provider(super::TLS)
            .tls_context(tls_context(settings))
            .build();
        let identity = settings
            .credentials
            .clone()
            .map(|(key, secret, token)| Credentials::new(key, secret, token, None, "lambda environment").into());
        Self {
            connector: SharedHttpConnector::new(connector),
            permits: whole::permits(),
            region: settings.region.clone(),
            identity,
            endpoint: settings.endpoint.clone(),
            service_endpoints: settings.service_endpoints.clone(),
            fips: settings.fips,
            dual_stack: settings.dual_stack,
            patience: Patience::default(),
        }
    }

    /// The same client with another patience.
    pub fn with(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The region of the function.
    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or_default()
    }

    /// An operation of awsJson, in the function's region or in another one. `operation` is as IAM writes it.
    pub async fn json(
        &self,
        service: &Service,
        region: Option<&str>,
        operation: &'static str,
        input: &Value,
    ) -> Result<Value, Fault> {
        let target = match service.speech {
            Speech::Json(target) => format!("{target}.{}", action(operation)),
            Speech::Query(_) | Speech::RestJson | Speech::S3 => String::new(),
        };
        let headers = vec![("content-type", "application/x-amz-json-1.1".to_owned()), ("x-amz-target", target)];
        let body = input.to_string().into_bytes();
        let (base, region) = self.base(service, region);
        let asked = Asked { method: "POST", url: format!("{base}/"), region, headers, body };
        let (body, _) = self.ask(service, operation, &asked).await?;
        serde_json::from_slice(&body).map_err(|error| unreadable(operation, &error))
    }

    /// An operation of awsQuery; gives the XML.
    pub async fn query(
        &self,
        service: &Service,
        operation: &'static str,
        input: &[(&str, &str)],
    ) -> Result<String, Fault> {
        let version = if let Speech::Query(version) = service.speech { version } else { "" };
        let (base, region) = self.base(service, None);
        let mut url = reqwest::Url::parse("http://form/").map_err(|error| unreadable(operation, &error))?;
        url.query_pairs_mut()
            .append_pair("Action", action(operation))
            .append_pair("Version", version)
            .extend_pairs(input);
        let body = url.query().unwrap_or_default().as_bytes().to_vec();
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        let asked = Asked { method: "POST", url: format!("{base}/"), region, headers, body };
        let (body, _) = self.ask(service, operation, &asked).await?;
        let xml = String::from_utf8_lossy(&body).into_owned();
        // A proxy's page may come with the status of a good answer, and half a document is no answer either.
        let name = format!("{}Response", action(operation));
        if xml.contains(&format!("<{name}")) && xml.trim_end().ends_with(&format!("</{name}>")) {
            return Ok(xml);
        }
        Err(Fault { operation, code: Code::AwsFailed, detail: format!("an answer that cannot be read: no {name}") })
    }

    /// An operation of restJson that reads: the parts of a path, and a query.
    pub async fn rest(
        &self,
        service: &Service,
        operation: &'static str,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Value, Fault> {
        let (base, region) = self.base(service, None);
        // A slash in a part is the part's own only where a name may have one, which no function's may.
        let path: Vec<_> = path.iter().map(|part| encoded(part)).collect();
        let query: Vec<_> = query.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{base}/{}{mark}{}", path.join("/"), query.join("&"));
        let asked = Asked { method: "GET", url, region, headers: Vec::new(), body: Vec::new() };
        let (body, _) = self.ask(service, operation, &asked).await?;
        serde_json::from_slice(&body).map_err(|error| unreadable(operation, &error))
    }

    /// An object of S3, and its ETag.
    pub async fn object(
        &self,
        service: &Service,
        operation: &'static str,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> Result<(Vec<u8>, Option<String>), Fault> {
        let (base, region) = self.base(service, None);
        // The bucket in the path and not in the host: right for every name, and for endpoints of one's own.
        let version = version.map(|version| format!("?versionId={}", encoded(version))).unwrap_or_default();
        let url = format!("{base}/{}/{}{version}", encoded(bucket), encoded(key));
        let asked = Asked { method: "GET", url, region, headers: Vec::new(), body: Vec::new() };
        self.ask(service, operation, &asked).await
    }

    /// Where a service is, and the region for the signature.
    fn base(&self, service: &Service, region: Option<&str>) -> (String, String) {
        let region = region.unwrap_or(self.region());
        let own = self.service_endpoints.get(service.id).or(self.endpoint.as_ref());
        let partition = Partition::of(region);
        let signing = if service.global { partition.global } else { region };
        if let Some(url) = own {
            return (url.trim_end_matches('/').to_owned(), signing.to_owned());
        }
        (format!("https://{}", partition.host(service, region, self.fips, self.dual_stack)), signing.to_owned())
    }

    /// Asks, again where it may help. Gives the body, and the ETag if there is one.
    async fn ask(
        &self,
        service: &Service,
        operation: &'static str,
        asked: &Asked,
    ) -> Result<(Vec<u8>, Option<String>), Fault> {
        // That nobody is allowed to look whether something exists is a warning, for which nobody needs to wait.
        let patience = if OPTIONAL.contains(&operation) { self.patience.with_denials() } else { self.patience };
        patience.ask(|| self.attempts(service, operation, asked)).await
    }

    async fn attempts(
        &self,
        service: &Service,
        operation: &'static str,
        asked: &Asked,
    ) -> Result<(Vec<u8>, Option<String>), Fault> {
        let attempts = async {
            let mut attempt = 1;
            loop {
                let tried = timeout(ATTEMPT, self.once(service, operation, asked)).await;
                let tried = tried.unwrap_or_else(|_| Err(slow(operation)));
                match tried {
                    Err(fault) if fault.may_pass() && attempt < ATTEMPTS => {
                        sleep(BACKOFF * 2_u32.pow(attempt - 1)).await;
                        attempt += 1;
                    }
                    other => return other,
                }
            }
        };
        timeout(OPERATION, attempts).await.unwrap_or_else(|_| Err(slow(operation)))
    }

    async fn once(
        &self,
        service: &Service,
        operation: &'static str,
        asked: &Asked,
    ) -> Result<(Vec<u8>, Option<String>), Fault> {
        let request = self.signed(service, asked).map_err(|why| Fault {
            operation,
            code: Code::AwsDenied,
            detail: format!("the request could not be signed: {why}"),
        })?;
        // Never closed. Held until the reply is read.
        let _permit = self.permits.acquire().await;
        let response = self.connector.call(request).await.map_err(|error| unreachable(operation, &error))?;
        let status = response.status().as_u16();
        let kind = response.headers().get("x-amzn-errortype").map(str::to_owned);
        let tag = response.headers().get("etag").map(|tag| tag.trim_matches('"').to_owned());
        let mut stream = ByteStream::new(response.into_body());
        let mut body = Vec::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| Fault {
                operation,
                code: Code::AwsFailed,
                detail: fault::one_line(&format!("the reply broke off: {error}")),
            })?;
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY {
                return Err(Fault {
                    operation,
                    code: Code::UnexpectedReply,
                    detail: "the reply has more than 1 MiB".to_owned(),
                });
            }
        }
        if (200..300).contains(&status) {
            // What is not whole is asked for again. An object of S3 is anything, and its length is in its head.
            return match whole::fault(&body).filter(|_| service.speech != Speech::S3) {
                Some(why) => Err(Fault { operation, code: Code::AwsFailed, detail: format!("a reply that {why}") }),
                None => Ok((body, tag)),
            };
        }
        let (word, message) = complaint(service.speech, kind.as_deref(), &body);
        Err(Fault::said(operation, &word, &message, status))
    }

    fn signed(&self, service: &Service, asked: &Asked) -> Result<HttpRequest, String> {
        let identity = self.identity.as_ref().ok_or("there are no credentials")?;
        let mut settings = SigningSettings::default();
        if service.speech == Speech::S3 {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        let params = v4::SigningParams::builder()
            .identity(identity)
            .region(&asked.region)
            .name(service.signing)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let headers = asked.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable = SignableRequest::new(asked.method, &asked.url, headers, SignableBody::Bytes(&asked.body));
        let (instructions, _) =
            signable.and_then(|signable| sign(signable, &params)).map_err(|error| error.to_string())?.into_parts();
        let mut request = Request::new(SdkBody::from(asked.body.clone()));
        request.set_method(asked.method).map_err(|error| error.to_string())?;
        request.set_uri(asked.url.as_str()).map_err(|error| error.to_string())?;
        let own = asked.headers.iter().map(|(name, value)| (*name, value.as_str()));
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

/// AWS's own code and words.
fn complaint(speech: Speech, kind: Option<&str>, body: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(body);
    let (word, message) = if let Speech::Json(_) | Speech::RestJson = speech {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let of = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let word = kind.map_or_else(|| of("__type"), str::to_owned);
        (word, if of("message").is_empty() { of("Message") } else { of("message") })
    } else {
        (element(&text, "Code").to_owned(), element(&text, "Message").to_owned())
    };
    // `com.amazonaws.ssm#ParameterNotFound`, and in the header `ParameterNotFound:http://…`.
    let word = word.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
    (word.to_owned(), message)
}

/// The text of the first element of that name.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let inside = xml.split_once(&format!("<{name}>")).map(|(_, rest)| rest);
    inside.and_then(|rest| rest.split_once("</")).map_or("", |(text, _)| text)
}

/// A part of a path as S3 wants it signed: everything but unreserved characters and slashes is encoded.
fn encoded(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn slow(operation: &'static str) -> Fault {
    Fault { operation, code: Code::AwsUnreachable, detail: "no answer in time".to_owned() }
}

fn unreachable(operation: &'static str, error: &ConnectorError) -> Fault {
    let root = fault::root(error);
    let detail = if error.is_timeout() { format!("timed out: {root}") } else { root };
    Fault { operation, code: Code::AwsUnreachable, detail: fault::one_line(&detail) }
}

fn unreadable(operation: &'static str, error: &dyn std::error::Error) -> Fault {
    let detail = fault::one_line(&format!("an answer that cannot be read: {error}"));
    Fault { operation, code: Code::AwsFailed, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IAM: Service =
        Service { id: "IAM", host: "iam", signing: "iam", speech: Speech::Query("2010-05-08"), global: true };
    const SSM: Service =
        Service { id: "SSM", host: "ssm", signing: "ssm", speech: Speech::Json("AmazonSSM"), global: false };

    fn base(service: &Service, settings: &AwsSettings) -> String {
        let (base, region) = Signed::new(settings).base(service, None);
        format!("{base} {region}")
    }

    #[test]
    fn endpoints_are_those_of_the_partition() {
        let at = |region: &str| AwsSettings { region: Some(region.to_owned()), ..AwsSettings::default() };
        assert_eq!(base(&SSM, &at("eu-west-1")), "https://ssm.eu-west-1.amazonaws.com eu-west-1");
        assert_eq!(base(&IAM, &at("eu-west-1")), "https://iam.amazonaws.com us-east-1");
        assert_eq!(base(&SSM, &at("cn-north-1")), "https://ssm.cn-north-1.amazonaws.com.cn cn-north-1");
        assert_eq!(base(&IAM, &at("cn-northwest-1")), "https://iam.cn-north-1.amazonaws.com.cn cn-north-1");
        assert_eq!(base(&IAM, &at("us-gov-east-1")), "https://iam.us-gov.amazonaws.com us-gov-west-1");
        let both = AwsSettings { fips: true, dual_stack: true, ..at("us-east-2") };
        assert_eq!(base(&SSM, &both), "https://ssm-fips.us-east-2.api.aws us-east-2");
        let own = AwsSettings { endpoint: Some("http://localhost:1/".into()), ..at("eu-west-1") };
        assert_eq!(base(&SSM, &own), "http://localhost:1 eu-west-1");
    }

    #[test]
    fn complaints_are_read_in_every_protocol() {
        let json = br#"{"__type":"com.amazonaws.ssm#ParameterNotFound","message":"none"}"#;
        assert_eq!(complaint(Speech::Json(""), None, json), ("ParameterNotFound".to_owned(), "none".to_owned()));
        let header = Some("AccessDeniedException:http://internal.amazon.com/");
        assert_eq!(complaint(Speech::Json(""), header, b"{}").0, "AccessDeniedException");
        let xml = b"<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>none</Message></Error></ErrorResponse>";
        assert_eq!(complaint(Speech::Query(""), None, xml), ("NoSuchEntity".to_owned(), "none".to_owned()));
        assert_eq!(complaint(Speech::S3, None, b"<html>"), (String::new(), String::new()));
    }

    #[test]
    fn a_key_is_encoded_once() {
        assert_eq!(encoded("gates/shop web+1.yaml"), "gates/shop%20web%2B1.yaml");
    }
}
