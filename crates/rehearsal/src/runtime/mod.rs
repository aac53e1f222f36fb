//! Lambda: functions as child processes, each with a Runtime API of its own to poll.

mod api;
mod function;

#[cfg(test)]
mod tests;

use std::{future::Future, path::PathBuf, time::Duration};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

pub use self::function::ClockOff;
pub(crate) use self::{
    api::{RUNTIME, invocation, result},
    function::{Function, Setup, locate},
};
use crate::hook_name::HookName;

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvocationResult {
    /// The function returned this.
    Success(Value),
    /// The function returned an error.
    Error {
        /// Lambda's `errorType`.
        error_type: String,
        /// Lambda's `errorMessage`.
        error_message: String,
    },
    /// The process ended; its exit status in words.
    Exited(String),
    /// The time-out passed, and the process was killed.
    TimedOut(Duration),
}

/// Lines of functions, each with who wrote it.
pub(crate) type Lines = mpsc::UnboundedReceiver<(HookName, String)>;

/// Whoever can invoke the five functions.
pub(crate) trait Functions {
    /// Invokes one, and gives a channel on which its end will be told.
    fn invoke(
        &mut self,
        hook: HookName,
        payload: Vec<u8>,
        timeout: Duration,
    ) -> impl Future<Output = anyhow::Result<oneshot::Receiver<InvocationResult>>> + Send;
}

/// The five functions as processes. Dropping it kills them.
#[derive(Debug)]
pub(crate) struct Fleet(Vec<Function>);

impl Fleet {
    /// Starts all five at once, as Lambda would begin their init phases when they are first needed.
    pub async fn start(folder: &std::path::Path, setup: &Setup) -> anyhow::Result<(Self, Lines)> {
        let programs: Vec<(HookName, PathBuf)> = HookName::ALL
            .into_iter()
            .map(|hook| Ok((hook, locate(folder, hook.binary())?)))
            .collect::<anyhow::Result<_>>()?;
        let (sender, lines) = mpsc::unbounded_channel();
        let mut functions = Vec::new();
        for (hook, program) in programs {
            functions.push(Function::start(hook, program, setup.clone(), sender.clone()).await?);
        }
        Ok((Self(functions), lines))
    }
}

impl Functions for Fleet {
    async fn invoke(
        &mut self,
        hook: HookName,
        payload: Vec<u8>,
        timeout: Duration,
    ) -> anyhow::Result<oneshot::Receiver<InvocationResult>> {
        let own = |function: &Function| function.hook() == hook;
        let at = match self.0.iter().position(|function| own(function) && function.is_free()) {
            Some(at) => at,
            None => {
                let busy = self.0.iter().find(|function| own(function));
                let busy = busy.ok_or_else(|| anyhow::anyhow!("there is no function for {hook}"))?;
                let another = busy.another().await?;
                self.0.push(another);
                self.0.len() - 1
            }
        };
        self.0[at].invoke(payload, timeout).await
    }
}
