//! Parses a request in any of AWS's protocols.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    fake_aws::protocol::{
        AwsProtocol, Call,
        call::{EC2, VERSIONS},
    },
    http::Request,
};

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

/// Parses a request. `None` if it belongs to none of the protocols here.
pub(crate) fn read(request: &Request) -> Option<Call> {
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

/// Lambda's operations by method and path. `*` stands for one segment, and `{}` for the one with the function's name.
const LAMBDA_OPERATIONS: &[(&str, &str, &str)] = &[
    ("GET", "/2015-03-31/functions/{}/configuration", "GetFunctionConfiguration"),
    ("GET", "/2019-09-25/functions/{}/event-invoke-config", "GetFunctionEventInvokeConfig"),
    ("GET", "/2015-03-31/functions", "ListFunctions"),
    ("POST", "/2015-03-31/functions", "CreateFunction"),
    ("GET", "/2015-03-31/functions/{}", "GetFunction"),
    ("DELETE", "/2015-03-31/functions/{}", "DeleteFunction"),
    ("POST", "/2015-03-31/functions/{}/invocations", "Invoke"),
    ("PUT", "/2015-03-31/functions/{}/code", "UpdateFunctionCode"),
    ("PUT", "/2015-03-31/functions/{}/configuration", "UpdateFunctionConfiguration"),
    ("GET", "/2015-03-31/functions/{}/versions", "ListVersionsByFunction"),
    ("POST", "/2015-03-31/functions/{}/versions", "PublishVersion"),
    ("GET", "/2015-03-31/functions/{}/aliases", "ListAliases"),
    ("POST", "/2015-03-31/functions/{}/aliases", "CreateAlias"),
    ("GET", "/2015-03-31/functions/{}/aliases/*", "GetAlias"),
    ("PUT", "/2015-03-31/functions/{}/aliases/*", "UpdateAlias"),
    ("GET", "/2015-03-31/functions/{}/policy", "GetPolicy"),
    ("POST", "/2015-03-31/functions/{}/policy", "AddPermission"),
    ("PUT", "/2019-09-25/functions/{}/event-invoke-config", "PutFunctionEventInvokeConfig"),
    ("GET", "/2015-03-31/event-source-mappings", "ListEventSourceMappings"),
    ("GET", "/2017-03-31/tags/*", "ListTags"),
];

/// Parses a request to Lambda. An operation that is not in the table has its method and path for a name.
fn lambda_operation(request: &Request) -> Option<Call> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let qualifier =
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "Qualifier").map(|(_, value)| value);
    let mut table = LAMBDA_OPERATIONS.iter().filter(|(method, ..)| *method == request.method);
    let known = table.find_map(|(_, pattern, operation)| Some((name_in_path(pattern, path)?, (*operation).to_owned())));
    let (name, operation) = known.unwrap_or_else(|| ("", method_and_path(request)));
    let mut input = json!({ "FunctionName": decoded(name) });
    if let Some(qualifier) = qualifier {
        input["Qualifier"] = qualifier.into();
    }
    Some(Call { service: "lambda".to_owned(), operation, input, protocol: AwsProtocol::RestJson })
}

/// The segment of a path at the place of `{}` in a pattern; empty if the pattern has none. `None` if the path does not
/// match.
fn name_in_path<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let (pattern, path) = (pattern.split('/'), path.trim_end_matches('/').split('/'));
    let (mut pattern, mut path, mut name) = (pattern, path, "");
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return Some(name),
            (Some("{}"), Some(segment)) => name = segment,
            (Some(part), Some(segment)) if part == "*" || part == segment => {}
            _ => return None,
        }
    }
}

/// Parses a request to S3. Only `GetObject` is implemented.
fn s3_operation(request: &Request) -> Option<Call> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let path = path.trim_start_matches('/');
    let version = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "versionId").map(|(_, value)| value);
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let operation = match (request.method.as_str(), bucket.is_empty(), key.is_empty()) {
        ("GET", _, false) => "GetObject".to_owned(),
        ("HEAD", _, false) => "HeadObject".to_owned(),
        ("PUT", _, false) => "PutObject".to_owned(),
        ("DELETE", _, false) => "DeleteObject".to_owned(),
        ("GET", true, _) => "ListBuckets".to_owned(),
        ("GET", false, _) if query.contains("list-type=2") => "ListObjectsV2".to_owned(),
        ("HEAD", false, _) => "HeadBucket".to_owned(),
        ("PUT", false, _) => "CreateBucket".to_owned(),
        _ => method_and_path(request),
    };
    let input = json!({ "Bucket": decoded(bucket), "Key": decoded(key), "VersionId": version });
    Some(Call { service: "s3".to_owned(), operation, input, protocol: AwsProtocol::Rest })
}

/// The name of a request that belongs to none of the protocols here: the service that it is signed for, and its method
/// and path.
pub(crate) fn unread_name(request: &Request) -> String {
    let scope =
        request.header("authorization").split_once("Credential=").and_then(|(_, scope)| scope.split('/').nth(3));
    format!("{}:{}", scope.unwrap_or("?"), method_and_path(request))
}

fn method_and_path(request: &Request) -> String {
    format!("{} {}", request.method, request.path.split('?').next().unwrap_or_default())
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
