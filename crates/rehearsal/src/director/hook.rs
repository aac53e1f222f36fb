//! One hook: invoked, and waited for until somebody answers or the hour is over.

use std::time::{Duration, Instant, SystemTime};

use tokio::{sync::watch, time::sleep};

use super::{
    TICK,
    backstage::Progress,
    executed::Executed,
    told::{Seen, Verdict},
    track::Track,
};
use crate::{
    function_name::FunctionName,
    hook_name::HookName,
    log::{self, Line},
    report::{Answer, AnsweredBy, CheckLine, Happening, HookRun},
    runtime::Functions,
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
    program: FunctionName,
    checks: Vec<CheckLine>,
    verdict: Option<Verdict>,
    net_verdict: Option<Verdict>,
    progress: watch::Receiver<Progress>,
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
        program: FunctionName,
        stop: Option<Duration>,
    ) -> anyhow::Result<Ran> {
        let execution = self.world().execution(hook.name());
        let began = Instant::now();
        let progress = self.invoke(hook, program, &execution).await?;
        let invocations = vec![progress.clone()];
        let executed = Executed { id: execution.clone(), program, began, stopped: false, invocations };
        self.executions.insert(hook, executed);
        let function = self.director.file.as_ref().and_then(|file| file.hooks.get(&hook).cloned());
        self.tell(Happening::Invoked { hook, function });
        let mut watch = Watch { hook, program, checks: Vec::new(), verdict: None, net_verdict: None, progress };
        let waited = loop {
            self.turn(&mut watch).await?;
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
        let (answer, stopped) = match waited {
            Wait::Answered(answer) => {
                let by = self.lower_the_curtain(&mut watch).await?;
                (Some((answer, by)), false)
            }
            Wait::Stopped => (None, true),
            Wait::HourOver => (None, false),
        };
        if let Some(executed) = self.executions.get_mut(&hook) {
            executed.stopped = stopped;
        }
        let run = self.over(watch, answer, stopped, took);
        Ok(Ran { run, stopped })
    }

    fn over(&self, watch: Watch, answer: Option<(Answer, AnsweredBy)>, stopped: bool, took: Duration) -> HookRun {
        let progress = watch.progress.borrow().clone();
        let told = Seen {
            hook: watch.hook,
            program: watch.program,
            answer,
            by_operator: stopped,
            verdict: watch.verdict.as_ref(),
            net_verdict: watch.net_verdict.as_ref(),
            ended: progress.ended.as_ref(),
            net_ended: progress.net.as_ref(),
            has_net: self.director.net,
            hour: self.director.hour,
        }
        .told();
        HookRun {
            hook: watch.hook,
            answer: answer.map(|(answer, _)| answer),
            answered_by: answer.map_or(AnsweredBy::Nobody, |(_, by)| by),
            code: told.code,
            verdict: told.verdict,
            hint: told.hint,
            checks: watch.checks,
            took,
        }
    }

    /// One look at everything that can happen.
    async fn turn(&mut self, watch: &mut Watch) -> anyhow::Result<()> {
        let put = &self.director.cloud.put;
        let line = tokio::select! {
            line = self.lines.recv() => line,
            worked = self.backstage.work() => {
                worked?;
                None
            }
            () = put.notified() => None,
            () = sleep(TICK) => None,
        };
        if let Some((function, line)) = line {
            self.hear(watch, function, &line);
        }
        while let Ok((function, line)) = self.lines.try_recv() {
            self.hear(watch, function, &line);
        }
        self.news();
        Ok(())
    }

    fn hear(&mut self, watch: &mut Watch, function: FunctionName, line: &str) {
        // The same function may be at work for another deployment.
        let of_another = || log::deployment(line).is_some_and(|deployment| deployment != self.deployment);
        if function == FunctionName::LastAnswer && watch.program != FunctionName::LastAnswer {
            if let Some(Line::Verdict { code, message }) = log::read(line).filter(|_| !of_another()) {
                watch.net_verdict = Some((code, message));
            }
            return;
        }
        if function != watch.program {
            return self.overhear(function, line);
        }
        if of_another() {
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

    /// The answer is there; now the function returns, and its last lines arrive. If it fails instead, the net comes to
    /// its end. Gives whose answer it was.
    async fn lower_the_curtain(&mut self, watch: &mut Watch) -> anyhow::Result<AnsweredBy> {
        let curtain = Instant::now() + CURTAIN;
        let mut last_lines = None;
        loop {
            // What was put is noted a moment after it took effect.
            let by = self.director.who_answered(&self.deployment, watch.hook);
            let (ended, over) = {
                let progress = watch.progress.borrow();
                (progress.ended.is_some(), progress.over)
            };
            if over {
                let until = *last_lines.get_or_insert_with(|| Instant::now() + LAST_LINES);
                let verdict = if by == AnsweredBy::Net { &watch.net_verdict } else { &watch.verdict };
                if verdict.is_some() || Instant::now() >= until {
                    return Ok(by);
                }
            } else if !ended && Instant::now() >= curtain {
                return Ok(by);
            }
            self.turn(watch).await?;
        }
    }
}
