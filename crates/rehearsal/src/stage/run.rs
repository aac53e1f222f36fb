//! A stage with the function on it: started, invoked, and watched to its end.

use std::{
    iter::once,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::{sync::mpsc, time::sleep_until};

use super::{Played, Stage};
use crate::runtime::{Function, Setup, locate};

impl Stage {
    /// Runs the function until each of its invocations has ended, and gives what it did.
    ///
    /// # Errors
    /// The program is not there or cannot be started.
    pub async fn run(self, binaries: &Path) -> anyhow::Result<Played> {
        let program = locate(binaries, self.program.unwrap_or(self.binary.binary()))?;
        let (hook, timeout, mut killed, again) = (self.binary, self.timeout, self.killed, self.again.clone());
        let (env, memory, clock) = (self.env.clone(), self.memory, self.clock);
        let open = self.open().await?;
        let setup = Setup { endpoint: open.endpoint().to_owned(), env, memory, clock, ..Setup::default() };
        let (sender, mut lines) = mpsc::unbounded_channel();
        let mut functions = vec![Function::start(hook, program, setup, sender).await?];

        let began = Instant::now();
        let mut ends = Vec::new();
        for after in once(Duration::ZERO).chain(again) {
            // The shortest sleep is a millisecond, which would be missing from the first invocation's time.
            if !after.is_zero() {
                sleep_until((began + after).into()).await;
            }
            let function = free(&mut functions).await?;
            let invoked = Instant::now();
            let end = function.invoke_and_kill(open.payload().to_vec(), timeout, killed.take()).await?;
            ends.push(tokio::spawn(async move { end.await.map(|how| (how, invoked.elapsed())) }));
        }
        let (mut invocations, mut took) = (Vec::new(), Vec::new());
        for end in ends {
            let (how, time) = end.await?.context("the function was not waited for")?;
            invocations.push(how);
            took.push(time);
        }
        let cpu = functions[0].cpu();
        for function in functions {
            function.finish().await;
        }

        let mut played = Played {
            answers: open.answers(),
            puts: open.cloud.puts(began),
            calls: open.calls(),
            good_replies: open.good_replies(),
            log: Vec::new(),
            raw_log: Vec::new(),
            checks: Vec::new(),
            verdict: String::new(),
            code: String::new(),
            outcome_of_invocation: invocations[0].clone(),
            invocations,
            took,
            cpu,
            requests_to_service: open.requests_to_service(),
            unknown_operations: open.unknown_operations(),
        };
        while let Ok((_, line)) = lines.try_recv() {
            played.hear(line);
        }
        Ok(played)
    }
}

/// A process that is free, or one more: Lambda starts another execution environment when all are at work.
async fn free(functions: &mut Vec<Function>) -> anyhow::Result<&mut Function> {
    let at = match functions.iter().position(Function::is_free) {
        Some(at) => at,
        None => {
            let another = functions[0].another().await?;
            functions.push(another);
            functions.len() - 1
        }
    };
    Ok(&mut functions[at])
}
