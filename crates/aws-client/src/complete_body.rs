//! Reads complete AWS replies, up to a limit, before anything parses them.
//!
//! The SDK accepts a truncated XML document as a shorter one, so it would report half a list of targets as all of them.
//! It also does not retry when a reply cannot be parsed. Here an incomplete reply is a connection error, which the SDK
//! retries.

use std::sync::Arc;

use aws_smithy_cbor::Decoder;
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use serde::de::IgnoredAny;

use super::{
    CONNECT_TIMEOUT, READ_TIMEOUT,
    connection_pool::{ConnectionPool, RequestLimits},
    incomplete_reply::transient,
};

/// The SDK's HTTP client: it sends over a pool of connections and returns only complete replies.
#[derive(Clone, Debug)]
pub struct CompleteBodyClient(pub Arc<ConnectionPool>);

impl HttpClient for CompleteBodyClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let limits = RequestLimits {
            connect: settings.connect_timeout().unwrap_or(CONNECT_TIMEOUT),
            read: settings.read_timeout().unwrap_or(READ_TIMEOUT),
        };
        SharedHttpConnector::new(CompleteBodyConnector { pool: self.0.clone(), limits })
    }
}

#[derive(Debug)]
struct CompleteBodyConnector {
    pool: Arc<ConnectionPool>,
    limits: RequestLimits,
}

impl HttpConnector for CompleteBodyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (pool, limits) = (self.pool.clone(), self.limits);
        HttpConnectorFuture::new(async move {
            let reply = pool.send(request, limits).await?;
            // For other statuses the status alone decides, and the body is only for people.
            if reply.status().is_success()
                && let Some(fault) = incomplete_reason(reply.body())
            {
                return Err(transient(&format!("a reply of status {} that {fault}", reply.status().as_u16())));
            }
            HttpResponse::try_from(reply.map(SdkBody::from)).map_err(|error| transient(&error.to_string()))
        })
    }
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
