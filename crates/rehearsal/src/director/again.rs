//! The event of a hook that is delivered once more. Lambda promises at least once, not once.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{TICK, backstage::Progress, track::Track};
use crate::{
    function_name::FunctionName,
    hook_name::HookName,
    log::{self, Line},
    report::{Answer, Happening},
    runtime::Functions,
    scenario::Again,
    world::EVENTS,
};

/// A hook that finds no event in progress asks again for 10 s; then it has to have answered.
const PATIENCE: Duration = Duration::from_secs(20);

/// A second delivery on its way.
pub(super) struct Delivered {
    hook: HookName,
    progress: watch::Receiver<Progress>,
    /// What CodeDeploy had taken before.
    answer: Option<Answer>,
    verdict: Option<(String, String)>,
}

impl<F: Functions> Track<'_, F> {
    /// After a lifecycle event (none: after the deployment) the event may be delivered once more. When the deployment is
    /// over that is waited for; gives what was not as promised, in words.
    pub(super) async fn deliver_again(&mut self, after: Option<&str>) -> anyhow::Result<Option<String>> {
        let Some(again) = &self.play.again else { return Ok(None) };
        // After the last event comes the end of the deployment, and that is when it is meant.
        let last = EVENTS.last().copied();
        let due = after == Some(again.after.as_str()) && after != last;
        if self.again.is_none() && (due || after.is_none()) {
            self.again = self.deliver(again).await?;
        }
        if after.is_some() {
            return Ok(None);
        }
        self.outcome_of_again(again).await
    }

    async fn deliver(&mut self, again: &Again) -> anyhow::Result<Option<Delivered>> {
        let hook = again.hook;
        let Some(execution) = self.executions.get(&hook).map(|executed| executed.id.clone()) else { return Ok(None) };
        let answer = self.world().answer(&execution);
        let progress = self.invoke(hook, hook.into(), &execution).await?;
        if let Some(executed) = self.executions.get_mut(&hook) {
            executed.invocations.push(progress.clone());
        }
        self.tell(Happening::Moved { text: format!("Lambda delivers the event of {hook} once more") });
        Ok(Some(Delivered { hook, progress, answer, verdict: None }))
    }

    /// A line that is not about the hook in progress may be about the one that runs once more.
    pub(super) fn overhear(&mut self, function: FunctionName, line: &str) {
        let own = log::deployment(line).is_none_or(|deployment| deployment == self.deployment);
        if let Some(again) = self.again.as_mut().filter(|again| own && function == again.hook.into())
            && let Some(Line::Verdict { code, message }) = log::read(line)
        {
            again.verdict = Some((code, message));
        }
    }

    async fn outcome_of_again(&mut self, again: &Again) -> anyhow::Result<Option<String>> {
        let hook = again.hook;
        let until = Instant::now() + PATIENCE;
        loop {
            while let Ok((function, line)) = self.lines.try_recv() {
                self.overhear(function, &line);
            }
            let Some(delivered) = &mut self.again else {
                return Ok(Some(format!("expected {hook} to run once more; it never ran at all")));
            };
            let ended = delivered.progress.borrow().ended.is_some();
            if (ended && delivered.verdict.is_some()) || Instant::now() >= until {
                break;
            }
            self.pause(TICK).await?;
        }
        let Some(Delivered { answer, verdict, .. }) = self.again.take() else { return Ok(None) };
        let now = self.executions.get(&hook).and_then(|executed| self.world().answer(&executed.id));
        let (code, message) = verdict.unwrap_or_default();
        self.tell(Happening::Moved { text: format!("the second run of {message}") });
        if now != answer {
            return Ok(Some(format!("expected the first answer of {hook} to stand; it became {now:?}")));
        }
        let says = again.says.as_ref().filter(|says| **says != code);
        Ok(says.map(|says| format!("expected the second run of {hook} to say {says}; it said {code:?}")))
    }
}
