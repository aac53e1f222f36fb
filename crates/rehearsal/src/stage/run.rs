//! A stage with the function on it: started, invoked, and watched to its end.

use std::{
    collections::BTreeMap,
    iter::once,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::{sync::Mutex, time::sleep_until};

use super::{Played, Stage};
use crate::{
    function_name::FunctionName,
    net,
    runtime::{Fleet, Setup, locate},
};

impl Stage {
    /// Runs the function until each of its invocations has ended, and gives what it did.
    ///
    /// # Errors
    /// The program is not there or cannot be started.
    pub async fn run(self, binaries: &Path) -> anyhow::Result<Played> {
        let hook = FunctionName::Hook(self.binary);
        let mut programs = BTreeMap::from([(hook, locate(binaries, self.program.unwrap_or(self.binary.binary()))?)]);
        if self.net {
            programs.insert(FunctionName::LastAnswer, locate(binaries, FunctionName::LastAnswer.binary())?);
        }
        let (timeout, mut killed, again, net) = (self.timeout, self.killed, self.again.clone(), self.net);
        let (env, memory, clock) = (self.env.clone(), self.memory, self.clock);
        let (limits, paused) = (self.limits.clone(), self.paused);
        let open = self.open().await?;
        let setup =
            Setup { endpoint: open.endpoint().to_owned(), env, memory, clock, limits, paused, ..Setup::default() };
        let (fleet, mut lines) = Fleet::of(programs, &setup).await?;
        let fleet = Arc::new(Mutex::new(fleet));

        let began = Instant::now();
        let mut ends = Vec::new();
        for after in once(Duration::ZERO).chain(again) {
            // The shortest sleep is a millisecond, which would be missing from the first invocation's time.
            if !after.is_zero() {
                sleep_until((began + after).into()).await;
            }
            let payload = open.payload().to_vec();
            let invoked = Instant::now();
            let mut functions = fleet.lock().await;
            let end = functions.free(hook).await?.invoke_and_kill(payload.clone(), timeout, killed.take()).await?;
            drop(functions);
            let fleet = fleet.clone();
            ends.push(tokio::spawn(async move {
                let how = end.await.context("the function was not waited for")?;
                let took = invoked.elapsed();
                let caught = if net { net::catch(&*fleet, hook, &payload, &how, |_| {}).await? } else { None };
                anyhow::Ok((how, took, caught))
            }));
        }
        let (mut invocations, mut took, mut nets) = (Vec::new(), Vec::new(), Vec::new());
        for end in ends {
            let (how, time, caught) = end.await??;
            invocations.push(how);
            took.push(time);
            nets.extend(caught);
        }
        let fleet = Arc::into_inner(fleet).context("an invocation still goes on")?.into_inner();
        let cpu = fleet.cpu();
        fleet.finish().await;

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
            nets,
            cpu,
            requests_to_service: open.requests_to_service(),
            unknown_operations: open.unknown_operations(),
        };
        while let Ok((by, line)) = lines.try_recv() {
            played.hear(by, line);
        }
        Ok(played)
    }
}
