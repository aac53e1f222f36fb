//! Requests, responses, and responses that are faulty on purpose.

use hyper::{HeaderMap, Response, StatusCode, body::Bytes, header};

/// A request that has been read completely.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    /// The value of a header; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A body that is completely in memory.
pub(crate) type FullBody = http_body_util::Full<Bytes>;

/// A response and the way in which it is sent.
#[derive(Clone, Debug)]
pub(crate) enum FaultyResponse {
    /// A correct response.
    Complete(Response<FullBody>),
    /// A response that is sent correctly but has a corrupt body.
    Corrupt(Response<FullBody>),
    /// The head and the first half of the body, and then the end of the connection.
    Truncated(Response<FullBody>),
    /// The head, byte by byte.
    SlowHead(Response<FullBody>),
    /// The head at once and the body byte by byte.
    SlowBody(Response<FullBody>),
    /// The response, and then its last byte repeated.
    Endless(Response<FullBody>),
    /// No response; the connection is closed.
    Closed,
    /// No response; the connection is reset.
    Reset,
    /// No response; the connection is closed, and nothing listens on the port for a moment.
    Refused,
    /// No response, for as long as the client waits.
    NoResponse,
}

impl FaultyResponse {
    /// Whether its reader has every reason to believe that the request succeeded.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Complete(response) if response.status().is_success())
    }
}

impl From<Response<FullBody>> for FaultyResponse {
    fn from(response: Response<FullBody>) -> Self {
        Self::Complete(response)
    }
}

/// `None` closes the connection without a response.
impl From<Option<Response<FullBody>>> for FaultyResponse {
    fn from(response: Option<Response<FullBody>>) -> Self {
        response.map_or(Self::Closed, Self::Complete)
    }
}

/// Creates a response with a content type. An empty content type means no header.
pub(crate) fn http_response(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<FullBody> {
    let mut response = Response::new(FullBody::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !content_type.is_empty() {
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    }
    response
}
