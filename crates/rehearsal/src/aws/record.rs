//! What went over the wire, kept for whoever wants to compare it with AWS's own service models.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use serde::{Serialize, Serializer};

use crate::{
    function_name::FunctionName,
    http_server::{FaultyResponse, Request},
};

/// A request that an AWS client sent, and the reply that it got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// `service:Operation`, as [`Report::calls`](crate::Report::calls) counts it.
    pub operation: String,
    /// Whose role signed it; none, if that is no function of the rehearsal's.
    pub by: Option<FunctionName>,
    /// What came.
    pub request: SentRequest,
    /// What went back; none when nothing did.
    pub reply: Option<SentReply>,
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentRequest {
    /// The method.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, base64 in JSON.
    #[serde(serialize_with = "base64")]
    pub body: Vec<u8>,
}

/// A reply as it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentReply {
    /// The HTTP status.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, base64 in JSON.
    #[serde(serialize_with = "base64")]
    pub body: Vec<u8>,
    /// A fault of the scenario damaged it on purpose, or did not let it come whole.
    pub damaged: bool,
}

/// Keeps every exchange with the AWS that is played. Clones keep into the same place.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<Exchange>>>);

impl Recorder {
    /// The exchanges so far, in the order in which their replies were ready.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The exchanges since this was last asked, which are then forgotten.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) async fn record(&self, operation: String, request: SentRequest, reply: &FaultyResponse) {
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
                // A body that is in memory cannot fail.
                let body = response.body().clone().collect().await.map(|body| body.to_bytes().to_vec());
                let (status, headers) = (response.status().as_u16(), headers(response.headers()));
                Some(SentReply { status, headers, body: body.unwrap_or_default(), damaged })
            }
        };
        let by = request.headers.get("authorization").and_then(|header| FunctionName::from_authorization(header));
        let exchange = Exchange { operation, by, request, reply };
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
