//! The functions of an account, as processes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};

use crate::lambda::{FunctionName, FunctionProcess, InvocationResult, Invoker, LogLines, Setup, locate};

/// The processes of all functions. Dropping the pool kills them.
#[derive(Debug)]
pub(crate) struct ProcessPool {
    pub(super) functions: Vec<FunctionProcess>,
    programs: BTreeMap<FunctionName, PathBuf>,
    setup: Setup,
    lines: mpsc::UnboundedSender<(FunctionName, String)>,
}

impl ProcessPool {
    /// Starts the six functions whose programs are in `folder`.
    pub async fn start(folder: &Path, setup: &Setup) -> anyhow::Result<(Self, LogLines)> {
        let found = FunctionName::all_functions().map(|name| Ok((name, locate(folder, name.program_name())?)));
        Self::from_programs(found.collect::<anyhow::Result<_>>()?, setup).await
    }

    /// Starts these programs. The hook functions start at once, while Lambda would start their init phases when they
    /// are first needed. The on-failure handler starts when it is needed.
    pub async fn from_programs(
        programs: BTreeMap<FunctionName, PathBuf>,
        setup: &Setup,
    ) -> anyhow::Result<(Self, LogLines)> {
        let (sender, lines) = mpsc::unbounded_channel();
        let mut functions = Vec::new();
        for (name, program) in programs.iter().filter(|(name, _)| **name != FunctionName::OnFailure) {
            functions.push(FunctionProcess::start(*name, program.clone(), setup.clone(), sender.clone()).await?);
        }
        Ok((Self { functions, programs, setup: setup.clone(), lines: sender }, lines))
    }

    /// Returns an idle process of a function. Starts another one if there is none, as Lambda starts another execution
    /// environment when all are busy.
    pub async fn idle(&mut self, name: FunctionName) -> anyhow::Result<&mut FunctionProcess> {
        let at = match self.functions.iter().position(|function| function.name() == name && function.is_idle()) {
            Some(at) => at,
            None => {
                let program = self.programs.get(&name);
                let program = program.ok_or_else(|| anyhow::anyhow!("there is no function {name}"))?.clone();
                let setup = self.setup.clone().for_function(name);
                self.functions.push(FunctionProcess::start(name, program, setup, self.lines.clone()).await?);
                self.functions.len() - 1
            }
        };
        Ok(&mut self.functions[at])
    }

    /// The CPU time that the first process used.
    pub fn cpu(&self) -> Option<Duration> {
        self.functions.first()?.cpu()
    }

    /// Kills all processes and reads their output to the end.
    pub async fn finish(self) {
        for function in self.functions {
            function.finish().await;
        }
    }
}

impl Invoker for ProcessPool {
    async fn invoke(
        &mut self,
        function: FunctionName,
        payload: Vec<u8>,
        timeout: Duration,
    ) -> anyhow::Result<oneshot::Receiver<InvocationResult>> {
        self.idle(function).await?.invoke(payload, timeout).await
    }
}
