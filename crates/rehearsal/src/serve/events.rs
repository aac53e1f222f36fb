//! What is reported while a world is served.

use std::{collections::BTreeMap, time::Duration};

use lifecycle::Hook;
use serde::Serialize;

use crate::{
    fake_aws::{Exchange, SentReply},
    hook_text,
    report::{self, RehearsalEvent},
};

/// An event in a served world.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum ServeEvent {
    /// The world is running. This is always the first event.
    Open(Endpoints),
    /// The deployment progresses.
    Rehearsal(RehearsalEvent),
    /// CodeDeploy waits for the status of a hook.
    HookWaiting(HookWaiting),
    /// An AWS operation was called.
    AwsCall(AwsCall),
    /// A function that polls for a hook's events has returned.
    FunctionReturned(FunctionReturned),
}

/// The addresses in a served world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoints {
    /// The URL of the fake AWS, for `AWS_ENDPOINT_URL`.
    pub aws: String,
    /// The AWS region of the world.
    pub region: &'static str,
    /// The URL of the service on the production listener.
    pub production: String,
    /// The URL of the service on the test listener, if there is one.
    pub test: Option<String>,
    /// The value of `AWS_LAMBDA_RUNTIME_API` for each hook, by the name of its lifecycle event.
    pub runtime_apis: BTreeMap<&'static str, String>,
    /// The CodeDeploy application.
    pub application: String,
    pub deployment_group: String,
    /// The ECS cluster.
    pub cluster: String,
    /// The ECS service, if it exists.
    pub service: Option<String>,
    /// The environment variables that the scenario adds for the functions.
    pub env: BTreeMap<String, String>,
    /// The seed for ids.
    pub seed: u64,
}

/// A hook that CodeDeploy has invoked and whose status is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookWaiting {
    #[serde(serialize_with = "hook_text::serialize")]
    pub hook: Hook,
    /// The function that the AppSpec file names.
    pub function: String,
    /// The id of the deployment.
    pub deployment: String,
    /// The id of this execution of the hook. In JSON it is only in the event.
    #[serde(skip)]
    pub execution: String,
    /// The event that CodeDeploy sends, as JSON.
    #[serde(rename = "payload", serialize_with = "as_json")]
    pub event: String,
    /// The value of `AWS_LAMBDA_RUNTIME_API` for a program that should get the event.
    pub runtime_api: String,
    /// The access key of the function's role. A scenario's fault in the calls of one function applies to this key.
    pub access_key: String,
    /// The function's timeout, after which Lambda ends it.
    #[serde(rename = "timeout_ms", serialize_with = "report::millis")]
    pub timeout: Duration,
}

/// An AWS operation that was called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AwsCall {
    /// `service:Operation`.
    pub operation: String,
    /// The caller by its user agent, such as `aws-cli/2.31.0`.
    pub caller: String,
    /// The error code in the reply, or a text if the reply was missing or damaged, or the operation is not simulated.
    /// `None` if the call succeeded.
    pub error: Option<String>,
}

/// A function that polls for a hook's events has returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionReturned {
    /// The hook whose events it polls for.
    #[serde(serialize_with = "hook_text::serialize")]
    pub hook: Hook,
    /// The error that the function returned, as `type: message`.
    pub error: Option<String>,
    /// Whether the hook's status has been put.
    pub has_status: bool,
    /// The delay until the function gets the event again. `None` if it does not: it returned without an error, or the
    /// hook has a status.
    #[serde(rename = "again_in_ms", serialize_with = "millis")]
    pub redelivered_in: Option<Duration>,
}

/// Writes a text that is JSON as this JSON, so that a reader does not have to parse it a second time.
fn as_json<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::from_str::<serde_json::Value>(text).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

fn millis<S: serde::Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)).serialize(serializer)
}

impl AwsCall {
    pub(super) fn new(exchange: &Exchange) -> Self {
        let agent = exchange.request.headers.get("user-agent").map(String::as_str).unwrap_or_default();
        Self {
            operation: exchange.operation.clone(),
            caller: agent.split_whitespace().next().unwrap_or("unknown").to_owned(),
            error: match &exchange.reply {
                _ if !exchange.is_simulated => Some("not simulated".to_owned()),
                None => Some("no reply was sent".to_owned()),
                Some(reply) if reply.damaged => Some("the reply was damaged".to_owned()),
                Some(reply) if reply.status >= 400 => Some(error_code(reply)),
                Some(_) => None,
            },
        }
    }
}

/// The code of an error in any of the protocols, or else the HTTP status.
fn error_code(reply: &SentReply) -> String {
    let json =
        || Some(serde_json::from_slice::<serde_json::Value>(&reply.body).ok()?.get("__type")?.as_str()?.to_owned());
    let cbor = || {
        let value: ciborium::Value = ciborium::from_reader(&reply.body[..]).ok()?;
        let (_, code) = value.into_map().ok()?.into_iter().find(|(key, _)| key.as_text() == Some("__type"))?;
        code.into_text().ok()
    };
    let xml = || {
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        Some(text.split_once("<Code>")?.1.split_once("</Code>")?.0.to_owned())
    };
    // Lambda's protocol has the code in a header.
    let header = || reply.headers.get("x-amzn-errortype").cloned();
    let code = header().or_else(json).or_else(cbor).or_else(xml).unwrap_or_else(|| format!("status {}", reply.status));
    // The name of a shape can include its namespace.
    code.rsplit('#').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_codes_of_errors_are_read_in_every_protocol() {
        let reply =
            |body: &[u8]| SentReply { status: 400, headers: BTreeMap::new(), body: body.to_vec(), damaged: false };
        let mut cbor = Vec::new();
        ciborium::into_writer(&json!({ "__type": "com.amazonaws.cloudwatch#Odd" }), &mut cbor).unwrap();
        assert_eq!(error_code(&reply(&cbor)), "Odd");
        assert_eq!(error_code(&reply(br#"{"__type":"Odd","message":"m"}"#)), "Odd");
        assert_eq!(error_code(&reply(b"<ErrorResponse><Error><Code>Odd</Code></Error></ErrorResponse>")), "Odd");
        assert_eq!(error_code(&reply(b"")), "status 400");
        let headers = [("x-amzn-errortype".to_owned(), "Odd".to_owned())].into();
        assert_eq!(error_code(&SentReply { headers, ..reply(br#"{"Type":"User"}"#) }), "Odd");
    }
}
