//! A Lambda Runtime API for a function that a developer starts manually, stops, fixes and starts again.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
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
    http::{FaultyResponse, FullBody, Request, ServerHandle, http_response, serve_at},
    lambda::{self, FunctionName, InvocationResult, RUNTIME_PATH},
    serve::FunctionReturned,
};

/// The delay until a function that failed without putting a status gets its event again. In AWS it is a minute. Without
/// a delay, the function would flood the developer's terminal.
const REDELIVERY_DELAY: Duration = Duration::from_secs(3);
/// A poll that begins this soon after a good return is the same process's, which Lambda does not invoke again. Later,
/// the developer has started the function again, to try the same event once more.
const RESTART_TIME: Duration = Duration::from_secs(2);

/// The Runtime API of one hook. A poll gets the event until the hook's status is put.
#[derive(Debug)]
pub(super) struct DeveloperRuntimeApi {
    port: u16,
    handler: Arc<RequestHandler>,
    _server: ServerHandle,
}

/// What the Runtime APIs of all hooks share.
#[derive(Clone, Debug)]
pub(super) struct RuntimeApiContext {
    pub aws: Arc<FakeAws>,
    /// The functions' timeout.
    pub timeout: Duration,
    /// The functions that the scenario kills, and how long after their invocation.
    pub killed: BTreeMap<FunctionName, Duration>,
    pub returned: UnboundedSender<FunctionReturned>,
}

/// The event of a hook, for the function that the AppSpec file names.
#[derive(Clone, Debug)]
pub(super) struct PendingEvent {
    pub payload: String,
    pub execution: String,
    pub function: String,
}

impl DeveloperRuntimeApi {
    pub async fn open(hook: Hook, context: RuntimeApiContext, address: SocketAddr) -> std::io::Result<Self> {
        let (state, changes) = (Mutex::new(State::new()), watch::Sender::new(()));
        let handler = Arc::new_cyclic(|own| RequestHandler { own: own.clone(), hook, context, state, changes });
        let server = handler.clone();
        let (port, serving) = serve_at(address, move |request| {
            let handler = server.clone();
            async move { handler.respond(request).await }
        })
        .await?;
        Ok(Self { port, handler, _server: serving })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sets the event that polls get.
    pub fn set_event(&self, event: PendingEvent) {
        let mut state = self.handler.state();
        *state = State { event: Some(event), next_id: state.next_id, ..State::new() };
        drop(state);
        self.handler.changes.send_replace(());
    }
}

#[derive(Debug)]
struct RequestHandler {
    own: Weak<Self>,
    hook: Hook,
    context: RuntimeApiContext,
    state: Mutex<State>,
    changes: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    event: Option<PendingEvent>,
    next_id: u64,
    /// The id of the invocation in progress. A process that dies reports nothing, and the next one gets another id.
    invocation: Option<String>,
    /// No poll gets the event before.
    not_before: Option<Instant>,
    /// When the function last returned without an error.
    succeeded: Option<Instant>,
}

/// What a poll gets.
enum Turn {
    Event {
        event: PendingEvent,
        id: String,
    },
    /// The event, after this pause.
    Later(Duration),
    /// Nothing, until something changes.
    Wait,
}

impl State {
    fn new() -> Self {
        Self { event: None, next_id: 1, invocation: None, not_before: None, succeeded: None }
    }

    /// What a poll that began at `began` gets now.
    fn turn(&mut self, began: Instant, has_status: impl Fn(&str) -> bool) -> Turn {
        let Some(event) = self.event.as_ref().filter(|event| !has_status(&event.execution)) else { return Turn::Wait };
        if self.succeeded.is_some_and(|at| began < at + RESTART_TIME) {
            return Turn::Wait;
        }
        let pause = self.not_before.map(|at| at.saturating_duration_since(Instant::now())).unwrap_or_default();
        if !pause.is_zero() {
            return Turn::Later(pause);
        }
        let (event, id) = (event.clone(), format!("8476a536-e9f4-11e8-9739-{:012x}", self.next_id));
        self.next_id += 1;
        self.invocation = Some(id.clone());
        Turn::Event { event, id }
    }

    /// Ends an invocation. Returns false if it is not in progress.
    fn end(&mut self, id: &str, succeeded: bool) -> bool {
        if self.invocation.as_deref() != Some(id) {
            return false;
        }
        self.invocation = None;
        self.note_end(succeeded);
        true
    }

    fn note_end(&mut self, succeeded: bool) {
        let now = Instant::now();
        self.succeeded = succeeded.then_some(now);
        self.not_before = (!succeeded).then_some(now + REDELIVERY_DELAY);
    }
}

impl RequestHandler {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn respond(&self, request: Request) -> FaultyResponse {
        let Some(path) = request.path.strip_prefix(RUNTIME_PATH) else { return http_response(404, "", "").into() };
        if request.method == "GET" && path == "invocation/next" {
            return self.next_invocation().await.into();
        }
        // The path is `invocation/ID/response`, `invocation/ID/error` or `init/error`.
        let mut parts = path.split('/');
        let (first, id, what) = (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or("error"));
        let error = match lambda::parse_result(what, &request.body) {
            InvocationResult::Error { error_type, error_message } => Some(format!("{error_type}: {error_message}")),
            _ => None,
        };
        if first == Some("init") {
            self.state().note_end(false);
        } else if !self.state().end(id, error.is_none()) {
            // It timed out, or another process has its event.
            let body = r#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#;
            return http_response(400, "application/json", body).into();
        }
        self.context.aws.foreign_functions.end(self.hook.into());
        self.report(error);
        http_response(202, "application/json", r#"{"status":"OK"}"#).into()
    }

    /// Reports the end of an invocation.
    fn report(&self, error: Option<String>) {
        let event = self.state().event.clone();
        let has_status = event.is_none_or(|event| self.has_status(&event.execution));
        let redelivered_in = (error.is_some() && !has_status).then_some(REDELIVERY_DELAY);
        // An error means that nothing receives the events, which is allowed.
        let _ = self.context.returned.send(FunctionReturned { hook: self.hook, error, has_status, redelivered_in });
    }

    fn has_status(&self, execution: &str) -> bool {
        self.context.aws.world().execution_status(execution).is_some()
    }

    /// Long polling: responds when there is an event.
    async fn next_invocation(&self) -> Option<Response<FullBody>> {
        let (began, mut changes) = (Instant::now(), self.changes.subscribe());
        loop {
            changes.mark_unchanged();
            let turn = self.state().turn(began, |execution| self.has_status(execution));
            match turn {
                Turn::Event { event, id } => {
                    self.context.aws.foreign_functions.begin(self.hook.into());
                    self.end_in_time(id.clone());
                    let deadline = SystemTime::now() + self.context.timeout;
                    return Some(lambda::invocation_response(&event.function, &id, event.payload, deadline));
                }
                Turn::Later(pause) => tokio::select! {
                    () = sleep(pause) => {}
                    changed = changes.changed() => changed.ok()?,
                },
                Turn::Wait => changes.changed().await.ok()?,
            }
        }
    }

    /// Ends the invocation at the function's timeout, or when the scenario kills the function. The process is the
    /// developer's, so it is not killed, but its calls do not count any more.
    fn end_in_time(&self, id: String) {
        let (own, timeout) = (self.own.clone(), self.context.timeout);
        let killed = self.context.killed.get(&self.hook.into()).copied().filter(|after| *after < timeout);
        tokio::spawn(async move {
            sleep(killed.unwrap_or(timeout)).await;
            // The served world can be gone by now.
            if let Some(handler) = own.upgrade().filter(|handler| handler.state().end(&id, false)) {
                handler.context.aws.foreign_functions.kill(handler.hook.into());
                handler.report(Some(match killed {
                    Some(_) => {
                        "Runtime.ExitError: Runtime exited with error: signal: killed (by the scenario)".to_owned()
                    }
                    None => format!("Sandbox.Timedout: Task timed out after {:.2} seconds", timeout.as_secs_f64()),
                }));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let event = PendingEvent { payload: "{}".into(), execution: "e".into(), function: "f".into() };
        State { event: Some(event), ..State::new() }
    }

    fn id(state: &mut State, began: Instant) -> Option<String> {
        match state.turn(began, |_| false) {
            Turn::Event { id, .. } => Some(id),
            Turn::Later(_) | Turn::Wait => None,
        }
    }

    #[test]
    fn a_good_return_is_not_invoked_again_unless_the_function_is_started_again() {
        let mut state = state();
        let first = id(&mut state, Instant::now()).unwrap();
        assert!(state.end(&first, true));
        assert_eq!(id(&mut state, Instant::now()), None, "the same process polls at once");
        assert!(id(&mut state, Instant::now() + RESTART_TIME).is_some(), "another process polls later");
    }

    #[test]
    fn an_error_is_invoked_again_after_a_pause() {
        let mut state = state();
        let first = id(&mut state, Instant::now()).unwrap();
        assert!(state.end(&first, false));
        assert!(matches!(state.turn(Instant::now(), |_| false), Turn::Later(_)));
        state.not_before = Some(Instant::now());
        assert!(id(&mut state, Instant::now()).is_some());
    }

    #[test]
    fn an_invocation_ends_once_and_the_event_has_one_status() {
        let mut state = state();
        let first = id(&mut state, Instant::now()).unwrap();
        let second = id(&mut state, Instant::now()).unwrap();
        assert!(!state.end(&first, true), "another process has the event");
        assert!(state.end(&second, true) && !state.end(&second, true));
        assert!(matches!(state.turn(Instant::now() + RESTART_TIME, |_| true), Turn::Wait));
    }
}
