//! Lambda: functions as child processes, each with a Runtime API of its own to poll.

mod api;
mod fleet;
mod function;

#[cfg(test)]
mod tests;

use std::{future::Future, time::Duration};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

pub use self::function::{ClockOff, Limit};
pub(crate) use self::{
    api::{RUNTIME, invocation, result},
    fleet::Fleet,
    function::{Function, Setup, locate},
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
    pub(crate) fn given_up() -> Self {
        Self::Exited("was given up".to_owned())
    }
}

/// Lines of functions, each with who wrote it.
pub(crate) type Lines = mpsc::UnboundedReceiver<(FunctionName, String)>;

/// Whoever can invoke the functions.
pub(crate) trait Functions: Send {
    /// Invokes one, and gives a channel on which its end will be told.
    fn invoke(
        &mut self,
        function: FunctionName,
        payload: Vec<u8>,
        timeout: Duration,
    ) -> impl Future<Output = anyhow::Result<oneshot::Receiver<InvocationResult>>> + Send;
}
