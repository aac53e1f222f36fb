//! The service that HTTP checks send their requests to. It responds 200 after a delay.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::http_server::{HttpServer, Reply};

/// What the service has seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// When the last reply was sent.
    pub last_reply: Option<Instant>,
    /// The sum of the times from a request to its reply.
    pub busy: Duration,
    /// The number of replies.
    pub replies: u32,
    /// The number of requests that are waiting for their reply.
    waiting: u32,
    /// The largest number of requests that waited at the same time.
    pub most_waiting: u32,
}

pub struct Service {
    server: HttpServer,
    seen: Arc<Mutex<Seen>>,
}

impl Service {
    pub fn start(delay: Duration) -> io::Result<Self> {
        let seen = Arc::<Mutex<Seen>>::default();
        let log = seen.clone();
        let server = HttpServer::start(move |_| {
            let log = log.clone();
            async move {
                let arrived = Instant::now();
                {
                    let mut seen = lock(&log);
                    seen.waiting += 1;
                    seen.most_waiting = seen.most_waiting.max(seen.waiting);
                }
                if !delay.is_zero() {
                    sleep(delay).await;
                }
                let mut seen = lock(&log);
                seen.waiting -= 1;
                seen.replies += 1;
                seen.busy += arrived.elapsed();
                seen.last_reply = Some(Instant::now());
                Ok(Reply::default())
            }
        })?;
        Ok(Self { server, seen })
    }

    pub fn port(&self) -> u16 {
        self.server.port
    }

    pub fn seen(&self) -> Seen {
        *lock(&self.seen)
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
