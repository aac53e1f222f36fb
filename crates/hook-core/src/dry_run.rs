//! A hook's judgement of a real deployment without the answer: for a person with a deployment's id and credentials of
//! their own. It reads AWS and sends the checks' requests; nothing in here can put a status.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

pub use crate::verdict::Status;
use crate::{
    code::ReasonCode,
    deadline::Deadline,
    evaluator::Evaluator,
    finding::{Finding, Outcome},
    finding_log::{FindingLog, FindingObserver},
    hook::Hook,
    ids::DeploymentId,
    log_context::LogContext,
    report,
    settings::{Settings, WrongEventPolicy},
    telemetry,
    verdict::{Mode, Verdict, decide},
};

/// A hook and a deployment.
pub struct DryRun {
    hook: Hook,
    deployment: DeploymentId,
    evaluator: Evaluator,
}

/// A check that has ended, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// Its name.
    pub check: String,
    /// Its kind.
    pub kind: &'static str,
    /// `passed`, `failed`, …: the words of docs/LOGGING.md.
    pub outcome: &'static str,
    /// `pass`, `warn`, `ignore`, `fail`.
    pub decision: &'static str,
    /// The fault, if it is one.
    pub code: Option<ReasonCode>,
    /// What to do about it.
    pub hint: Option<&'static str>,
    /// How long it took.
    pub elapsed: Duration,
    /// The whole line: name, evidence, hint.
    pub line: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRunResult {
    /// What the hook would have answered.
    pub status: Status,
    /// The verdict's line, as the hook would have logged it.
    pub line: String,
    /// The code of what stopped the deployment, or would have if the hook did not only observe.
    pub code: Option<ReasonCode>,
    /// What to do about it.
    pub hint: Option<&'static str>,
    /// Why the deployment could not be read, so that nothing was judged.
    pub unreadable_reason: Option<String>,
    /// How long it took.
    pub elapsed: Duration,
}

impl DryRun {
    /// Settings are those of this process, as a function would read them, with `more` in place of its own: a region, the
    /// credentials, a gate file. Connects to nothing yet.
    ///
    /// # Errors
    /// All that is wrong with the id and the settings, one sentence each.
    pub fn new(
        hook: Hook,
        deployment: &str,
        overrides: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Self, Vec<String>> {
        let mut settings = Settings::from_env_with(overrides);
        // CodeDeploy asked nobody, and what it is at may be over.
        settings.wrong_event = WrongEventPolicy::Ignore;
        let id = DeploymentId::try_from(deployment.to_owned());
        let errors =
            id.as_ref().err().map(|fault| format!("the deployment's id {fault}; it is one such as d-A1B2C3D4E"));
        let faults: Vec<_> = errors.into_iter().chain(std::mem::take(&mut settings.errors)).collect();
        match id {
            Ok(deployment) if faults.is_empty() => {
                Ok(Self { hook, deployment, evaluator: Evaluator::new(hook, settings) })
            }
            _ => Err(faults),
        }
    }

    /// Judges in as much time as the checks of a function with this time-out have, and tells of each check as it ends.
    /// What an SDK warns of goes to standard error.
    pub async fn run(&self, timeout: Duration, on_check: impl Fn(CheckResult) + Send + Sync + 'static) -> DryRunResult {
        telemetry::install_stderr_warnings();
        self.evaluate(
            timeout,
            Arc::new(move |finding: &Finding, _, _: &LogContext| on_check(CheckResult::from_finding(finding))),
            |_, _, _| {},
        )
        .await
    }

    /// The same, and writes on standard output the lines that the hook would have logged.
    pub async fn run_logged(&self, timeout: Duration) -> DryRunResult {
        telemetry::install(crate::settings::LogLevel::Info);
        let on_finding =
            |finding: &Finding, mode: Mode, context: &LogContext| report::log_check(context, finding, mode);
        let log =
            |verdict: &Verdict, context: &LogContext, took| report::log_verdict(self.hook, context, verdict, took);
        self.evaluate(timeout, Arc::new(on_finding), log).await
    }

    async fn evaluate(
        &self,
        timeout: Duration,
        observer: FindingObserver,
        log: impl FnOnce(&Verdict, &LogContext, Duration),
    ) -> DryRunResult {
        let (began, now) = (Instant::now(), SystemTime::now());
        let finding_log = FindingLog::new(observer)
            .with_redactor(self.evaluator.redactor())
            .with_context(LogContext::new(Some(self.hook), &self.deployment, self.evaluator.region()));
        let deadline = Deadline::new(now + timeout, now, began);
        let interruption = self.evaluator.evaluate(&self.deployment, &finding_log, deadline, began).await;
        let verdict = Verdict::from_findings(finding_log.finish(&interruption), finding_log.mode());
        let took = began.elapsed();
        finding_log.publish_pending();
        log(&verdict, &finding_log.context(), took);
        let unread = |finding: &&Finding| {
            finding.kind == "discovery" && matches!(finding.observation.outcome, Outcome::Errored | Outcome::TimedOut)
        };
        DryRunResult {
            status: verdict.status,
            line: report::verdict_line(self.hook, &verdict),
            code: verdict.code(),
            hint: verdict.reason().and_then(report::next_step).or(verdict.code().map(ReasonCode::hint)),
            unreadable_reason: verdict.reason().filter(unread).map(report::check_line),
            elapsed: took,
        }
    }
}

impl CheckResult {
    fn from_finding(finding: &Finding) -> Self {
        let Finding { check, kind, observation, policies, elapsed: took, .. } = finding;
        Self {
            check: check.to_string(),
            kind,
            outcome: observation.outcome.as_str(),
            decision: decide(observation, *policies).as_str(),
            code: report::code_of(finding),
            hint: report::next_step(finding),
            elapsed: *took,
            line: report::check_line(finding),
        }
    }
}
