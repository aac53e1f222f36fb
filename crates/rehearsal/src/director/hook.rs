//! One hook: invoked, and waited for until somebody answers or the hour is over.

use std::time::{Duration, Instant, SystemTime};

use tokio::{sync::oneshot, time::sleep};

use super::{TICK, track::Track};
use crate::{
    hook_name::HookName,
    log::{self, Line},
    report::{Answer, CheckLine, Happening, HookRun},
    runtime::{Functions, InvocationResult},
    stage::event,
    world::EventStatus,
};

/// After the answer the function gets this long to return and to have its lines read.
const CURTAIN: Duration = Duration::from_secs(3);
/// When it has returned, a verdict line that was written is read within this.
const LAST_LINES: Duration = Duration::from_millis(300);

/// A hook's part, and whether an operator ended it.
pub(super) struct Ran {
    pub run: HookRun,
    pub stopped: bool,
}

/// What is known about a hook while it runs.
struct Watch {
    hook: HookName,
    /// Whose function runs; another's, if the AppSpec is wrong.
    program: HookName,
    checks: Vec<CheckLine>,
    verdict: Option<(String, String)>,
    ended: Option<InvocationResult>,
}

/// How waiting ended.
enum Wait {
    Answered(Answer),
    Stopped,
    HourOver,
}

impl<F: Functions> Track<'_, F> {
    pub(super) async fn run_hook(
        &mut self,
        hook: HookName,
        program: HookName,
        stop: Option<Duration>,
    ) -> anyhow::Result<Ran> {
        let execution = self.world().execution(hook.name());
        self.executions.insert(hook, execution.clone());
        let began = Instant::now();
        // Asynchronously: CodeDeploy waits for the status that is put, never for what the function returns.
        let payload = event(&self.deployment, &execution);
        let mut end = self.director.functions.lock().await.invoke(program, payload, self.director.timeout).await?;
        self.tell(Happening::Invoked { hook });
        let mut watch = Watch { hook, program, checks: Vec::new(), verdict: None, ended: None };
        let waited = loop {
            self.turn(&mut watch, &mut end).await;
            if let Some(answer) = self.world().answer(&execution) {
                break Wait::Answered(answer);
            }
            if stop.is_some_and(|after| began.elapsed() >= after) {
                break Wait::Stopped;
            }
            if began.elapsed() >= self.director.hour {
                self.world().leave(hook.name(), EventStatus::Failed, SystemTime::now());
                break Wait::HourOver;
            }
        };
        let took = began.elapsed();
        if matches!(waited, Wait::Answered(_)) {
            self.lower_the_curtain(&mut watch, &mut end).await;
        }
        let (answer, stopped) = match waited {
            Wait::Answered(answer) => (Some(answer), false),
            Wait::Stopped => (None, true),
            Wait::HourOver => (None, false),
        };
        let (code, verdict) = self.judge(&watch, answer, stopped);
        Ok(Ran { run: HookRun { hook, answer, code, verdict, checks: watch.checks, took }, stopped })
    }

    /// One look at everything that can happen.
    async fn turn(&mut self, watch: &mut Watch, end: &mut oneshot::Receiver<InvocationResult>) {
        let put = &self.director.cloud.put;
        let line = tokio::select! {
            line = self.lines.recv() => line,
            ended = &mut *end, if watch.ended.is_none() => {
                watch.ended = Some(ended.unwrap_or_else(|_| InvocationResult::Exited("was given up".to_owned())));
                None
            }
            () = put.notified() => None,
            () = sleep(TICK) => None,
        };
        if let Some((hook, line)) = line {
            self.hear(watch, hook, &line);
        }
        while let Ok((hook, line)) = self.lines.try_recv() {
            self.hear(watch, hook, &line);
        }
        self.news();
    }

    fn hear(&mut self, watch: &mut Watch, hook: HookName, line: &str) {
        if hook != watch.program {
            return self.overhear(hook, line);
        }
        // The same function may be at work for another deployment.
        if log::deployment(line).is_some_and(|deployment| deployment != self.deployment) {
            return;
        }
        match log::read(line) {
            Some(Line::Check(check)) => {
                self.tell(Happening::Checked { hook: watch.hook, check: check.clone() });
                watch.checks.push(check);
            }
            Some(Line::Verdict { code, message }) => watch.verdict = Some((code, message)),
            None => {}
        }
    }

    /// The answer is there; now the function returns, and its last lines arrive.
    async fn lower_the_curtain(&mut self, watch: &mut Watch, end: &mut oneshot::Receiver<InvocationResult>) {
        let curtain = Instant::now() + CURTAIN;
        let mut last_lines = None;
        while Instant::now() < curtain {
            if watch.ended.is_some() {
                let until = *last_lines.get_or_insert_with(|| Instant::now() + LAST_LINES);
                if watch.verdict.is_some() || Instant::now() >= until {
                    return;
                }
            }
            self.turn(watch, end).await;
        }
    }

    /// Code and verdict: the hook's own, else in words why there is none.
    fn judge(&self, watch: &Watch, answer: Option<Answer>, stopped: bool) -> (String, String) {
        let (hook, hour) = (watch.hook, self.director.hour);
        if stopped {
            return (String::new(), format!("{hook}: an operator stopped the deployment while it ran"));
        }
        let nobody = format!(
            "nobody answered in the {} that CodeDeploy waits here (an hour in AWS)",
            humantime::format_duration(hour)
        );
        match (answer, &watch.verdict, &watch.ended) {
            (Some(_), Some((code, message)), _) => (code.clone(), message.clone()),
            (Some(answer), None, _) => (String::new(), format!("{hook} answered {answer:?} and logged no verdict")),
            (None, _, None) => (String::new(), format!("{hook}: the function still runs, and {nobody}")),
            (None, _, Some(InvocationResult::Success(_))) => {
                (String::new(), format!("{hook}: the function returned, but {nobody}"))
            }
            (None, _, Some(InvocationResult::Error { error_type, error_message })) => (
                error_type.clone(),
                format!("{hook}: the function failed with {error_type}: {error_message}; {nobody}"),
            ),
            (None, _, Some(InvocationResult::Exited(status))) => {
                (String::new(), format!("{hook}: the process ended ({status}), and {nobody}"))
            }
            (None, _, Some(InvocationResult::TimedOut(after))) => {
                let after = humantime::format_duration(*after);
                (String::new(), format!("{hook}: the function timed out after {after}, and {nobody}"))
            }
        }
    }
}
