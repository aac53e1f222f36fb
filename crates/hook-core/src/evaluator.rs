//! Evaluates a deployment for one hook without putting a status: a function puts it afterwards, a dry run never does.

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

/// The evaluation's context and the runtime on which it runs.
pub struct Evaluator {
    context: Arc<EvaluationContext>,
    runtime: IsolatedRuntime,
}

impl Evaluator {
    /// Creates all clients once. All of them only read, and nothing here can fail.
    pub fn new(hook: Hook, settings: Settings) -> Self {
        let bench = EvaluationContext {
            hook,
            aws: Aws::new(&settings.aws),
            http_client: HttpClient::new(&settings.aws),
            settings,
        };
        Self { context: Arc::new(bench), runtime: IsolatedRuntime::default() }
    }

    /// Redacts the function's credentials, which no finding is allowed to show.
    pub fn redactor(&self) -> Redactor {
        self.context.settings.aws.redactor()
    }

    pub fn region(&self) -> Option<&str> {
        self.context.settings.aws.region.as_deref()
    }

    /// Evaluates on the other runtime, and returns in time whatever happens there. Returns what interrupted the checks
    /// that did not finish, if there are any.
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
        // This thread watches the verdict too: a check that blocks the other thread must not delay a verdict that is
        // certain.
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
