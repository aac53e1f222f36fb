//! Calls that go wrong: what comes back in place of the answer.

use http_body_util::BodyExt;
use hyper::Response;
use serde_json::json;

use super::{
    Answer, Cloud, Problem,
    ledger::Entry,
    wire::{self, Call, Protocol},
};
use crate::{
    exchange::{Full, Reply, reply},
    fault::{Effect, Fault, STALL, Trouble},
};

impl Cloud {
    /// Lets a call go wrong, before it takes effect or after.
    pub(super) async fn strike(&self, call: &Call, fault: &Fault, entry: &Entry) -> Reply {
        let done = match fault.effect {
            Effect::Before => None,
            Effect::After => Some(self.handle(call, entry)),
        };
        let written = |done: Option<Answer>| wire::write(call, done.unwrap_or_else(made_up));
        match fault.trouble {
            Trouble::Throttle | Trouble::Deny | Trouble::Fail | Trouble::Unavailable => {
                wire::write(call, Err(call.protocol.refusal(fault.trouble))).into()
            }
            Trouble::Stall => {
                tokio::time::sleep(STALL).await;
                // What comes back whole has to be true.
                wire::write(call, done.unwrap_or_else(|| self.handle(call, entry))).into()
            }
            Trouble::Malform => Reply::Damaged(half(written(done)).await),
            Trouble::WrongType => Reply::Damaged(reply(200, "text/html", PAGE)),
            Trouble::ForeignJson => Reply::Damaged(reply(200, "application/json", FOREIGN)),
            Trouble::Truncate => Reply::Cut(written(done)),
            Trouble::SlowHeaders => Reply::SlowHead(written(done)),
            Trouble::SlowBody => Reply::SlowBody(written(done)),
            Trouble::Huge => Reply::Endless(wire::beginning(call)),
            Trouble::HangUp => Reply::HungUp,
            Trouble::Reset => Reply::Reset,
            Trouble::Refuse => Reply::Refused,
            Trouble::BlackHole => Reply::Silence,
        }
    }
}

/// The answer of an operation that was not done, of which only a part or nothing readable goes out. It is not empty: half
/// of nothing would be a good answer in some protocols.
fn made_up() -> Answer {
    Ok(json!({ "requestId": wire::REQUEST_ID }))
}

/// A document that ends in its middle, whole by its length.
async fn half(response: Response<Full>) -> Response<Full> {
    let (head, body) = response.into_parts();
    // A body that is in memory cannot fail.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Response::from_parts(head, Full::new(body.slice(..body.len() / 2)))
}

/// What a proxy on the way says, with the status of a good answer.
const PAGE: &str =
    "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in to go on</h1></body></html>\n";

/// What something on the way says that takes every request for its own.
const FOREIGN: &str = r#"{"message":"ok"}"#;

impl Protocol {
    /// What AWS says when it does not do what it is asked.
    fn refusal(self, trouble: Trouble) -> Problem {
        let (code, message, status) = match (trouble, self) {
            (Trouble::Throttle, Self::Query) => ("Throttling", "Rate exceeded", 400),
            (Trouble::Throttle, Self::Ec2) => ("RequestLimitExceeded", "Request limit exceeded.", 503),
            (Trouble::Throttle, Self::RestJson) => ("TooManyRequestsException", "Rate exceeded", 429),
            (Trouble::Deny, Self::Ec2) => ("UnauthorizedOperation", DENIED, 403),
            (Trouble::Deny, Self::RestJson) => ("AccessDeniedException", DENIED, 403),
            (Trouble::Throttle, _) => ("ThrottlingException", "Rate exceeded", 400),
            (Trouble::Deny, Self::Query | Self::Cbor) => ("AccessDenied", DENIED, 403),
            (Trouble::Deny, _) => ("AccessDeniedException", DENIED, 400),
            (Trouble::Unavailable, _) => {
                ("ServiceUnavailable", "The request has failed due to a temporary failure of the server.", 503)
            }
            _ => ("InternalFailure", "The request processing has failed because of an unknown error.", 500),
        };
        Problem { code, message: message.to_owned(), status }
    }
}

const DENIED: &str = "User: arn:aws:sts::111122223333:assumed-role/CodeDeployHook/rehearsal is not authorized to perform this \
                      action because no identity-based policy allows it";
