//! Replies of AWS are read whole, to a limit, before anything believes them.
//!
//! The SDK takes an XML document that breaks off for a shorter one, so half a list of targets would be judged as all of
//! them; and it does not ask again for a reply that it cannot read. A reply that is not whole is therefore an error of
//! the connection here, and asked for again like one.

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

/// The largest replies that are asked for, a hundred tasks or alarms, stay below one megabyte.
const MAX_REPLY: usize = 8 * 1024 * 1024;

/// So many requests are on their way at once, and as many connections open. A thousand checks would otherwise take all
/// descriptors of a function, which has 1,024.
const MAX_CONCURRENT_REQUESTS: usize = 16;

/// A client that gives whole replies only, for some requests at once.
#[derive(Debug)]
pub struct CompleteBodyClient {
    client: SharedHttpClient,
    permits: Arc<Semaphore>,
}

impl CompleteBodyClient {
    /// Over another client.
    pub fn new(client: SharedHttpClient) -> Self {
        Self { client, permits: permits() }
    }
}

/// For one client.
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
            // Never closed.
            let _permit = permits.acquire_owned().await;
            read_complete(connector.call(request).await?).await
        })
    }
}

/// There was a reply, and it was not whole; in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct IncompleteBody(String);

async fn read_complete(mut reply: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let failed = |why: String| ConnectorError::other(IncompleteBody(why).into(), Some(ErrorKind::TransientError));
    let status = reply.status().as_u16();
    let body = std::mem::replace(reply.body_mut(), SdkBody::taken());
    let body = Limited::new(body, MAX_REPLY).collect().await;
    let body = body.map_err(|error| failed(format!("a reply of status {status} that breaks off: {error}")))?.to_bytes();
    // What is wrong is said by the status then, and the body is only for people.
    if reply.status().is_success()
        && let Some(fault) = incomplete_reason(&body)
    {
        return Err(failed(format!("a reply of status {status} that {fault}")));
    }
    *reply.body_mut() = SdkBody::from(body);
    Ok(reply)
}

/// Why a body is no whole document of JSON, XML or CBOR; none if it is one. Its first byte tells them apart: a type in a
/// header may be left out, and a proxy's page may be called anything.
pub fn incomplete_reason(body: &[u8]) -> Option<&'static str> {
    let is_complete = match body.trim_ascii_start().first() {
        Some(b'{') => serde_json::from_slice::<IgnoredAny>(body).is_ok(),
        Some(b'<') if is_html(body) => return Some("is a web page: a proxy's, not AWS's"),
        Some(b'<') => xml_is_complete(body),
        _ => {
            let mut decoder = Decoder::new(body);
            decoder.map().is_ok() && Decoder::new(body).skip().is_ok()
        }
    };
    (!is_complete).then_some("cannot be read: it is not whole")
}

fn is_html(body: &[u8]) -> bool {
    let begins =
        |word: &[u8]| body.trim_ascii_start().get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word));
    begins(b"<!doctype html") || begins(b"<html")
}

/// Whether an XML document ends with the end of the element that it begins with. What is between is the SDK's to read.
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
