//! Why no complete response came back, for every way to fail.

use std::{fmt, io, time::Duration};

use gate::{ReasonCode, format_duration};

use super::{egress::NotAllowed, tls};
use crate::finding::Observation;

const NOT_HTTP_HINT: &str = "check the port and the protocol of the service";

/// Why no complete response came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    pub code: ReasonCode,
    /// The transport's own message.
    pub detail: String,
    pub attempts: u32,
    /// What to do, if the hint of the code does not fit.
    pub(super) hint: Option<&'static str>,
    /// What came in place of a response, if the code does not say it.
    pub(super) what: Option<&'static str>,
    /// The status of the response whose body was incomplete.
    pub(super) response_status: Option<u16>,
}

impl TransportError {
    pub(super) const fn new(code: ReasonCode, detail: String) -> Self {
        Self { code, detail, attempts: 1, hint: None, what: None, response_status: None }
    }

    /// The certificate authorities to trust cannot be read, so there was no handshake.
    pub(super) fn invalid_roots(detail: String) -> Self {
        let (hint, what) = (Some(tls::INVALID_ROOTS_HINT), Some("no TLS handshake"));
        Self { hint, what, ..Self::new(ReasonCode::TlsFailed, detail) }
    }

    /// The service speaks another protocol.
    fn not_http() -> Self {
        let (hint, what) = (Some(NOT_HTTP_HINT), Some("a response that is not HTTP"));
        Self { hint, what, ..Self::new(ReasonCode::RequestFailed, String::new()) }
    }

    /// A failed TLS handshake.
    pub(super) fn handshake(error: &rustls::Error) -> Self {
        let (detail, hint) = tls::describe_error(error);
        Self { hint, ..Self::new(ReasonCode::TlsFailed, detail) }
    }

    pub(super) fn not_allowed(refused: NotAllowed) -> Self {
        Self::new(ReasonCode::HostNotAllowed, refused.0)
    }

    /// The failed observation of a check that got no response.
    pub fn observe(&self, resource: impl Into<String>, expected: impl Into<String>) -> Observation {
        Observation::failed(self.code, resource, expected, self.describe()).with_hint(self.hint)
    }

    /// Whether another attempt can help. A certificate error stays, and so does a host that is not allowed.
    pub(super) const fn is_retryable(&self) -> bool {
        !matches!(self.code, ReasonCode::TlsFailed | ReasonCode::RuleLeadsElsewhere | ReasonCode::HostNotAllowed)
    }

    /// What was observed, for the end of a sentence: `was a refused connection`.
    pub fn describe(&self) -> String {
        let description = self.describe_attempt();
        if self.attempts > 1 { format!("{description} in each of {} attempts", self.attempts) } else { description }
    }

    /// The same for a single attempt.
    pub fn describe_attempt(&self) -> String {
        if let Some(status) = self.response_status {
            let body = format!("a response with status {status} whose body");
            return match (self.code, self.detail.as_str()) {
                (ReasonCode::ConnectionReset, _) => format!("{body} was cut off"),
                (ReasonCode::ReadTimedOut, span) => format!("{body} was not complete {span}"),
                (_, detail) => format!("{body} could not be read ({detail})"),
            };
        }
        let by_code = match self.code {
            ReasonCode::NameNotResolved => return format!("a name that does not resolve: {}", self.detail),
            ReasonCode::ConnectTimedOut => "no connection",
            ReasonCode::ConnectRefused => "a refused connection",
            ReasonCode::ConnectionReset => "a connection that was closed without a response",
            ReasonCode::ReadTimedOut => "no response",
            ReasonCode::TlsFailed => "a failed TLS handshake",
            ReasonCode::RuleLeadsElsewhere => "a redirect to another service",
            ReasonCode::HostNotAllowed => "a host that checks cannot contact",
            _ => "a failed request",
        };
        let what = self.what.unwrap_or(by_code);
        match (self.code, self.detail.as_str()) {
            // For these two the text says everything.
            (_, "") | (ReasonCode::ConnectRefused | ReasonCode::ConnectionReset, _) => what.to_owned(),
            (ReasonCode::ReadTimedOut | ReasonCode::ConnectTimedOut, span) if span.starts_with("within") => {
                format!("{what} {span}")
            }
            (_, detail) => format!("{what} ({detail})"),
        }
    }
}

/// A host name without an address.
#[derive(Debug)]
pub(super) struct NotResolved(pub(super) String);

impl fmt::Display for NotResolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotResolved {}

/// Classifies a failed request by its causes, from the outermost to the innermost.
pub(super) fn classify_error(error: reqwest::Error, connect: Duration) -> TransportError {
    // The error's own message would contain the whole URL.
    let error = error.without_url();
    let mut innermost = String::new();
    let mut code = None;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        innermost = error.to_string();
        if error.is::<NotResolved>() {
            code = Some(ReasonCode::NameNotResolved);
        } else if error.is::<NotAllowed>() {
            code = Some(ReasonCode::HostNotAllowed);
        } else if let Some(tls_error) = error.downcast_ref::<rustls::Error>() {
            return TransportError::handshake(tls_error);
        } else if let Some(io) = error.downcast_ref::<io::Error>() {
            code = match io.kind() {
                io::ErrorKind::ConnectionRefused => Some(ReasonCode::ConnectRefused),
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionAborted => Some(ReasonCode::ConnectionReset),
                io::ErrorKind::TimedOut => code.or(Some(ReasonCode::ConnectTimedOut)),
                _ => code,
            };
        }
        cause = cause_of(error);
    }
    let code = code.unwrap_or_else(|| match () {
        () if error.is_connect() && error.is_timeout() => ReasonCode::ConnectTimedOut,
        () if error.is_timeout() => ReasonCode::ReadTimedOut,
        // The connection ended before the response did.
        () if !error.is_connect() && (innermost.contains("closed") || innermost.contains("incomplete")) => {
            ReasonCode::ConnectionReset
        }
        () => ReasonCode::RequestFailed,
    });
    // The messages of the HTTP library about a response line that it cannot read.
    if code == ReasonCode::RequestFailed && innermost.starts_with("invalid HTTP") {
        return TransportError::not_http();
    }
    // The message of a connect timeout depends on what timed out first.
    let detail =
        if code == ReasonCode::ConnectTimedOut { format!("within {}", format_duration(connect)) } else { innermost };
    TransportError::new(code, detail)
}

/// The cause of an error. An `io::Error` hides the error that it wraps: its `source` is already the next one.
fn cause_of<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a (dyn std::error::Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
