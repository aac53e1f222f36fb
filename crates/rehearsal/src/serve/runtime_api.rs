//! A Lambda Runtime API for a function that a developer starts manually, stops, fixes and starts again.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use hyper::Response;
use lifecycle::Hook;
use tokio::{
    sync::{mpsc::UnboundedSender, watch},
    time::sleep,
};

use crate::{
    fake_aws::FakeAws,
    http::{FaultyResponse, FullBody, Request, ServerHandle, http_response, serve_on_free_port},
    lambda::{self, FunctionName, InvocationResult, RUNTIME_PATH},
    serve::FunctionReturned,
};

/// The delay until a function that returned without putting a status gets its event again. Without a delay, it would
/// flood the developer's terminal.
const REDELIVERY_DELAY: Duration = Duration::from_secs(3);

/// The Runtime API of one hook. Every poll gets the event until the hook's status is put.
#[derive(Debug)]
pub(super) struct DeveloperRuntimeApi {
    port: u16,
    event: Arc<watch::Sender<Option<Event>>>,
    _server: ServerHandle,
}

#[derive(Clone, Debug)]
struct Event {
    payload: String,
    execution: String,
}

impl DeveloperRuntimeApi {
    pub async fn open(
        hook: Hook,
        timeout: Duration,
        cloud: Arc<FakeAws>,
        returned: UnboundedSender<FunctionReturned>,
    ) -> std::io::Result<Self> {
        let event = Arc::new(watch::Sender::new(None));
        let handler = Arc::new(RequestHandler {
            hook,
            timeout,
            aws: cloud,
            returned,
            event: event.clone(),
            not_before: Mutex::new(Instant::now()),
            next_id: AtomicU64::new(1),
        });
        let (port, serving) = serve_on_free_port(move |request| {
            let handler = handler.clone();
            async move { handler.respond(request).await }
        })
        .await?;
        Ok(Self { port, event, _server: serving })
    }

    /// The value for `AWS_LAMBDA_RUNTIME_API`.
    pub fn runtime_api(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Sets the event that every poll gets.
    pub fn set_event(&self, payload: String, execution: String) {
        self.event.send_replace(Some(Event { payload, execution }));
    }
}

struct RequestHandler {
    hook: Hook,
    timeout: Duration,
    aws: Arc<FakeAws>,
    returned: UnboundedSender<FunctionReturned>,
    event: Arc<watch::Sender<Option<Event>>>,
    not_before: Mutex<Instant>,
    next_id: AtomicU64,
}

impl RequestHandler {
    async fn respond(&self, request: Request) -> FaultyResponse {
        let Some(path) = request.path.strip_prefix(RUNTIME_PATH) else { return http_response(404, "", "").into() };
        if request.method == "GET" && path == "invocation/next" {
            return self.next_invocation().await.into();
        }
        // The path is `invocation/ID/response`, `invocation/ID/error` or `init/error`.
        let what = path.rsplit('/').next().unwrap_or_default();
        let error = match lambda::parse_result(what, &request.body) {
            InvocationResult::Error { error_type, error_message } => Some(format!("{error_type}: {error_message}")),
            _ => None,
        };
        *self.not_before.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + REDELIVERY_DELAY;
        let again_in = self.pending_event().map(|_| REDELIVERY_DELAY);
        // An error means that nothing receives the events, which is allowed.
        let _ = self.returned.send(FunctionReturned { hook: self.hook, error, redelivered_in: again_in });
        http_response(202, "application/json", r#"{"status":"OK"}"#).into()
    }

    /// The event, as long as its hook has no status.
    fn pending_event(&self) -> Option<Event> {
        self.event.borrow().clone().filter(|event| self.aws.world().execution_status(&event.execution).is_none())
    }

    /// Long polling: responds when there is an event. A process that dies while it handles an event reports nothing, so
    /// the next process that polls gets the same event.
    async fn next_invocation(&self) -> Option<Response<FullBody>> {
        let mut changes = self.event.subscribe();
        loop {
            changes.mark_unchanged();
            let rest = self
                .not_before
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .saturating_duration_since(Instant::now());
            match self.pending_event() {
                Some(event) if rest.is_zero() => {
                    let id = format!("8476a536-e9f4-11e8-9739-{:012x}", self.next_id.fetch_add(1, Ordering::Relaxed));
                    let function = FunctionName::from(self.hook).lambda_name();
                    return Some(lambda::invocation_response(
                        &function,
                        &id,
                        event.payload,
                        SystemTime::now() + self.timeout,
                    ));
                }
                Some(_) => sleep(rest).await,
                None => changes.changed().await.ok()?,
            }
        }
    }
}

impl std::fmt::Debug for RequestHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestHandler").field("hook", &self.hook).finish_non_exhaustive()
    }
}
