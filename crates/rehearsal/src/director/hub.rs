//! What the functions write goes to everybody who follows a deployment, and into the record of all lines.

use std::{
    convert::Infallible,
    sync::{Mutex, PoisonError},
};

use tokio::sync::{
    Mutex as AsyncMutex,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use crate::{function_name::FunctionName, runtime::Lines};

/// A line and who wrote it.
type Line = (FunctionName, String);

/// Where all lines arrive.
pub(super) struct Hub {
    lines: AsyncMutex<Lines>,
    followers: Mutex<Vec<UnboundedSender<Line>>>,
    record: Mutex<Vec<Line>>,
}

impl Hub {
    pub fn new(lines: Lines) -> Self {
        Self { lines: AsyncMutex::new(lines), followers: Mutex::default(), record: Mutex::default() }
    }

    /// All lines from now on.
    pub fn follow(&self) -> UnboundedReceiver<Line> {
        let (sender, receiver) = unbounded_channel();
        self.followers.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// Passes on lines, for as long as it is polled.
    pub async fn run(&self) -> Infallible {
        let mut lines = self.lines.lock().await;
        loop {
            match lines.recv().await {
                Some(line) => self.pass(line),
                None => std::future::pending().await,
            }
        }
    }

    /// What has been written, to the end.
    pub fn close(&self) -> Vec<Line> {
        if let Ok(mut lines) = self.lines.try_lock() {
            while let Ok(line) = lines.try_recv() {
                self.pass(line);
            }
        }
        std::mem::take(&mut *self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn pass(&self, line: Line) {
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|follower| follower.send(line.clone()).is_ok());
        self.record.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}
