//! The Lambda Runtime API. One function polls it for events and sends results to it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use hyper::{
    Response,
    body::Bytes,
    header::{HeaderName, HeaderValue},
};
use serde_json::Value;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};

use crate::{
    http::{FaultyResponse, FullBody, Request, ServerHandle, http_response, serve_on_free_port},
    lambda::InvocationResult,
    world::function_arn,
};

/// A running Runtime API.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    pub port: u16,
    pending: mpsc::UnboundedSender<PendingInvocation>,
    next_id: u64,
    _server: ServerHandle,
}

#[derive(Debug)]
struct PendingInvocation {
    id: String,
    payload: Vec<u8>,
    deadline: SystemTime,
    result: oneshot::Sender<InvocationResult>,
}

#[derive(Debug)]
struct InvocationQueue {
    function: String,
    pending: AsyncMutex<mpsc::UnboundedReceiver<PendingInvocation>>,
    in_flight: Mutex<HashMap<String, oneshot::Sender<InvocationResult>>>,
}

/// The prefix of every path of the Runtime API.
pub(crate) const RUNTIME_PATH: &str = "/2018-06-01/runtime/";

impl RuntimeApi {
    pub async fn start(function: String) -> std::io::Result<Self> {
        let (offers, receiver) = mpsc::unbounded_channel();
        let queue =
            Arc::new(InvocationQueue { function, pending: AsyncMutex::new(receiver), in_flight: Mutex::default() });
        let (port, serving) = serve_on_free_port(move |request| {
            let queue = queue.clone();
            async move { queue.respond(request).await }
        })
        .await?;
        Ok(Self { port, pending: offers, next_id: 1, _server: serving })
    }

    /// Queues an event, which the function gets with this deadline when it next polls.
    pub fn enqueue(&mut self, payload: Vec<u8>, deadline: SystemTime) -> oneshot::Receiver<InvocationResult> {
        let (result, receiver) = oneshot::channel();
        let id = format!("8476a536-e9f4-11e8-9739-{:012x}", self.next_id);
        self.next_id += 1;
        // If the server has ended, the sender is dropped, and the receiver notices that.
        let _ = self.pending.send(PendingInvocation { id, payload, deadline, result });
        receiver
    }
}

impl InvocationQueue {
    async fn respond(&self, request: Request) -> FaultyResponse {
        let Some(path) = request.path.strip_prefix(RUNTIME_PATH) else { return http_response(404, "", "").into() };
        if request.method == "GET" && path == "invocation/next" {
            return self.next_invocation().await.into();
        }
        let accepted = || http_response(202, "application/json", r#"{"status":"OK"}"#).into();
        if path == "init/error" {
            return accepted();
        }
        let mut parts = path.split('/');
        let (Some("invocation"), Some(id), Some(what)) = (parts.next(), parts.next(), parts.next()) else {
            return http_response(404, "", "").into();
        };
        let Some(open) = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(id) else {
            let body = r#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#;
            return http_response(400, "application/json", body).into();
        };
        let result = parse_result(what, &request.body);
        // The caller may have stopped waiting.
        let _ = open.send(result);
        accepted()
    }

    /// Long polling: responds when there is an event.
    async fn next_invocation(&self) -> Option<Response<FullBody>> {
        let PendingInvocation { id, payload, deadline, result } = self.pending.lock().await.recv().await?;
        let response = invocation_response(&self.function, &id, payload, deadline);
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).insert(id, result);
        Some(response)
    }
}

/// The response to a poll, with an event.
pub(crate) fn invocation_response(
    function: &str,
    id: &str,
    payload: impl Into<Bytes>,
    deadline: SystemTime,
) -> Response<FullBody> {
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut response = http_response(200, "application/json", payload);
    let headers = [
        ("lambda-runtime-aws-request-id", id.to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", function_arn(function)),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0".to_owned(),
        ),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// Parses what a function sent back. `what` is the last part of the request path.
pub(crate) fn parse_result(what: &str, body: &[u8]) -> InvocationResult {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    match what {
        "response" => InvocationResult::Success(value),
        _ => {
            let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            InvocationResult::Error { error_type: text("errorType"), error_message: text("errorMessage") }
        }
    }
}
