//! Runs one hook: invokes its function, and waits until a status is put or CodeDeploy's timeout is over.

use std::time::{Duration, Instant, SystemTime};

use lifecycle::{Hook, Status};
use tokio::{sync::watch, time::sleep};

use crate::{
    check_line::CheckLine,
    codedeploy::{
        deployment_run::DeploymentRun, hook_summary::HookOutcome, invocations::InvocationProgress,
        simulated_codedeploy::POLL_INTERVAL, tracked_execution::TrackedExecution,
    },
    lambda::{
        FunctionName, HookVerdict, Invoker,
        hook_log::{self, HookLogLine},
    },
    report::{AnsweredBy, EventKind, HookRun},
    world::EventStatus,
};

/// How long the function gets, after its status, to return and to have its log lines read.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);
/// After the function returns, a verdict line that it wrote is read within this time.
const LOG_FLUSH_TIMEOUT: Duration = Duration::from_millis(300);

/// The report of a hook, and whether an operator stopped the deployment during it.
pub(super) struct HookRunResult {
    pub run: HookRun,
    pub stopped: bool,
}

/// The state of a hook while it runs.
struct HookWatcher {
    hook: Hook,
    /// The function that runs. It is another hook's if the AppSpec file is wrong.
    program: FunctionName,
    checks: Vec<CheckLine>,
    verdict: Option<HookVerdict>,
    on_failure_verdict: Option<HookVerdict>,
    progress: watch::Receiver<InvocationProgress>,
}

/// How the wait for a status ended.
enum WaitEnd {
    StatusPut(Status),
    Stopped,
    TimedOut,
}

impl<F: Invoker> DeploymentRun<'_, F> {
    pub(super) async fn run_hook(
        &mut self,
        hook: Hook,
        program: FunctionName,
        stop: Option<Duration>,
    ) -> anyhow::Result<HookRunResult> {
        let execution = self.world().create_execution(hook.event_name());
        let started = Instant::now();
        let progress = self.invoke(hook, program, &execution).await?;
        let invocations = vec![progress.clone()];
        let executed = TrackedExecution {
            id: execution.clone(),
            program,
            started,
            stopped: false,
            verdict: HookVerdict::default(),
            invocations,
        };
        self.executions.insert(hook, executed);
        let function = self.appspec_file.as_ref().and_then(|file| file.hooks.get(&hook).cloned());
        self.send_event(EventKind::HookInvoked { hook, function });
        let mut watch =
            HookWatcher { hook, program, checks: Vec::new(), verdict: None, on_failure_verdict: None, progress };
        let waited = loop {
            self.wait_for_next(&mut watch).await?;
            if let Some(answer) = self.world().execution_status(&execution) {
                break WaitEnd::StatusPut(answer);
            }
            if stop.is_some_and(|after| started.elapsed() >= after) || self.is_stop_requested() {
                break WaitEnd::Stopped;
            }
            if started.elapsed() >= self.codedeploy.hook_timeout {
                self.world().end_event(hook.event_name(), EventStatus::Failed, SystemTime::now());
                break WaitEnd::TimedOut;
            }
        };
        let took = started.elapsed();
        let (answer, stopped) = match waited {
            WaitEnd::StatusPut(answer) => {
                let by = self.drain_after_status(&mut watch).await?;
                (Some((answer, by)), false)
            }
            WaitEnd::Stopped => (None, true),
            WaitEnd::TimedOut => (None, false),
        };
        if let Some(executed) = self.executions.get_mut(&hook) {
            executed.stopped = stopped;
            executed.verdict = watch.verdict.clone().unwrap_or_default();
        }
        let run = self.hook_run_report(watch, answer, stopped, took);
        Ok(HookRunResult { run, stopped })
    }

    fn hook_run_report(
        &self,
        watch: HookWatcher,
        answer: Option<(Status, AnsweredBy)>,
        stopped: bool,
        took: Duration,
    ) -> HookRun {
        let progress = watch.progress.borrow().clone();
        let summary = HookOutcome {
            hook: watch.hook,
            program: watch.program,
            status: answer,
            by_operator: stopped,
            verdict: watch.verdict.as_ref(),
            on_failure_verdict: watch.on_failure_verdict.as_ref(),
            ended: progress.ended.as_ref(),
            on_failure_ended: progress.on_failure.as_ref(),
            has_on_failure: self.codedeploy.on_failure,
            hook_timeout: self.codedeploy.hook_timeout,
        }
        .summary();
        HookRun {
            hook: watch.hook,
            status: answer.map(|(answer, _)| answer),
            answered_by: answer.map_or(AnsweredBy::Nobody, |(_, by)| by),
            code: summary.code,
            verdict: summary.verdict,
            reason: summary.reason,
            hint: summary.hint,
            checks: watch.checks,
            took,
        }
    }

    /// Waits for the next thing that happens, and handles it.
    async fn wait_for_next(&mut self, watch: &mut HookWatcher) -> anyhow::Result<()> {
        let put = &self.codedeploy.aws.status_put;
        let line = tokio::select! {
            line = self.lines.recv() => line,
            worked = self.invocations.run_until_one_ends() => {
                worked?;
                None
            }
            () = put.notified() => None,
            () = sleep(POLL_INTERVAL) => None,
        };
        if let Some((function, line)) = line {
            self.on_log_line(watch, function, &line);
        }
        while let Ok((function, line)) = self.lines.try_recv() {
            self.on_log_line(watch, function, &line);
        }
        self.emit_world_events();
        Ok(())
    }

    fn on_log_line(&mut self, watch: &mut HookWatcher, function: FunctionName, line: &str) {
        // The same function may run for another deployment at the same time.
        let is_of_other_deployment =
            || hook_log::deployment(line).is_some_and(|deployment| deployment != self.deployment);
        if function == FunctionName::OnFailure && watch.program != FunctionName::OnFailure {
            if let Some(HookLogLine::Verdict(verdict)) = hook_log::read(line).filter(|_| !is_of_other_deployment()) {
                watch.on_failure_verdict = Some(verdict);
            }
            return;
        }
        if function != watch.program {
            return self.route_other_line(function, line);
        }
        if is_of_other_deployment() {
            return;
        }
        match hook_log::read(line) {
            Some(HookLogLine::Check(check)) => {
                self.send_event(EventKind::CheckFinished { hook: watch.hook, check: check.clone() });
                watch.checks.push(check);
            }
            Some(HookLogLine::Verdict(verdict)) => watch.verdict = Some(verdict),
            None => {}
        }
    }

    /// Waits after the status until the function has returned and its last lines have arrived. If the function fails,
    /// also waits for the on-failure handler. Returns who put the status.
    async fn drain_after_status(&mut self, watch: &mut HookWatcher) -> anyhow::Result<AnsweredBy> {
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        let mut last_lines = None;
        loop {
            // The record of a status is written a moment after the status takes effect.
            let by = self.codedeploy.who_answered(&self.deployment, watch.hook);
            let (ended, over) = {
                let progress = watch.progress.borrow();
                (progress.ended.is_some(), progress.finished)
            };
            if over {
                let until = *last_lines.get_or_insert_with(|| Instant::now() + LOG_FLUSH_TIMEOUT);
                let verdict =
                    if by == AnsweredBy::OnFailureHandler { &watch.on_failure_verdict } else { &watch.verdict };
                if verdict.is_some() || Instant::now() >= until {
                    return Ok(by);
                }
            } else if !ended && Instant::now() >= deadline {
                return Ok(by);
            }
            self.wait_for_next(watch).await?;
        }
    }
}
