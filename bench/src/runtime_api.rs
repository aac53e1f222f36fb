//! A stand-in for the Lambda Runtime API that takes times.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::Context;
use http_body_util::Full;
use hyper::{Method, Response, StatusCode, body::Bytes};
use tokio::sync::{Mutex, mpsc};

use crate::http_server::{HttpServer, Reply, Request};

/// The function's timeout, by the deadline that it receives.
const TIMEOUT: Duration = Duration::from_secs(600);

/// A function's result: the error if it failed.
pub type InvocationResult = Result<(), String>;

pub struct RuntimeApi {
    server: HttpServer,
    events: mpsc::UnboundedSender<Vec<u8>>,
    polls: mpsc::UnboundedReceiver<Instant>,
    results: mpsc::UnboundedReceiver<InvocationResult>,
}

/// The server's ends of the channels.
struct Queue {
    events: Mutex<mpsc::UnboundedReceiver<Vec<u8>>>,
    polls: mpsc::UnboundedSender<Instant>,
    results: mpsc::UnboundedSender<InvocationResult>,
}

impl RuntimeApi {
    pub fn start() -> std::io::Result<Self> {
        let (events, receiver) = mpsc::unbounded_channel();
        let (polled, polls) = mpsc::unbounded_channel();
        let (responded, results) = mpsc::unbounded_channel();
        let queue = Arc::new(Queue { events: Mutex::new(receiver), polls: polled, results: responded });
        let server = HttpServer::start(move |request| {
            let queue = queue.clone();
            async move { queue.respond(request).await }
        })?;
        Ok(Self { server, events, polls, results })
    }

    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Waits until the function polls for its next event.
    pub async fn polled(&mut self) -> Option<Instant> {
        self.polls.recv().await
    }

    /// Delivers an event to the function that polls.
    pub fn deliver(&self, event: Vec<u8>) -> anyhow::Result<Instant> {
        self.events.send(event).context("the Runtime API has ended")?;
        Ok(Instant::now())
    }

    /// Waits for the function's result.
    pub async fn result(&mut self) -> Option<InvocationResult> {
        self.results.recv().await
    }
}

impl Queue {
    async fn respond(&self, request: Request) -> anyhow::Result<Reply> {
        if request.method == Method::GET {
            self.polls.send(Instant::now())?;
            let event = self.events.lock().await.recv().await.context("the measurement is over")?;
            let deadline = (SystemTime::now() + TIMEOUT).duration_since(SystemTime::UNIX_EPOCH)?;
            return Ok(Response::builder()
                .header("content-type", "application/json")
                .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
                .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
                .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:111122223333:function:bench")
                .body(Full::new(Bytes::from(event)))?);
        }
        let is_success = request.path.ends_with("/response");
        self.results.send(if is_success {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&request.body).into_owned())
        })?;
        Ok(Response::builder().status(StatusCode::ACCEPTED).body(Full::default())?)
    }
}
