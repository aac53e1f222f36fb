//! Runs a hook's checks on a real deployment without putting a status, for a person with a deployment id and
//! credentials. It reads AWS and sends the requests of the checks. Nothing here can put a status.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use gate::ReasonCode;
use lifecycle::{DeploymentId, Hook};
use tokio::time::Instant;

pub use crate::verdict::Status;
use crate::{
    deadline::Deadline,
    evaluator::Evaluator,
    finding::{Finding, Outcome},
    finding_log::FindingObserver,
    log_context::LogContext,
    phase::{FindingKind, Phase},
    report,
    settings::{Settings, WrongEventPolicy},
    telemetry,
    verdict::{Verdict, decide},
};

/// A hook and a deployment.
pub struct DryRun {
    deployment: DeploymentId,
    evaluator: Evaluator,
}

/// A finished check, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    pub check: String,
    pub kind: &'static str,
    /// `passed`, `failed`, …: the words in docs/LOGGING.md.
    pub outcome: &'static str,
    /// `pass`, `warn`, `ignore`, `fail`.
    pub decision: &'static str,
    /// The reason code, if there is a failure.
    pub code: Option<ReasonCode>,
    /// What to do about the failure.
    pub hint: Option<&'static str>,
    /// How long the check took.
    pub elapsed: Duration,
    /// The whole line: name, evidence, hint.
    pub line: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRunResult {
    /// The status that the hook would have put.
    pub status: Status,
    /// The verdict's line, as the hook would have logged it.
    pub line: String,
    /// The reason code of the failure that stopped the deployment, or would have in enforce mode.
    pub code: Option<ReasonCode>,
    /// What to do about the failure.
    pub hint: Option<&'static str>,
    /// Why the deployment could not be read, if so. Nothing was checked then.
    pub unreadable_reason: Option<String>,
    /// How long the dry run took.
    pub elapsed: Duration,
}

impl DryRun {
    /// Reads this process's settings as a function would. `overrides` replace some: a region, the credentials, a gate
    /// file. Does not connect to anything yet.
    ///
    /// # Errors
    /// Every problem with the id and the settings, one sentence each.
    pub fn new(
        hook: Hook,
        deployment: &str,
        overrides: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Self, Vec<String>> {
        let mut settings = Settings::from_env_with(overrides);
        // CodeDeploy did not invoke this, and its lifecycle event may be over.
        settings.wrong_event = WrongEventPolicy::Ignore;
        let id = DeploymentId::try_from(deployment.to_owned());
        let errors =
            id.as_ref().err().map(|fault| format!("the deployment's id {fault}; an id looks like d-A1B2C3D4E"));
        let faults: Vec<_> = errors.into_iter().chain(std::mem::take(&mut settings.errors)).collect();
        match id {
            Ok(deployment) if faults.is_empty() => Ok(Self { deployment, evaluator: Evaluator::new(hook, settings) }),
            _ => Err(faults),
        }
    }

    /// Runs the checks with the time that a function with this timeout has for them, and calls `on_check` as each one
    /// ends. Warnings of an SDK go to standard error.
    pub async fn run(&self, timeout: Duration, on_check: impl Fn(CheckResult) + Send + Sync + 'static) -> DryRunResult {
        telemetry::install_stderr_warnings();
        self.evaluate(
            timeout,
            Arc::new(move |finding: &Finding, _, _: &LogContext| on_check(CheckResult::from_finding(finding))),
            |_, _, _| {},
        )
        .await
    }

    /// Like [`Self::run`], but prints the log lines of the hook on standard output.
    pub async fn run_logged(&self, timeout: Duration) -> DryRunResult {
        telemetry::install(crate::settings::LogLevel::Info);
        let hook = self.evaluator.hook();
        let log = |verdict: &Verdict, context: &LogContext, took| report::log_verdict(hook, context, verdict, took);
        self.evaluate(timeout, report::log_checks(), log).await
    }

    async fn evaluate(
        &self,
        timeout: Duration,
        observer: FindingObserver,
        log: impl FnOnce(&Verdict, &LogContext, Duration),
    ) -> DryRunResult {
        let (began, now) = (Instant::now(), SystemTime::now());
        let redactor = self.evaluator.redactor().clone();
        let finding_log = self.evaluator.finding_log(&self.deployment, redactor, observer);
        let deadline = Deadline::new(now + timeout, now, began);
        let interruption = self.evaluator.evaluate(&self.deployment, &finding_log, deadline, began).await;
        let finished = finding_log.finish(&interruption);
        let verdict = Verdict::from_findings(finished.findings, finished.mode);
        let took = began.elapsed();
        finished.unpublished.publish();
        log(&verdict, &finding_log.context(), took);
        let unread = |finding: &&Finding| {
            finding.kind == FindingKind::Phase(Phase::Discovery)
                && matches!(finding.observation.outcome, Outcome::Errored | Outcome::TimedOut)
        };
        DryRunResult {
            status: verdict.status,
            line: report::verdict_line(self.evaluator.hook(), &verdict),
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
            kind: kind.as_str(),
            outcome: observation.outcome.as_str(),
            decision: decide(observation, *policies).as_str(),
            code: report::code_of(finding),
            hint: report::next_step(finding),
            elapsed: *took,
            line: report::check_line(finding),
        }
    }
}
