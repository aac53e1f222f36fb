//! A hook's judgement of a real deployment without the answer: for a person with a deployment's id and credentials of
//! their own. It reads AWS and sends the checks' requests; nothing in here can put a status.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

pub use crate::verdict::Status;
use crate::{
    board::{Board, Told},
    code::Code,
    deadline::Deadline,
    finding::{Finding, Outcome},
    hearing::Hearing,
    hook::Hook,
    ids::DeploymentId,
    log_context::LogContext,
    report,
    settings::{Settings, WrongEvent},
    telemetry,
    verdict::{Mode, Verdict, decide},
};

/// A hook and a deployment.
pub struct Trial {
    hook: Hook,
    deployment: DeploymentId,
    hearing: Hearing,
}

/// A check that has ended, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub check: String,
    /// Its kind.
    pub kind: &'static str,
    /// `passed`, `failed`, …: the words of docs/LOGGING.md.
    pub outcome: &'static str,
    /// `pass`, `warn`, `ignore`, `fail`.
    pub decision: &'static str,
    /// The fault, if it is one.
    pub code: Option<Code>,
    /// What to do about it.
    pub hint: Option<&'static str>,
    /// How long it took.
    pub took: Duration,
    /// The whole line: name, evidence, hint.
    pub line: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concluded {
    /// What the hook would have answered.
    pub status: Status,
    /// The verdict's line, as the hook would have logged it.
    pub line: String,
    /// The code of what stopped the deployment, or would have if the hook did not only observe.
    pub code: Option<Code>,
    /// What to do about it.
    pub hint: Option<&'static str>,
    /// Why the deployment could not be read, so that nothing was judged.
    pub unread: Option<String>,
    /// How long it took.
    pub took: Duration,
}

impl Trial {
    /// Settings are those of this process, as a function would read them, with `more` in place of its own: a region, the
    /// credentials, a gate file. Connects to nothing yet.
    ///
    /// # Errors
    /// All that is wrong with the id and the settings, one sentence each.
    pub fn new(
        hook: Hook,
        deployment: &str,
        more: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Self, Vec<String>> {
        let mut settings = Settings::of_process_but(more);
        // CodeDeploy asked nobody, and what it is at may be over.
        settings.wrong_event = WrongEvent::Unasked;
        let id = DeploymentId::try_from(deployment.to_owned());
        let faults =
            id.as_ref().err().map(|fault| format!("the deployment's id {fault}; it is one such as d-A1B2C3D4E"));
        let faults: Vec<_> = faults.into_iter().chain(std::mem::take(&mut settings.faults)).collect();
        match id {
            Ok(deployment) if faults.is_empty() => Ok(Self { hook, deployment, hearing: Hearing::new(hook, settings) }),
            _ => Err(faults),
        }
    }

    /// Judges in as much time as the checks of a function with this time-out have, and tells of each check as it ends.
    /// What an SDK warns of goes to standard error.
    pub async fn told(&self, timeout: Duration, to: impl Fn(Seen) + Send + Sync + 'static) -> Concluded {
        telemetry::install_aside();
        self.hold(timeout, Arc::new(move |finding: &Finding, _, _: &LogContext| to(Seen::of(finding))), |_, _, _| {})
            .await
    }

    /// The same, and writes on standard output the lines that the hook would have logged.
    pub async fn logged(&self, timeout: Duration) -> Concluded {
        telemetry::install(crate::settings::LogLevel::Info);
        let told = |finding: &Finding, mode: Mode, context: &LogContext| report::log_check(context, finding, mode);
        let log =
            |verdict: &Verdict, context: &LogContext, took| report::log_verdict(self.hook, context, verdict, took);
        self.hold(timeout, Arc::new(told), log).await
    }

    async fn hold(
        &self,
        timeout: Duration,
        told: Told,
        log: impl FnOnce(&Verdict, &LogContext, Duration),
    ) -> Concluded {
        let (began, now) = (Instant::now(), SystemTime::now());
        let board = Board::new(told).redacting(self.hearing.redactor()).about(LogContext::new(
            Some(self.hook),
            &self.deployment,
            self.hearing.region(),
        ));
        let deadline = Deadline::new(now + timeout, now, began);
        let cut_off = self.hearing.judge(&self.deployment, &board, deadline, began).await;
        let verdict = Verdict::of(board.close(&cut_off), board.mode());
        let took = began.elapsed();
        board.tell_pending();
        log(&verdict, &board.context(), took);
        let unread = |finding: &&Finding| {
            finding.kind == "discovery" && matches!(finding.observation.outcome, Outcome::Errored | Outcome::TimedOut)
        };
        Concluded {
            status: verdict.status,
            line: report::verdict_line(self.hook, &verdict),
            code: verdict.code(),
            hint: verdict.reason().and_then(report::next_step).or(verdict.code().map(Code::hint)),
            unread: verdict.reason().filter(unread).map(report::check_line),
            took,
        }
    }
}

impl Seen {
    fn of(finding: &Finding) -> Self {
        let Finding { check, kind, observation, policies, took, .. } = finding;
        Self {
            check: check.to_string(),
            kind,
            outcome: observation.outcome.word(),
            decision: decide(observation, *policies).word(),
            code: report::fault(finding),
            hint: report::next_step(finding),
            took: *took,
            line: report::check_line(finding),
        }
    }
}
