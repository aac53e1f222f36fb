//! Fault injection: what a caller gets in place of the operation's response.

use http_body_util::BodyExt;
use hyper::Response;
use serde_json::json;

use crate::{
    fake_aws::protocol::{ApiError, AwsProtocol, Call, OperationResult, response},
    http::{FaultyResponse, FullBody, http_response},
    scenario::{FaultKind, FaultTiming, InjectedFault, STALL},
};

/// Injects a fault into a call, before or after the operation takes effect. `execute` executes the operation.
pub(crate) async fn inject(
    call: &Call,
    fault: &InjectedFault,
    execute: impl Fn() -> OperationResult,
) -> FaultyResponse {
    let done = match fault.timing {
        FaultTiming::Before => None,
        FaultTiming::After => Some(execute()),
    };
    let written = |done: Option<OperationResult>| response::write(call, done.unwrap_or_else(placeholder_response));
    match fault.kind {
        FaultKind::Throttle | FaultKind::Deny | FaultKind::Fail | FaultKind::Unavailable => {
            response::write(call, Err(call.protocol.error_for(fault.kind))).into()
        }
        FaultKind::Stall => {
            tokio::time::sleep(STALL).await;
            // A complete response must be true, so the operation must be executed.
            response::write(call, done.unwrap_or_else(execute)).into()
        }
        FaultKind::Malform => FaultyResponse::Corrupt(truncate(written(done)).await),
        FaultKind::WrongType => FaultyResponse::Corrupt(http_response(200, "text/html", PROXY_PAGE)),
        FaultKind::ForeignJson => FaultyResponse::Corrupt(http_response(200, "application/json", FOREIGN_JSON)),
        FaultKind::Truncate => FaultyResponse::Truncated(written(done)),
        FaultKind::SlowHeaders => FaultyResponse::SlowHead(written(done)),
        FaultKind::SlowBody => FaultyResponse::SlowBody(written(done)),
        FaultKind::Huge => FaultyResponse::Endless(response::endless_prefix(call)),
        FaultKind::HangUp => FaultyResponse::Closed,
        FaultKind::Reset => FaultyResponse::Reset,
        FaultKind::Refuse => FaultyResponse::Refused,
        FaultKind::BlackHole => FaultyResponse::NoResponse,
    }
}

/// The response of an operation that was not executed. Only a part of it is sent, or nothing that a client can read. It
/// is not empty, because half of an empty document would be a good response in some protocols.
fn placeholder_response() -> OperationResult {
    Ok(json!({ "requestId": response::REQUEST_ID }))
}

/// Cuts a document in half. Its length header matches what is sent.
async fn truncate(response: Response<FullBody>) -> Response<FullBody> {
    let (head, body) = response.into_parts();
    // Reading a body from memory cannot fail.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Response::from_parts(head, FullBody::new(body.slice(..body.len() / 2)))
}

/// A proxy's page, which is sent with the status of a successful response.
const PROXY_PAGE: &str =
    "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in to go on</h1></body></html>\n";

/// The response of an intermediary that treats every request as its own.
const FOREIGN_JSON: &str = r#"{"message":"ok"}"#;

impl AwsProtocol {
    /// The error with which AWS refuses a request.
    fn error_for(self, trouble: FaultKind) -> ApiError {
        let (code, message, status) = match (trouble, self) {
            (FaultKind::Throttle, Self::Query) => ("Throttling", "Rate exceeded", 400),
            (FaultKind::Throttle, Self::Ec2) => ("RequestLimitExceeded", "Request limit exceeded.", 503),
            (FaultKind::Throttle, Self::RestJson) => ("TooManyRequestsException", "Rate exceeded", 429),
            (FaultKind::Deny, Self::Ec2) => ("UnauthorizedOperation", DENIED, 403),
            (FaultKind::Deny, Self::RestJson) => ("AccessDeniedException", DENIED, 403),
            (FaultKind::Throttle, _) => ("ThrottlingException", "Rate exceeded", 400),
            (FaultKind::Deny, Self::Query | Self::Cbor) => ("AccessDenied", DENIED, 403),
            (FaultKind::Deny, _) => ("AccessDeniedException", DENIED, 400),
            (FaultKind::Unavailable, _) => {
                ("ServiceUnavailable", "The request has failed due to a temporary failure of the server.", 503)
            }
            _ => ("InternalFailure", "The request processing has failed because of an unknown error.", 500),
        };
        ApiError { code, message: message.to_owned(), status }
    }
}

const DENIED: &str = "User: arn:aws:sts::111122223333:assumed-role/CodeDeployHook/rehearsal is not authorized to perform this \
                      action because no identity-based policy allows it";
