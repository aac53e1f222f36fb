//! Reads complete AWS replies, up to a limit, before anything parses them.
//!
//! The SDK accepts a truncated XML document as a shorter one, so it would report half a list of targets as all of them.
//! It also does not retry when a reply cannot be parsed. Here an incomplete reply is a connection error, which the SDK
//! retries.

use std::sync::Arc;

use aws_smithy_cbor::Decoder;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connector_metadata::ConnectorMetadata,
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag, retry::ErrorKind};
use http_body_util::{BodyExt, Limited};
use serde::de::IgnoredAny;
use tokio::sync::Semaphore;

/// The largest replies, with a hundred tasks or alarms, are smaller than one megabyte.
const MAX_REPLY: usize = 8 * 1024 * 1024;

/// The maximum number of requests at the same time, and so of open connections. Without it, a thousand checks would use
/// all 1,024 file descriptors of a function.
const MAX_CONCURRENT_REQUESTS: usize = 16;

/// An HTTP client that returns only complete replies, and limits the requests at the same time.
#[derive(Debug)]
pub struct CompleteBodyClient {
    client: SharedHttpClient,
    permits: Arc<Semaphore>,
}

impl CompleteBodyClient {
    /// Wraps another client.
    pub fn new(client: SharedHttpClient) -> Self {
        Self { client, permits: permits() }
    }
}

/// The limit for one client.
pub fn permits() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_CONCURRENT_REQUESTS))
}

impl HttpClient for CompleteBodyClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(CompleteBodyConnector(
            self.client.http_connector(settings, parts),
            self.permits.clone(),
        ))
    }

    fn validate_base_client_config(
        &self,
        parts: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.client.validate_base_client_config(parts, config)
    }

    fn validate_final_config(&self, parts: &RuntimeComponents, config: &ConfigBag) -> Result<(), BoxError> {
        self.client.validate_final_config(parts, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.client.connector_metadata()
    }
}

#[derive(Debug)]
struct CompleteBodyConnector(SharedHttpConnector, Arc<Semaphore>);

impl HttpConnector for CompleteBodyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (connector, permits) = (self.0.clone(), self.1.clone());
        HttpConnectorFuture::new(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire_owned().await;
            read_complete(connector.call(request).await?).await
        })
    }
}

/// The reply was not complete, with the reason.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct IncompleteBody(String);

async fn read_complete(mut reply: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let failed = |why: String| ConnectorError::other(IncompleteBody(why).into(), Some(ErrorKind::TransientError));
    let status = reply.status().as_u16();
    let body = std::mem::replace(reply.body_mut(), SdkBody::taken());
    let body = Limited::new(body, MAX_REPLY).collect().await;
    let body = body.map_err(|error| failed(format!("a reply of status {status} that breaks off: {error}")))?.to_bytes();
    // For other statuses the status alone decides, and the body is only for people.
    if reply.status().is_success()
        && let Some(fault) = incomplete_reason(&body)
    {
        return Err(failed(format!("a reply of status {status} that {fault}")));
    }
    *reply.body_mut() = SdkBody::from(body);
    Ok(reply)
}

/// Why a body is not a complete JSON, XML or CBOR document, or `None` if it is one. The first byte decides the format:
/// a reply can lack the content type, and a proxy's page can have any.
pub fn incomplete_reason(body: &[u8]) -> Option<&'static str> {
    let is_complete = match body.trim_ascii_start().first() {
        Some(b'{') => serde_json::from_slice::<IgnoredAny>(body).is_ok(),
        Some(b'<') if is_html(body) => return Some("is a web page, probably from a proxy and not from AWS"),
        Some(b'<') => xml_is_complete(body),
        _ => {
            let mut decoder = Decoder::new(body);
            decoder.map().is_ok() && Decoder::new(body).skip().is_ok()
        }
    };
    (!is_complete).then_some("cannot be read: it is incomplete")
}

fn is_html(body: &[u8]) -> bool {
    let begins =
        |word: &[u8]| body.trim_ascii_start().get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word));
    begins(b"<!doctype html") || begins(b"<html")
}

/// Whether an XML document ends with the end tag of its root element. The SDK parses the rest.
fn xml_is_complete(document: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(document) else { return false };
    let mut rest = text.trim();
    while let Some(prolog) = rest.strip_prefix("<?").or_else(|| rest.strip_prefix("<!")) {
        let Some((_, after)) = prolog.split_once('>') else { return false };
        rest = after.trim_start();
    }
    let name = |rest: &str| rest.split([' ', '>', '/', '\n', '\t', '\r']).next().unwrap_or_default().to_owned();
    let Some(root) = rest.strip_prefix('<').map(name) else { return false };
    !root.is_empty() && rest.ends_with(&format!("</{root}>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_document_is_none() {
        let whole: [&[u8]; 4] = [
            br#"{"a":[1,{"b":"c"}]}"#,
            b"<?xml version=\"1.0\"?>\n<A xmlns=\"x\"><B>1</B></A>\n",
            b"<A><B>1</B></A>",
            b"\xbf\x61a\x01\xff",
        ];
        for body in whole {
            assert_eq!(incomplete_reason(body), None, "{body:?}");
            for end in 0..body.trim_ascii_end().len() {
                assert!(incomplete_reason(&body[..end]).is_some(), "{body:?}, cut at {end}");
            }
        }
    }

    #[test]
    fn what_aws_does_not_send_is_no_reply() {
        assert!(incomplete_reason(b"<!DOCTYPE html><html></html>").unwrap().contains("web page"));
        assert!(incomplete_reason(b"\n<html></html>").unwrap().contains("web page"));
        for body in [&b""[..], b"sesame", b"\xff\xfe", b"<!DOCTYPE", b"<>x</>", b"null", b"\x01"] {
            assert!(incomplete_reason(body).is_some(), "{body:?}");
        }
    }
}
