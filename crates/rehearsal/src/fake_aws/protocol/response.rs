//! Writes a response in any of AWS's protocols.

use std::time::{Duration, SystemTime};

use hyper::{
    Response,
    header::{HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{
        ApiError, AwsProtocol, Call, OperationResult,
        call::{EC2, VERSIONS, not_simulated},
        without_nulls,
    },
    http::{FullBody, http_response},
    world::digest_of,
};

/// This service once supported only awsQuery. In its newer protocols it sends the older error code in a header.
const QUERY_COMPATIBLE: &str = "cloudwatch";

/// Writes the response to a call.
pub(crate) fn write(call: &Call, answer: OperationResult) -> Response<FullBody> {
    let status = answer.as_ref().map_or_else(|problem| problem.status, |_| 200);
    let older =
        answer.as_ref().err().filter(|_| call.service == QUERY_COMPATIBLE && call.protocol != AwsProtocol::Query);
    let older = older.map(|problem| format!("{};{}", problem.code, problem.fault_side()));
    let body = match call.protocol {
        AwsProtocol::Json(_) => json_body(answer),
        AwsProtocol::Query => xml_body(call, answer).into_bytes(),
        AwsProtocol::Ec2 => ec2_body(call, answer).into_bytes(),
        AwsProtocol::RestJson => return rest_json(answer),
        AwsProtocol::Cbor => cbor_body(&call.service, answer),
        AwsProtocol::Rest => rest_body(answer),
    };
    // S3 sends an ETag, which is derived from the content, with every object.
    let tag = (call.protocol == AwsProtocol::Rest && status == 200).then(|| digest_of(&String::from_utf8_lossy(&body)));
    let mut response = response_with_headers(call.protocol, status, body);
    if let Some(Ok(tag)) = tag.map(|tag| HeaderValue::try_from(format!("\"{}\"", tag.trim_start_matches("sha256:")))) {
        response.headers_mut().insert(HeaderName::from_static("etag"), tag);
    }
    if let Some(Ok(code)) = older.map(HeaderValue::try_from) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-query-error"), code);
    }
    response
}

/// The beginning of a successful response that stays valid however often its last byte is repeated.
pub(crate) fn endless_prefix(call: &Call) -> Response<FullBody> {
    let body = match call.protocol {
        AwsProtocol::Json(_) => br#"{"padding":"a"#.to_vec(),
        AwsProtocol::Query => format!("<{0}Response><{0}Result><Padding>a", call.operation).into_bytes(),
        // A map and a text string, both of indefinite length. The string is sent in chunks, and the first byte of each
        // chunk gives its length. The length byte for a chunk of one byte is the letter `a`, so a row of this letter is
        // a row of chunks.
        AwsProtocol::Cbor => b"\xbf\x67padding\x7fa".to_vec(),
        AwsProtocol::Ec2 => format!("<{0}Response><padding>a", call.operation).into_bytes(),
        AwsProtocol::RestJson => br#"{"padding":"a"#.to_vec(),
        AwsProtocol::Rest => b"a".to_vec(),
    };
    response_with_headers(call.protocol, 200, body)
}

/// A response with the headers of its protocol.
fn response_with_headers(protocol: AwsProtocol, status: u16, body: Vec<u8>) -> Response<FullBody> {
    let content_type = match protocol {
        AwsProtocol::Json(content_type) => content_type,
        AwsProtocol::Query => "text/xml",
        AwsProtocol::Ec2 => "text/xml;charset=UTF-8",
        AwsProtocol::RestJson => "application/json",
        AwsProtocol::Cbor => "application/cbor",
        AwsProtocol::Rest if status == 200 => "binary/octet-stream",
        AwsProtocol::Rest => "application/xml",
    };
    let mut response = http_response(status, content_type, body);
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-amzn-requestid"), HeaderValue::from_static(REQUEST_ID));
    if protocol == AwsProtocol::Cbor {
        headers.insert(HeaderName::from_static("smithy-protocol"), HeaderValue::from_static("rpc-v2-cbor"));
    }
    response
}

/// The response to a request that names no operation.
pub(crate) fn unknown_request(name: &str) -> Response<FullBody> {
    let message = not_simulated(name);
    let message = quick_xml::escape::escape(&message);
    let code = "UnknownOperationException";
    http_response(404, "application/xml", format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>\n"))
}

pub(crate) const REQUEST_ID: &str = "7d4f1c2a-0b5e-4c58-9d3a-6a2f8f1e9b10";

fn json_body(answer: OperationResult) -> Vec<u8> {
    let value = answer.unwrap_or_else(|ApiError { code, message, .. }| json!({ "__type": code, "message": message }));
    value.to_string().into_bytes()
}

/// An object, or an error. S3's errors have no XML namespace.
fn rest_body(answer: OperationResult) -> Vec<u8> {
    match answer {
        Ok(Value::String(object)) => object.into_bytes(),
        Ok(other) => other.to_string().into_bytes(),
        Err(ApiError { code, message, .. }) => {
            let message = quick_xml::escape::escape(&message);
            format!("<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{REQUEST_ID}</RequestId></Error>")
                .into_bytes()
        }
    }
}

fn xml_body(call: &Call, answer: OperationResult) -> String {
    let operation = &call.operation;
    let namespace =
        VERSIONS.iter().find(|(_, service, _)| *service == call.service).map_or("", |(_, _, namespace)| namespace);
    let mut xml = String::new();
    match answer {
        Ok(output) => {
            xml += &format!("<{operation}Response xmlns=\"{namespace}\"><{operation}Result>");
            elements(&mut xml, "", &output, "member");
            xml += &format!(
                "</{operation}Result><ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></{operation}Response>"
            );
        }
        Err(problem) => {
            let (blame, code) = (problem.fault_side(), problem.code);
            let message = quick_xml::escape::escape(&problem.message);
            xml += &format!(
                "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{blame}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                 <RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
            );
        }
    }
    xml
}

/// Like awsQuery, but list elements are called `item`, there is no result element, and errors have no type.
fn ec2_body(call: &Call, answer: OperationResult) -> String {
    match answer {
        Ok(output) => {
            let operation = &call.operation;
            let namespace = VERSIONS.iter().find(|(_, service, _)| *service == EC2).map_or("", |it| it.2);
            let mut xml = format!("<{operation}Response xmlns=\"{namespace}\"><requestId>{REQUEST_ID}</requestId>");
            elements(&mut xml, "", &output, "item");
            xml + &format!("</{operation}Response>")
        }
        Err(ApiError { code, message, .. }) => {
            let message = quick_xml::escape::escape(&message);
            format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
                 <RequestID>{REQUEST_ID}</RequestID></Response>"
            )
        }
    }
}

/// The output as JSON. The code of an error is in a header.
fn rest_json(answer: OperationResult) -> Response<FullBody> {
    match answer {
        Ok(output) => response_with_headers(AwsProtocol::RestJson, 200, output.to_string().into_bytes()),
        Err(problem) => {
            // Errors that are common to all services are not shapes of Lambda's model, and have no `Type`.
            let kind = matches!(problem.status, 404 | 429).then_some("User");
            let body = without_nulls(json!({ "Type": kind, "Message": problem.message }));
            let mut response =
                response_with_headers(AwsProtocol::RestJson, problem.status, body.to_string().into_bytes());
            let code = HeaderValue::from_static(problem.code);
            response.headers_mut().insert(HeaderName::from_static("x-amzn-errortype"), code);
            response
        }
    }
}

/// Writes the members of an object, or the items of a list, as XML elements.
fn elements(xml: &mut String, name: &str, value: &Value, item: &str) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| element(xml, name, value, item)),
        Value::Array(items) => items.iter().for_each(|value| element(xml, item, value, item)),
        Value::String(text) => *xml += &quick_xml::escape::escape(text),
        Value::Null => {}
        Value::Number(number) if is_time(name) => {
            let since = Duration::try_from_secs_f64(number.as_f64().unwrap_or_default()).unwrap_or_default();
            *xml += &humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + since).to_string();
        }
        other => *xml += &other.to_string(),
    }
}

fn element(xml: &mut String, name: &str, value: &Value, item: &str) {
    *xml += &format!("<{name}>");
    elements(xml, name, value, item);
    *xml += &format!("</{name}>");
}

/// Whether a number is a time. JSON has it as seconds since 1970; the other protocols have their own formats. Only
/// members that are times have names with these endings.
fn is_time(name: &str) -> bool {
    ["Timestamp", "Time", "At"].iter().any(|ending| name.ends_with(ending))
}

fn cbor_body(service: &str, answer: OperationResult) -> Vec<u8> {
    // In this protocol the type of an error is the full name of its shape.
    let value = answer.unwrap_or_else(
        |ApiError { code, message, .. }| json!({ "__type": format!("com.amazonaws.{service}#{code}"), "message": message }),
    );
    let mut body = Vec::new();
    // Writing to memory cannot fail, and a client would notice an empty body.
    let _ = ciborium::into_writer(&to_cbor("", &value), &mut body);
    body
}

/// Converts to CBOR, where a time is a number with tag 1.
fn to_cbor(name: &str, value: &Value) -> ciborium::Value {
    match value {
        Value::Number(number) if is_time(name) => {
            ciborium::Value::Tag(1, Box::new(ciborium::Value::Float(number.as_f64().unwrap_or_default())))
        }
        Value::Number(number) => match number.as_i64() {
            Some(whole) => ciborium::Value::Integer(whole.into()),
            None => ciborium::Value::Float(number.as_f64().unwrap_or_default()),
        },
        Value::Null => ciborium::Value::Null,
        Value::Bool(flag) => ciborium::Value::Bool(*flag),
        Value::String(text) => ciborium::Value::Text(text.clone()),
        Value::Array(items) => ciborium::Value::Array(items.iter().map(|item| to_cbor("", item)).collect()),
        Value::Object(members) => ciborium::Value::Map(
            members.iter().map(|(key, value)| (ciborium::Value::Text(key.clone()), to_cbor(key, value))).collect(),
        ),
    }
}
