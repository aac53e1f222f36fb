//! `grpc:`: the standard health service reports SERVING (`grpc.health.v1.Health/Check`).
//!
//! One call with a message of one field each way does not need a gRPC library: it is an HTTP/2 request with a frame
//! header of five bytes before a message of a few. A failed call has its status in the headers, or in the trailers
//! after its message.

use gate::{
    ReasonCode,
    kinds::{GrpcSpec, HEALTH_CHECK_PATH},
};
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderValue, TE},
};

use super::{
    CheckContext, HttpClient, Routing,
    attempt_counter::AttemptCounter,
    connection::HttpVersion,
    health_check_method::codes_include,
    http::mark_unverified,
    http_client::HttpRequest,
    poll::{Attempt, poll},
    request_template,
    response::HttpResponse,
};
use crate::finding::Observation;

pub fn predict_failure(spec: &GrpcSpec, routing: &Routing<'_>) -> Option<Observation> {
    request_template::predict_failure(&spec.request_template, routing)
}

pub async fn run(spec: &GrpcSpec, cx: &CheckContext) -> Observation {
    let known = cx.resolve_facts(&spec.facts).await;
    let mut request = match request_template::render(&spec.request_template, cx, &known) {
        Ok(request) => request,
        Err(observation) => return observation,
    };
    let service = if spec.service.is_empty() { String::new() } else { format!(" (service {})", spec.service) };
    request.title = format!("gRPC health check of {}{service}", request.title.trim_start_matches("GET "));
    request.url.set_path(HEALTH_CHECK_PATH);
    let mut request = to_grpc_request(request, &spec.service);
    let rule_outcome = match cx.check_leads_to_green(spec.request_template.route(), &mut request).await {
        Ok(leads) => leads,
        Err(observation) => return observation,
    };
    let attempts = AttemptCounter::default();
    let attempt =
        || async { Attempt::Retryable(attempts.record(check_once(&cx.http_client, &request, &attempts).await)) };
    let seen = poll(&spec.poll_policy, cx, attempt).await;
    rule_outcome.add_to(mark_unverified(&spec.request_template, attempts.with_attempt_counts(seen)))
}

/// Turns the request into a gRPC call with the health service's message.
pub(super) fn to_grpc_request(request: HttpRequest, service: &str) -> HttpRequest {
    let mut call = HttpRequest { method: Method::POST, body: Some(encode_request(service)), ..request };
    call.connection.http_version = HttpVersion::Http2;
    call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    call.headers.insert(TE, HeaderValue::from_static("trailers"));
    call
}

/// Makes a call like a load balancer's health check, which decides by the gRPC status. If a health service itself
/// reports that it does not serve, the check fails too.
pub(super) async fn run_target_group_health_check(
    http_client: &HttpClient,
    request: &HttpRequest,
    codes: &str,
    attempts: &AttemptCounter,
) -> Observation {
    let checks_service = request.url.path() == HEALTH_CHECK_PATH && codes_include(codes, 0);
    let operator = if codes.contains([',', '-']) { "in " } else { "" };
    let serving = if checks_service { " and SERVING" } else { "" };
    let expected = || format!("grpc-status {operator}{codes}{serving}");
    let sent = http_client.send(request).await;
    attempts.record_retries(&sent);
    let failed = |code, seen: String| Observation::failed(code, &request.title, expected(), seen);
    attempts.record(match sent {
        Err(transport_error) => transport_error.observe(&request.title, expected()),
        Ok(response) if response.status != 200 => {
            failed(ReasonCode::UnexpectedStatus, format!("HTTP status {}", response.status))
        }
        Ok(reply) => match grpc_status(&reply) {
            Some(0) if checks_service => match decode_response(&reply) {
                Ok("SERVING") => Observation::passed(&request.title, "SERVING, grpc-status 0"),
                Ok(word) => failed(ReasonCode::GrpcNotServing, word.to_owned()),
                Err((code, why)) => failed(code, why),
            },
            Some(status) if codes_include(codes, status) => {
                Observation::passed(&request.title, format!("returned {}", describe_status(status)))
            }
            Some(status) => failed(ReasonCode::GrpcNotServing, describe_status(status)),
            None => failed(ReasonCode::GrpcNotServing, NO_STATUS.to_owned()),
        },
    })
}

/// A server ends every call with a status. Without it the call did not end, whatever its message says.
const NO_STATUS: &str = "a response without a grpc-status";

async fn check_once(http_client: &HttpClient, request: &HttpRequest, attempts: &AttemptCounter) -> Observation {
    let failed = |code, seen: String| Observation::failed(code, &request.title, "SERVING", seen);
    let sent = http_client.send(request).await;
    attempts.record_retries(&sent);
    match sent {
        Err(transport_error) => transport_error.observe(&request.title, "SERVING"),
        Ok(response) => match decode_response(&response) {
            Ok("SERVING") => {
                let took = gate::format_duration(response.latency());
                Observation::passed(&request.title, format!("SERVING in {took}"))
            }
            Ok(word) => failed(ReasonCode::GrpcNotServing, word.to_owned()),
            Err((code, why)) => failed(code, why),
        },
    }
}

/// A framed HealthCheckRequest. Field 1 is the name of the service, and is omitted if it is empty.
fn encode_request(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(0x0a);
        write_varint(&mut message, service.len());
        message.extend_from_slice(service.as_bytes());
    }
    // The frame header: not compressed, and the length.
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend(message);
    frame
}

fn write_varint(into: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        into.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

/// The gRPC status of a call: in the trailers after its message, or in the headers of a response without one.
fn grpc_status(response: &HttpResponse) -> Option<u32> {
    let value = response.trailers.get("grpc-status").or_else(|| response.headers.get("grpc-status"))?;
    value.to_str().ok()?.trim().parse().ok()
}

fn describe_status(status: u32) -> String {
    let words = match status {
        2 => " (UNKNOWN)",
        4 => " (DEADLINE_EXCEEDED)",
        5 => " (NOT_FOUND: the server does not know this service)",
        7 => " (PERMISSION_DENIED)",
        12 => " (UNIMPLEMENTED: the server does not have this method)",
        13 => " (INTERNAL)",
        14 => " (UNAVAILABLE)",
        16 => " (UNAUTHENTICATED)",
        _ => "",
    };
    format!("grpc-status {status}{words}")
}

/// A HealthCheckResponse: field 1 is one of four words.
fn decode_response(response: &HttpResponse) -> Result<&'static str, (ReasonCode, String)> {
    if response.status != 200 {
        return Err((ReasonCode::UnexpectedStatus, format!("HTTP status {}", response.status)));
    }
    match grpc_status(response) {
        Some(0) => {}
        Some(status) => return Err((ReasonCode::GrpcNotServing, describe_status(status))),
        None => return Err((ReasonCode::GrpcNotServing, NO_STATUS.to_owned())),
    }
    let word = match &response.body[..] {
        // A message without the field has the field's first word.
        [0, 0, 0, 0, 0] | [0, 0, 0, 0, 2, 0x08, 0] => "UNKNOWN",
        [0, 0, 0, 0, 2, 0x08, 1] => "SERVING",
        [0, 0, 0, 0, 2, 0x08, 2] => "NOT_SERVING",
        [0, 0, 0, 0, 2, 0x08, 3] => "SERVICE_UNKNOWN",
        _ => {
            return Err((ReasonCode::UnexpectedBody, "a body that is not a response of the health service".to_owned()));
        }
    };
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_frame_around_a_name() {
        assert_eq!(encode_request(""), [0, 0, 0, 0, 0]);
        assert_eq!(encode_request("shop"), [0, 0, 0, 0, 6, 0x0a, 4, b's', b'h', b'o', b'p']);
        let long = encode_request(&"x".repeat(200));
        assert_eq!(long[..8], [0, 0, 0, 0, 203, 0x0a, 0xc8, 1]);
    }
}
