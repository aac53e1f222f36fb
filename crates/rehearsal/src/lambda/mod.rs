//! Lambda: functions as child processes, each with a Runtime API of its own to poll.

mod function;
mod processes;
mod runtime_api;

#[cfg(test)]
mod tests;

use std::{future::Future, time::Duration};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

pub use self::function::{ClockSkew, ProcessLimit};
pub(crate) use self::{
    function::{FunctionProcess, Setup, locate},
    processes::ProcessPool,
    runtime_api::{RUNTIME_PATH, invocation_response, parse_result},
};
use crate::function_name::FunctionName;

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

impl InvocationResult {
    /// Whether the function returned, and no error. Lambda makes no record of such an invocation.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Success(_))
    }

    /// What is known of an invocation whose end nobody told.
    pub(crate) fn abandoned() -> Self {
        Self::Exited("was given up".to_owned())
    }
}

/// Lines of functions, each with who wrote it.
pub(crate) type LogLines = mpsc::UnboundedReceiver<(FunctionName, String)>;

/// Whoever can invoke the functions.
pub(crate) trait Invoker: Send {
    /// Invokes one, and gives a channel on which its end will be told.
    fn invoke(
        &mut self,
        function: FunctionName,
        payload: Vec<u8>,
        timeout: Duration,
    ) -> impl Future<Output = anyhow::Result<oneshot::Receiver<InvocationResult>>> + Send;
}
