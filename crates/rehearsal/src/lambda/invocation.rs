//! An invocation of a function, and how it ended.

use std::{fmt, future::Future, time::Duration};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::lambda::FunctionName;

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvocationResult {
    /// The function returned this value.
    Success(Value),
    /// The function returned an error.
    Error {
        /// Lambda's `errorType`.
        error_type: String,
        /// Lambda's `errorMessage`.
        error_message: String,
    },
    /// The process ended.
    Exited(ProcessExit),
    /// The process was killed after this timeout.
    TimedOut(Duration),
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessExit {
    /// It exited with this code.
    Code(i32),
    /// It was killed with SIGKILL, as Lambda kills a process.
    Killed,
    /// Anything else, such as another signal, in words.
    Other(String),
}

impl fmt::Display for ProcessExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status: {code}"),
            Self::Killed => f.write_str("signal: 9 (SIGKILL)"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl InvocationResult {
    /// Whether the function returned without an error. Lambda sends no record of such an invocation to the on-failure
    /// destination.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Success(_))
    }

    /// The result of an invocation whose end was never reported.
    pub(crate) fn abandoned() -> Self {
        Self::Exited(ProcessExit::Other("was abandoned".to_owned()))
    }
}

/// Output lines of functions, each with the function that wrote it.
pub(crate) type LogLines = mpsc::UnboundedReceiver<(FunctionName, String)>;

/// Something that can invoke the functions.
pub(crate) trait Invoker: Send {
    /// Invokes a function, and returns a channel for its result.
    fn invoke(
        &mut self,
        function: FunctionName,
        payload: Vec<u8>,
        timeout: Duration,
    ) -> impl Future<Output = anyhow::Result<oneshot::Receiver<InvocationResult>>> + Send;
}
