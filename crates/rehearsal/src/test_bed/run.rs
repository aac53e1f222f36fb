//! Runs the function of a test bed: starts it, invokes it, and waits until it ends.

use std::{
    collections::BTreeMap,
    iter::once,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::{sync::Mutex, time::sleep_until};

use crate::{
    lambda::{FunctionName, HookVerdict, ProcessPool, Setup, locate, on_failure},
    test_bed::{HookRunReport, HookTestBed},
};

impl HookTestBed {
    /// Runs the function until each of its invocations has ended. Returns what it did.
    ///
    /// # Errors
    /// The program is missing or cannot be started.
    pub async fn run(self, binaries: &Path) -> anyhow::Result<HookRunReport> {
        let hook = FunctionName::Hook(self.binary);
        let mut programs =
            BTreeMap::from([(hook, locate(binaries, self.program.unwrap_or(self.binary.program_name()))?)]);
        if self.on_failure {
            programs.insert(FunctionName::OnFailure, locate(binaries, FunctionName::OnFailure.program_name())?);
        }
        let (timeout, mut killed, again, on_failure) =
            (self.timeout, self.killed, self.redeliveries.clone(), self.on_failure);
        let (env, memory, clock) = (self.env.clone(), self.memory, self.clock);
        let (limits, paused) = (self.limits.clone(), self.paused);
        let open = self.open().await?;
        let setup =
            Setup { endpoint: open.endpoint().to_owned(), env, memory, clock, limits, paused, ..Setup::default() };
        let (processes, mut lines) = ProcessPool::from_programs(programs, &setup).await?;
        let processes = Arc::new(Mutex::new(processes));

        let started = Instant::now();
        let mut ends = Vec::new();
        for after in once(Duration::ZERO).chain(again) {
            // The shortest sleep is a millisecond, which would be missing from the time of the first invocation.
            if !after.is_zero() {
                sleep_until((started + after).into()).await;
            }
            let payload = open.payload().to_vec();
            let invoked = Instant::now();
            let mut functions = processes.lock().await;
            let end = functions.idle(hook).await?.invoke_and_kill(payload.clone(), timeout, killed.take()).await?;
            drop(functions);
            let processes = processes.clone();
            ends.push(tokio::spawn(async move {
                let how = end.await.context("the end of the function was not received")?;
                let took = invoked.elapsed();
                let caught = if on_failure {
                    on_failure::deliver_record(&*processes, hook, &payload, &how, |_| {}).await?
                } else {
                    None
                };
                anyhow::Ok((how, took, caught))
            }));
        }
        let (mut invocations, mut took, mut on_failure_results) = (Vec::new(), Vec::new(), Vec::new());
        for end in ends {
            let (how, time, caught) = end.await??;
            invocations.push(how);
            took.push(time);
            on_failure_results.extend(caught);
        }
        let processes = Arc::into_inner(processes).context("an invocation is still running")?.into_inner();
        let cpu = processes.cpu();
        processes.finish().await;

        let mut report = HookRunReport {
            statuses: open.statuses(),
            puts: open.aws.puts(started),
            calls: open.calls(),
            good_replies: open.aws.good_replies(),
            log: Vec::new(),
            raw_log: Vec::new(),
            checks: Vec::new(),
            verdict: String::new(),
            code: String::new(),
            logged_verdict: HookVerdict::default(),
            invocation_result: invocations[0].clone(),
            invocations,
            took,
            on_failure_results,
            cpu,
            requests_to_service: open.requests_to_service(),
            unknown_operations: open.unknown_operations(),
        };
        while let Ok((by, line)) = lines.try_recv() {
            report.on_log_line(by, line);
        }
        Ok(report)
    }
}
