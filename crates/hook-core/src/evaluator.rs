//! One hook's judging without the answer: what a function does before it answers, and all that a trial does.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use crate::{
    aws::Aws,
    checks::HttpClient,
    deadline::Deadline,
    evaluate::{self, EvaluationContext},
    finding_log::{FindingLog, Interruption},
    hook::Hook,
    ids::DeploymentId,
    isolation::{IsolatedRuntime, TaskEnd},
    redact::Redactor,
    settings::Settings,
};

/// What judging needs, and the runtime that it happens on.
pub struct Evaluator {
    context: Arc<EvaluationContext>,
    runtime: IsolatedRuntime,
}

impl Evaluator {
    /// Clients are made here, once, and all of them for reading. Nothing in here can fail.
    pub fn new(hook: Hook, settings: Settings) -> Self {
        let bench = EvaluationContext {
            hook,
            aws: Aws::new(&settings.aws),
            http_client: HttpClient::new(&settings.aws),
            settings,
        };
        Self { context: Arc::new(bench), runtime: IsolatedRuntime::default() }
    }

    /// What nothing that is found may show: the credentials.
    pub fn redactor(&self) -> Redactor {
        self.context.settings.aws.redactor()
    }

    /// The function's region.
    pub fn region(&self) -> Option<&str> {
        self.context.settings.aws.region.as_deref()
    }

    /// Judges on the other runtime, and comes back in time whatever happens there: with what cut it off, should
    /// something on the board not have come to its end.
    pub async fn evaluate(
        &self,
        deployment: &DeploymentId,
        finding_log: &FindingLog,
        deadline: Deadline,
        started_at: Instant,
    ) -> Interruption {
        if deadline.checks <= started_at {
            evaluate::record_no_time(finding_log);
            return Interruption::Time(started_at.elapsed());
        }
        let judging =
            evaluate::evaluate(self.context.clone(), deployment.clone(), finding_log.clone(), deadline.checks);
        // Watched from here as well: a check that blocks its thread may not delay a verdict that is certain.
        let expired = async {
            tokio::select! {
                () = sleep_until(deadline.checks) => {}
                () = finding_log.verdict_certain() => {}
            }
        };
        match self.runtime.run(judging, expired).await {
            Ok(TaskEnd::Done | TaskEnd::Abandoned) => Interruption::Time(started_at.elapsed()),
            Ok(TaskEnd::Panicked) => Interruption::Panic,
            Err(error) => {
                evaluate::record_no_thread(finding_log, &error);
                Interruption::Panic
            }
        }
    }
}
