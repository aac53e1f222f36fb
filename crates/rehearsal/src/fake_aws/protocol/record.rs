//! Records what is sent over the wire, so that a test can compare it with AWS's service models.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use serde::{Serialize, Serializer};

use crate::{
    http::{FaultyResponse, Request},
    lambda::FunctionName,
};

/// A request that an AWS client sent, and the reply that it got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// `service:Operation`, as [`Report::calls`](crate::Report::calls) counts it.
    pub operation: String,
    /// The function whose role signed it. `None` if the caller is not a function of the rehearsal.
    pub by: Option<FunctionName>,
    /// Whether the operation is simulated here.
    pub is_simulated: bool,
    /// The request as it was received.
    pub request: SentRequest,
    /// The reply as it was sent. `None` if nothing was sent.
    pub reply: Option<SentReply>,
}

/// A request as it was received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentRequest {
    /// The HTTP method.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, base64 in JSON.
    #[serde(serialize_with = "base64")]
    pub body: Vec<u8>,
}

/// A reply as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentReply {
    /// The HTTP status.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, base64 in JSON.
    #[serde(serialize_with = "base64")]
    pub body: Vec<u8>,
    /// Whether a fault of the scenario damaged the reply or cut it off on purpose.
    pub damaged: bool,
}

/// Keeps every exchange with the fake AWS. Clones share one list.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<Exchange>>>);

impl Recorder {
    /// Returns the exchanges so far, in the order in which their replies were ready.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Removes and returns the exchanges since the last call.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) async fn record(
        &self,
        operation: String,
        is_simulated: bool,
        request: SentRequest,
        reply: &FaultyResponse,
    ) {
        let (response, damaged) = match reply {
            FaultyResponse::Complete(response) => (Some(response), false),
            FaultyResponse::Corrupt(response)
            | FaultyResponse::Truncated(response)
            | FaultyResponse::SlowHead(response)
            | FaultyResponse::SlowBody(response)
            | FaultyResponse::Endless(response) => (Some(response), true),
            FaultyResponse::Closed | FaultyResponse::Reset | FaultyResponse::Refused | FaultyResponse::NoResponse => {
                (None, true)
            }
        };
        let reply = match response {
            None => None,
            Some(response) => {
                // Reading a body from memory cannot fail.
                let body = response.body().clone().collect().await.map(|body| body.to_bytes().to_vec());
                let (status, headers) = (response.status().as_u16(), headers(response.headers()));
                Some(SentReply { status, headers, body: body.unwrap_or_default(), damaged })
            }
        };
        let by = request.headers.get("authorization").and_then(|header| FunctionName::from_authorization(header));
        let exchange = Exchange { operation, by, is_simulated, request, reply };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
    }
}

impl From<&Request> for SentRequest {
    fn from(request: &Request) -> Self {
        Self {
            method: request.method.clone(),
            path: request.path.clone(),
            headers: headers(&request.headers),
            body: request.body.to_vec(),
        }
    }
}

fn headers(from: &HeaderMap) -> BTreeMap<String, String> {
    from.iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

fn base64<S: Serializer>(body: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&BASE64_STANDARD.encode(body))
}
