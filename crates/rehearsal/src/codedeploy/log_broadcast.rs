//! Sends the lines that functions write to every deployment in progress, and keeps a record of all lines.

use std::{
    convert::Infallible,
    sync::{Mutex, PoisonError},
};

use tokio::sync::{
    Mutex as AsyncMutex,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use crate::lambda::{FunctionName, LogLines};

/// The function that wrote a line, and the line.
type FunctionLine = (FunctionName, String);

/// Receives all lines.
pub(super) struct LogBroadcast {
    lines: AsyncMutex<LogLines>,
    subscribers: Mutex<Vec<UnboundedSender<FunctionLine>>>,
    record: Mutex<Vec<FunctionLine>>,
}

impl LogBroadcast {
    pub fn new(lines: LogLines) -> Self {
        Self { lines: AsyncMutex::new(lines), subscribers: Mutex::default(), record: Mutex::default() }
    }

    /// Receives all lines from now on.
    pub fn subscribe(&self) -> UnboundedReceiver<FunctionLine> {
        let (sender, receiver) = unbounded_channel();
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// Distributes lines for as long as it is polled.
    pub async fn run(&self) -> Infallible {
        let mut lines = self.lines.lock().await;
        loop {
            match lines.recv().await {
                Some(line) => self.broadcast(line),
                None => std::future::pending().await,
            }
        }
    }

    /// Ends the distribution and returns all lines.
    pub fn close(&self) -> Vec<FunctionLine> {
        if let Ok(mut lines) = self.lines.try_lock() {
            while let Ok(line) = lines.try_recv() {
                self.broadcast(line);
            }
        }
        std::mem::take(&mut *self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn broadcast(&self, line: FunctionLine) {
        let mut followers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|follower| follower.send(line.clone()).is_ok());
        self.record.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}
