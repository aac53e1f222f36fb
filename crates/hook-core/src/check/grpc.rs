//! `grpc:`: the standard health service says SERVING (`grpc.health.v1.Health/Check`).
//!
//! One call with a message of one field each way needs no gRPC library: it is an HTTP/2 request with a frame of five bytes
//! before a message of a few. A call that fails has its status in the headers, or in the trailers after its message.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderValue, TE},
};

use super::{
    Check, Kind, Looking, Probe, Route, Routing, Scene,
    attempts::Attempts,
    health_check::is_in,
    http::told,
    poll::{Look, Pace},
    probe::Request,
    question::Question,
    reply::Reply,
    way::Speaks,
};
use crate::{
    code::Code,
    finding::Observation,
    gate::{Fact, Fields},
};

pub const KIND: Kind = Kind { key: "grpc", read };

/// <https://github.com/grpc/grpc/blob/master/doc/health-checking.md>
const PATH: &str = "/grpc.health.v1.Health/Check";

#[derive(Debug)]
struct Grpc {
    question: Question,
    facts: BTreeSet<Fact>,
    /// The service that is asked about; empty for the server as a whole.
    service: String,
    pace: Pace,
}

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let question = Question::bare(fields, "grpc").map(|question| question.sent_to("POST", PATH));
    let service = fields.text("service").unwrap_or_default();
    let pace = Pace::read(fields, &Pace { every: Duration::from_secs(1), ..Pace::ONCE });
    let facts = fields.facts().clone();
    let question = question?;
    if !question.is_an_address() {
        fields.fault(fields.place_of("grpc"), "`grpc` is an address without a method and a path, such as {{test_url}}");
        return None;
    }
    Some(Arc::new(Grpc { question, facts, service, pace }))
}

impl Check for Grpc {
    fn title(&self) -> String {
        format!("grpc {}", self.question.title())
    }

    fn uses(&self) -> Option<Route> {
        self.question.route()
    }

    fn foreseen(&self, routing: &Routing<'_>) -> Option<Observation> {
        self.question.foreseen(routing)
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let known = scene.known(&self.facts).await;
            let mut request = match self.question.prepare(scene, &known) {
                Ok(request) => request,
                Err(observation) => return observation,
            };
            request.title = format!("gRPC health of {}", request.title.trim_start_matches("GET "));
            if !self.service.is_empty() {
                request.title = format!("{} ({})", request.title.replace("health of", "health at"), self.service);
            }
            request.url.set_path(PATH);
            let mut request = call(request, &self.service);
            let leads = match scene.leads_to_green(self.question.route(), &mut request).await {
                Ok(leads) => leads,
                Err(observation) => return observation,
            };
            let attempts = Attempts::default();
            let attempt = || async { Look::Now(attempts.count(once(&scene.probe, &request, &attempts).await)) };
            let seen = self.pace.watch(scene, attempt).await;
            leads.told(told(&self.question, attempts.reported(seen)))
        })
    }
}

/// The request as a call of gRPC, with the message that the health service takes.
pub(super) fn call(request: Request, service: &str) -> Request {
    let mut call = Request { method: Method::POST, body: Some(asked(service)), ..request };
    call.way.speaks = Speaks::Two;
    call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    call.headers.insert(TE, HeaderValue::from_static("trailers"));
    call
}

/// Makes a call as a load balancer's health check does, which goes by its status. A health service that says that it does not
/// serve is believed all the same.
pub(super) async fn call_health_check(
    probe: &Probe,
    request: &Request,
    codes: &str,
    attempts: &Attempts,
) -> Observation {
    let expected = || format!("grpc-status in {codes}");
    let sent = probe.send(request).await;
    attempts.count_retries(&sent);
    let failed = |code, seen: String| Observation::failed(code, &request.title, expected(), seen);
    attempts.count(match sent {
        Err(trouble) => failed(trouble.code, trouble.words()),
        Ok(reply) if reply.status != 200 => failed(Code::UnexpectedStatus, format!("HTTP status {}", reply.status)),
        Ok(reply) => match status(&reply) {
            Some(0) if is_in(codes, 0) && request.url.path() == PATH => match answer(&reply) {
                Ok("SERVING") => Observation::passed(&request.title, "SERVING, grpc-status 0"),
                Ok(word) => failed(Code::GrpcNotServing, word.to_owned()),
                Err((code, why)) => failed(code, why),
            },
            Some(status) if is_in(codes, status) => {
                Observation::passed(&request.title, format!("answered {}", status_in_words(status)))
            }
            Some(status) => failed(Code::GrpcNotServing, status_in_words(status)),
            None => failed(Code::GrpcNotServing, NO_STATUS.to_owned()),
        },
    })
}

/// A server ends every call with a status. Without it the call did not end, whatever its message says.
const NO_STATUS: &str = "a reply without a grpc-status";

async fn once(probe: &Probe, request: &Request, attempts: &Attempts) -> Observation {
    let failed = |code, seen: String| Observation::failed(code, &request.title, "SERVING", seen);
    let sent = probe.send(request).await;
    attempts.count_retries(&sent);
    match sent {
        Err(trouble) => failed(trouble.code, trouble.words()),
        Ok(reply) => match answer(&reply) {
            Ok("SERVING") => {
                let took = crate::gate::in_words(reply.latency());
                Observation::passed(&request.title, format!("SERVING in {took}"))
            }
            Ok(word) => failed(Code::GrpcNotServing, word.to_owned()),
            Err((code, why)) => failed(code, why),
        },
    }
}

/// HealthCheckRequest in its frame: field 1 is the name of the service, which is left out where it is empty.
fn asked(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(0x0a);
        varint(&mut message, service.len());
        message.extend_from_slice(service.as_bytes());
    }
    // Not compressed, and so long.
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend(message);
    frame
}

fn varint(into: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        into.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

/// How a call ended: in the trailers after its message, or in the headers of a reply without one.
fn status(reply: &Reply) -> Option<u32> {
    let value = reply.trailers.get("grpc-status").or_else(|| reply.headers.get("grpc-status"))?;
    value.to_str().ok()?.trim().parse().ok()
}

fn status_in_words(status: u32) -> String {
    let words = match status {
        5 => " (NOT_FOUND: it knows no such service)",
        12 => " (UNIMPLEMENTED: it has no health service)",
        14 => " (UNAVAILABLE)",
        16 => " (UNAUTHENTICATED)",
        _ => "",
    };
    format!("grpc-status {status}{words}")
}

/// HealthCheckResponse: field 1 is one of four words.
fn answer(reply: &Reply) -> Result<&'static str, (Code, String)> {
    if reply.status != 200 {
        return Err((Code::UnexpectedStatus, format!("HTTP status {}", reply.status)));
    }
    match status(reply) {
        Some(0) => {}
        Some(status) => return Err((Code::GrpcNotServing, status_in_words(status))),
        None => return Err((Code::GrpcNotServing, NO_STATUS.to_owned())),
    }
    let word = match &reply.body[..] {
        // A message without its field has that field's first word.
        [0, 0, 0, 0, 0] | [0, 0, 0, 0, 2, 0x08, 0] => "UNKNOWN",
        [0, 0, 0, 0, 2, 0x08, 1] => "SERVING",
        [0, 0, 0, 0, 2, 0x08, 2] => "NOT_SERVING",
        [0, 0, 0, 0, 2, 0x08, 3] => "SERVICE_UNKNOWN",
        _ => return Err((Code::UnexpectedBody, "no answer of the health service".to_owned())),
    };
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_frame_around_a_name() {
        assert_eq!(asked(""), [0, 0, 0, 0, 0]);
        assert_eq!(asked("shop"), [0, 0, 0, 0, 6, 0x0a, 4, b's', b'h', b'o', b'p']);
        let long = asked(&"x".repeat(200));
        assert_eq!(long[..8], [0, 0, 0, 0, 203, 0x0a, 0xc8, 1]);
    }
}
