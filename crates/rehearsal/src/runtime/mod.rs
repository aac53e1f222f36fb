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
use crate::{function_name::FunctionName, hook_name::HookName};

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

/// The functions as processes. Dropping it kills them.
#[derive(Debug)]
pub(crate) struct Fleet {
    functions: Vec<Function>,
    /// The program of the net. It is found at the start, so that a missing one is told at once, and runs when it is needed.
    net: PathBuf,
    setup: Setup,
    lines: mpsc::UnboundedSender<(FunctionName, String)>,
}

impl Fleet {
    /// Starts the five hooks at once, as Lambda would begin their init phases when they are first needed.
    pub async fn start(folder: &std::path::Path, setup: &Setup) -> anyhow::Result<(Self, Lines)> {
        let programs: Vec<(HookName, PathBuf)> = HookName::ALL
            .into_iter()
            .map(|hook| Ok((hook, locate(folder, hook.binary())?)))
            .collect::<anyhow::Result<_>>()?;
        let net = locate(folder, FunctionName::LastAnswer.binary())?;
        let (sender, lines) = mpsc::unbounded_channel();
        let mut functions = Vec::new();
        for (hook, program) in programs {
            functions.push(Function::start(hook.into(), program, setup.clone(), sender.clone()).await?);
        }
        Ok((Self { functions, net, setup: setup.clone(), lines: sender }, lines))
    }

    /// One that has nothing to do; another one is started if there is none.
    async fn free(&mut self, name: FunctionName) -> anyhow::Result<&mut Function> {
        let own = |function: &Function| function.name() == name;
        let at = match self.functions.iter().position(|function| own(function) && function.is_free()) {
            Some(at) => at,
            None => {
                let another = match (self.functions.iter().find(|function| own(function)), name) {
                    (Some(busy), _) => busy.another().await?,
                    (None, FunctionName::LastAnswer) => {
                        Function::start(name, self.net.clone(), self.setup.clone(), self.lines.clone()).await?
                    }
                    (None, FunctionName::Hook(hook)) => anyhow::bail!("there is no function for {hook}"),
                };
                self.functions.push(another);
                self.functions.len() - 1
            }
        };
        Ok(&mut self.functions[at])
    }
}

impl Functions for Fleet {
    async fn invoke(
        &mut self,
        function: FunctionName,
        payload: Vec<u8>,
        timeout: Duration,
    ) -> anyhow::Result<oneshot::Receiver<InvocationResult>> {
        self.free(function).await?.invoke(payload, timeout).await
    }
}
