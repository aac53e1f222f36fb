//! A second delivery of a hook's event. Lambda delivers an event at least once, not exactly once.

use std::time::{Duration, Instant};

use crate::{
    codedeploy::{
        deployment_run::DeploymentRun, simulated_codedeploy::POLL_INTERVAL, tracked_execution::PendingRedelivery,
    },
    lambda::{
        FunctionName, Invoker,
        hook_log::{self, HookLogLine, HookVerdict},
    },
    report::EventKind,
    scenario::Redelivery,
    world::EVENTS,
};

/// A hook that finds no event in progress reads it again for 10 s, and must then put a status.
const SECOND_RUN_TIMEOUT: Duration = Duration::from_secs(20);

impl<F: Invoker> DeploymentRun<'_, F> {
    /// Delivers the event a second time if it is due after this lifecycle event (`None`: after the deployment). After
    /// the deployment it waits for the second run, and returns how that differs from the scenario's expectation, in
    /// words.
    pub(super) async fn redeliver_if_due(&mut self, after: Option<&str>) -> anyhow::Result<Option<String>> {
        let Some(again) = &self.scenario_deployment.redelivery else { return Ok(None) };
        // A redelivery after the last event is meant for the time after the end of the deployment.
        let last = EVENTS.last().copied();
        let due = after == Some(again.after.as_str()) && after != last;
        if self.redelivery.is_none() && (due || after.is_none()) {
            self.redelivery = self.redeliver(again).await?;
        }
        if after.is_some() {
            return Ok(None);
        }
        self.redelivery_outcome(again).await
    }

    async fn redeliver(&mut self, again: &Redelivery) -> anyhow::Result<Option<PendingRedelivery>> {
        let hook = again.hook;
        let Some(execution) = self.executions.get(&hook).map(|executed| executed.id.clone()) else { return Ok(None) };
        let status = self.world().execution_status(&execution);
        let progress = self.invoke(hook, hook.into(), &execution).await?;
        if let Some(executed) = self.executions.get_mut(&hook) {
            executed.invocations.push(progress.clone());
        }
        self.send_event(EventKind::WorldChanged { text: format!("Lambda delivers the event of {hook} once more") });
        Ok(Some(PendingRedelivery { hook, progress, status, verdict: None }))
    }

    /// A line of another function may come from the second run.
    pub(super) fn route_other_line(&mut self, function: FunctionName, line: &str) {
        let own = hook_log::deployment(line).is_none_or(|deployment| deployment == self.deployment);
        if let Some(again) = self.redelivery.as_mut().filter(|again| own && function == again.hook.into())
            && let Some(HookLogLine::Verdict(verdict)) = hook_log::read(line)
        {
            again.verdict = Some(verdict);
        }
    }

    async fn redelivery_outcome(&mut self, again: &Redelivery) -> anyhow::Result<Option<String>> {
        let hook = again.hook;
        let until = Instant::now() + SECOND_RUN_TIMEOUT;
        loop {
            while let Ok((function, line)) = self.lines.try_recv() {
                self.route_other_line(function, &line);
            }
            let Some(delivered) = &mut self.redelivery else {
                return Ok(Some(format!("expected {hook} to run a second time; it never ran at all")));
            };
            let ended = delivered.progress.borrow().ended.is_some();
            if (ended && delivered.verdict.is_some()) || Instant::now() >= until {
                break;
            }
            self.pause(POLL_INTERVAL).await?;
        }
        let Some(PendingRedelivery { status: answer, verdict, .. }) = self.redelivery.take() else { return Ok(None) };
        let now = self.executions.get(&hook).and_then(|executed| self.world().execution_status(&executed.id));
        let HookVerdict { code, message, .. } = verdict.unwrap_or_default();
        self.send_event(EventKind::WorldChanged { text: format!("the second run of {message}") });
        if now != answer {
            return Ok(Some(format!("expected the first status of {hook} to stay; it became {now:?}")));
        }
        let differing_code = again.verdict_code.as_ref().filter(|says| **says != code);
        Ok(differing_code.map(|says| format!("expected the second run of {hook} to say {says}; it said {code:?}")))
    }
}
