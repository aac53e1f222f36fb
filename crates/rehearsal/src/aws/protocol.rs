//! AWS's protocols: awsJson 1.0 and 1.1, awsQuery with XML, EC2's form of it, rpc-v2-cbor, Lambda's restJson, and S3's
//! REST.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use hyper::{
    Response,
    header::{HeaderName, HeaderValue},
};
use serde_json::{Map, Value, json};

use super::{ApiError, OperationResult};
use crate::{
    http_server::{FullBody, Request, http_response},
    world::digest_of,
};

/// The protocol of a request and of its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AwsProtocol {
    /// awsJson, with its content type.
    Json(&'static str),
    Query,
    /// EC2's form of awsQuery: flat lists in a request, `item` for list elements in a response, and no result element.
    Ec2,
    /// Lambda's: the path names the operation, and the response is JSON.
    RestJson,
    Cbor,
    /// S3's: the path names the object, and the response body is the object.
    Rest,
}

/// A parsed request.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub service: String,
    pub operation: String,
    pub input: Value,
    pub protocol: AwsProtocol,
}

impl Call {
    /// The operation as IAM writes it: `codedeploy:GetDeployment`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }
}

/// The services, by the names in the `x-amz-target` header or the path of their requests.
const TARGETS: [(&str, &str); 8] = [
    ("CodeDeploy_20141006", "codedeploy"),
    ("AmazonEC2ContainerServiceV20141113", "ecs"),
    ("GraniteServiceVersion20100801", "cloudwatch"),
    ("Logs_20140328", "logs"),
    ("AmazonSSM", "ssm"),
    ("secretsmanager", "secretsmanager"),
    ("AmazonEC2ContainerRegistry_V20150921", "ecr"),
    ("ResourceGroupsTaggingAPI_20170126", "tag"),
];

/// Services with awsQuery, by the API version in their requests, with the XML namespace of their responses.
const VERSIONS: [(&str, &str, &str); 6] = [
    ("2015-12-01", "elasticloadbalancing", "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"),
    ("2010-08-01", "cloudwatch", "http://monitoring.amazonaws.com/doc/2010-08-01/"),
    ("2016-11-15", EC2, "http://ec2.amazonaws.com/doc/2016-11-15/"),
    ("2010-05-08", "iam", "https://iam.amazonaws.com/doc/2010-05-08/"),
    ("2010-05-15", "cloudformation", "http://cloudformation.amazonaws.com/doc/2010-05-15/"),
    ("2011-06-15", "sts", "https://sts.amazonaws.com/doc/2011-06-15/"),
];

const EC2: &str = "ec2";

/// This service once supported only awsQuery. In its newer protocols it sends the older error code in a header.
const QUERY_COMPATIBLE: &str = "cloudwatch";

/// Parses a request. `None` if it belongs to none of the protocols here.
pub(super) fn read(request: &Request) -> Option<Call> {
    if let Some(rest) = request.path.strip_prefix("/service/") {
        let (service, operation) = rest.split_once("/operation/")?;
        let input = if request.body.is_empty() {
            ciborium::Value::Map(Vec::new())
        } else {
            ciborium::from_reader(&request.body[..]).ok()?
        };
        let operation = operation.split('?').next().unwrap_or_default().to_owned();
        return Some(Call {
            service: service_name(service),
            operation,
            input: from_cbor(input),
            protocol: AwsProtocol::Cbor,
        });
    }
    if let Some((target, operation)) = request.header("x-amz-target").split_once('.') {
        let one_zero = request.header("content-type").contains("json-1.0");
        let protocol =
            AwsProtocol::Json(if one_zero { "application/x-amz-json-1.0" } else { "application/x-amz-json-1.1" });
        let input = if request.body.is_empty() { json!({}) } else { serde_json::from_slice(&request.body).ok()? };
        return Some(Call { service: service_name(target), operation: operation.to_owned(), input, protocol });
    }
    if request.header("authorization").contains("/s3/aws4_request") {
        return s3_operation(request);
    }
    if request.header("authorization").contains("/lambda/aws4_request") {
        return lambda_operation(request);
    }
    let query = request.path.split_once('?').map_or(&b""[..], |(_, query)| query.as_bytes());
    let form: BTreeMap<String, String> =
        form_urlencoded::parse(if request.body.is_empty() { query } else { &request.body })
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
    let operation = form.get("Action")?.clone();
    let version = form.get("Version").map(String::as_str).unwrap_or_default();
    let service =
        VERSIONS.iter().find(|(known, ..)| *known == version).map_or(version, |(_, service, _)| *service).to_owned();
    let protocol = if service == EC2 { AwsProtocol::Ec2 } else { AwsProtocol::Query };
    Some(Call { service, operation, input: from_form(&form), protocol })
}

/// Lambda's operations that are implemented here, by the start and the end of their paths.
const LAMBDA_OPERATIONS: [(&str, &str, &str); 2] = [
    ("/2015-03-31/functions/", "/configuration", "GetFunctionConfiguration"),
    ("/2019-09-25/functions/", "/event-invoke-config", "GetFunctionEventInvokeConfig"),
];

/// Parses a request to Lambda.
fn lambda_operation(request: &Request) -> Option<Call> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let qualifier =
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "Qualifier").map(|(_, value)| value);
    let known = LAMBDA_OPERATIONS
        .iter()
        .filter(|_| request.method == "GET")
        .find_map(|(head, tail, operation)| Some((path.strip_prefix(head)?.strip_suffix(tail)?, *operation)));
    let (name, operation) = known.unwrap_or(("", "Other"));
    let mut input = json!({ "FunctionName": decoded(name) });
    if let Some(qualifier) = qualifier {
        input["Qualifier"] = qualifier.into();
    }
    let operation = operation.to_owned();
    Some(Call { service: "lambda".to_owned(), operation, input, protocol: AwsProtocol::RestJson })
}

/// Parses a request to S3. Only `GetObject` is implemented.
fn s3_operation(request: &Request) -> Option<Call> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let path = path.trim_start_matches('/');
    let version = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "versionId").map(|(_, value)| value);
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let operation = if request.method == "GET" && !key.is_empty() { "GetObject" } else { "Other" };
    let input = json!({ "Bucket": decoded(bucket), "Key": decoded(key), "VersionId": version });
    Some(Call { service: "s3".to_owned(), operation: operation.to_owned(), input, protocol: AwsProtocol::Rest })
}

/// A path with its percent-encoding decoded.
fn decoded(path: &str) -> String {
    // In a form, a plus means a space; in a path, it is a plus.
    let form = path.replace('+', "%2B");
    form_urlencoded::parse(form.as_bytes()).map(|(key, _)| key.into_owned()).next().unwrap_or_default()
}

/// A service that is not implemented here keeps the name from the request.
fn service_name(target: &str) -> String {
    TARGETS.iter().find(|(known, _)| *known == target).map_or(target, |(_, service)| *service).to_owned()
}

/// Reads `Names.member.1=a` as `{"Names": ["a"]}`.
fn from_form(form: &BTreeMap<String, String>) -> Value {
    let mut root = Map::new();
    for (key, value) in form {
        let mut at = &mut root;
        let mut parts = key.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                at.insert(part.to_owned(), Value::String(value.clone()));
                break;
            }
            let next = at.entry(part).or_insert_with(|| json!({}));
            if !next.is_object() {
                *next = json!({});
            }
            match next {
                Value::Object(inner) => at = inner,
                _ => break,
            }
        }
    }
    collapse_members(Value::Object(root))
}

/// Turns objects that have only `member` into lists.
fn collapse_members(value: Value) -> Value {
    let Value::Object(mut members) = value else { return value };
    match members.remove("member") {
        Some(Value::Object(items)) if members.is_empty() => {
            let mut items: Vec<_> = items.into_iter().collect();
            items.sort_by_key(|(index, _)| index.parse::<usize>().unwrap_or(usize::MAX));
            Value::Array(items.into_iter().map(|(_, item)| collapse_members(item)).collect())
        }
        other => {
            members.extend(other.map(|value| ("member".to_owned(), value)));
            Value::Object(members.into_iter().map(|(key, value)| (key, collapse_members(value))).collect())
        }
    }
}

fn from_cbor(value: ciborium::Value) -> Value {
    match value {
        ciborium::Value::Text(text) => Value::String(text),
        ciborium::Value::Bool(flag) => Value::Bool(flag),
        ciborium::Value::Integer(number) => i64::try_from(number).map_or(Value::Null, Value::from),
        ciborium::Value::Float(number) => Value::from(number),
        ciborium::Value::Array(items) => Value::Array(items.into_iter().map(from_cbor).collect()),
        ciborium::Value::Map(members) => {
            let members =
                members.into_iter().filter_map(|(key, value)| Some((key.into_text().ok()?, from_cbor(value))));
            Value::Object(members.collect())
        }
        ciborium::Value::Tag(_, inner) => from_cbor(*inner),
        _ => Value::Null,
    }
}

/// Writes the response to a call.
pub(super) fn write(call: &Call, answer: OperationResult) -> Response<FullBody> {
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
pub(super) fn endless_prefix(call: &Call) -> Response<FullBody> {
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
pub(super) fn unknown_request() -> Response<FullBody> {
    http_response(404, "application/xml", "<UnknownOperationException/>\n")
}

pub(super) const REQUEST_ID: &str = "7d4f1c2a-0b5e-4c58-9d3a-6a2f8f1e9b10";

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
            let body = super::without_nulls(json!({ "Type": kind, "Message": problem.message }));
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
