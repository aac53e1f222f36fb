//! Evaluates one deployment: from its id to findings. Each step is a file; their order is the policy.
//!
//! What a check finds goes to the finding log. If the evaluation ends before the checks, the [`Conclusion`] says why.

mod alb_url;
mod context;
mod discover;
mod gate;
mod lifecycle_event;
mod plan;
mod rollback;
mod run;
mod settings;
mod skip;
mod time_limit;
mod view;

use std::time::SystemTime;

use lifecycle::DeploymentId;
use tokio::time::Instant;

pub use self::context::EvaluationContext;
use self::{time_limit::TimeLimit, view::View};
use crate::{
    conclusion::{Conclusion, WARN},
    finding_log::FindingLog,
    phase::Phase,
};

/// How an evaluation ended that did not end early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evaluated {
    /// The checks ran. What they found is in the finding log.
    Checked,
}

/// Finds out what can be found out by `until`.
///
/// # Errors
/// The reason for which no check ran.
pub async fn evaluate(
    cx: &EvaluationContext,
    id: &DeploymentId,
    log: &FindingLog,
    until: Instant,
) -> Result<Evaluated, Conclusion> {
    let started_at = Instant::now();
    let aws = cx.aws_with_retries(started_at, until);
    if cx.settings.has_smoke_test(cx.hook) {
        let (plan, view) = (alb_url::plan(&cx.settings.routes)?, View::without_discovery());
        let evaluated = run::checks(cx, aws, plan, view, log, (started_at, TimeLimit::of_function(until))).await;
        log.record(Phase::Version, WARN, alb_url::version_unverified());
        return Ok(evaluated);
    }
    let found = discover::deployment(&aws, cx.settings.rollback, id, log).await;
    rollback::let_through(cx.settings.rollback, id, found.as_ref().ok().map(|found| &found.deployment))?;
    settings::check(&cx.settings)?;
    let gate = gate::load(cx, &aws, id, &found, log).await?;
    let found = found.map_err(|error| discover::unreadable(id, error))?;
    skip::check(gate.section.skip.as_ref(), &found.deployment, log, SystemTime::now())?;
    let found = lifecycle_event::confirm(cx, &aws, id, found, log, until).await?;
    let limit = time_limit::for_checks(cx.hook, &found.progress, gate.section.deadline, until);
    let plan = plan::for_deployment(cx.hook, gate, cx.when_context(&found.deployment))?;
    let view = view::read(cx, &aws, id, found, log).await?;
    Ok(run::checks(cx, aws, plan, view, log, (started_at, limit)).await)
}
