//! A Lambda Runtime API for a function that somebody starts by hand, stops, mends and starts again.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use hyper::Response;
use tokio::{
    sync::{mpsc::UnboundedSender, watch},
    time::sleep,
};

use super::Returned;
use crate::{
    aws::Cloud,
    exchange::{Full, Reply, Request, Serving, reply, serve_anywhere},
    hook_name::HookName,
    runtime::{self, InvocationResult, RUNTIME},
};

/// A function that has returned and left the hook without an answer gets its event again after this long: at once would
/// be a storm in its developer's terminal.
const REST: Duration = Duration::from_secs(3);

/// One hook's Runtime API. Whoever polls it gets the event, as often as it is polled, until somebody has answered.
#[derive(Debug)]
pub(super) struct Desk {
    port: u16,
    event: Arc<watch::Sender<Option<Event>>>,
    _serving: Serving,
}

#[derive(Clone, Debug)]
struct Event {
    payload: String,
    execution: String,
}

impl Desk {
    pub async fn open(
        hook: HookName,
        timeout: Duration,
        cloud: Arc<Cloud>,
        returned: UnboundedSender<Returned>,
    ) -> std::io::Result<Self> {
        let event = Arc::new(watch::Sender::new(None));
        let clerk = Arc::new(Clerk {
            hook,
            timeout,
            cloud,
            returned,
            event: event.clone(),
            not_before: Mutex::new(Instant::now()),
            next_id: AtomicU64::new(1),
        });
        let (port, serving) = serve_anywhere(move |request| {
            let clerk = clerk.clone();
            async move { clerk.answer(request).await }
        })
        .await?;
        Ok(Self { port, event, _serving: serving })
    }

    /// What `AWS_LAMBDA_RUNTIME_API` has to be.
    pub fn runtime_api(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Has an event for whoever polls.
    pub fn offer(&self, payload: String, execution: String) {
        self.event.send_replace(Some(Event { payload, execution }));
    }
}

struct Clerk {
    hook: HookName,
    timeout: Duration,
    cloud: Arc<Cloud>,
    returned: UnboundedSender<Returned>,
    event: Arc<watch::Sender<Option<Event>>>,
    not_before: Mutex<Instant>,
    next_id: AtomicU64,
}

impl Clerk {
    async fn answer(&self, request: Request) -> Reply {
        let Some(path) = request.path.strip_prefix(RUNTIME) else { return reply(404, "", "").into() };
        if request.method == "GET" && path == "invocation/next" {
            return self.next().await.into();
        }
        // `invocation/ID/response`, `invocation/ID/error` or `init/error`.
        let what = path.rsplit('/').next().unwrap_or_default();
        let error = match runtime::result(what, &request.body) {
            InvocationResult::Error { error_type, error_message } => Some(format!("{error_type}: {error_message}")),
            _ => None,
        };
        *self.not_before.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + REST;
        let again_in = self.unanswered().map(|_| REST);
        // Nobody has to listen.
        let _ = self.returned.send(Returned { hook: self.hook, error, again_in });
        reply(202, "application/json", r#"{"status":"OK"}"#).into()
    }

    /// The event, while nobody has answered it.
    fn unanswered(&self) -> Option<Event> {
        self.event.borrow().clone().filter(|event| self.cloud.world().answer(&event.execution).is_none())
    }

    /// A long poll: answers when there is an event. A process that died in the middle of one has told nobody, so the
    /// next process that asks gets the same event.
    async fn next(&self) -> Option<Response<Full>> {
        let mut news = self.event.subscribe();
        loop {
            news.mark_unchanged();
            let rest = self
                .not_before
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .saturating_duration_since(Instant::now());
            match self.unanswered() {
                Some(event) if rest.is_zero() => {
                    let id = format!("8476a536-e9f4-11e8-9739-{:012x}", self.next_id.fetch_add(1, Ordering::Relaxed));
                    let function = format!("CodeDeployHook_{}", self.hook.binary());
                    return Some(runtime::invocation(&function, &id, event.payload, SystemTime::now() + self.timeout));
                }
                Some(_) => sleep(rest).await,
                None => news.changed().await.ok()?,
            }
        }
    }
}

impl std::fmt::Debug for Clerk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clerk").field("hook", &self.hook).finish_non_exhaustive()
    }
}
