//! Evaluates a deployment for one hook without putting a status: a function puts it afterwards, a dry run never does.

use std::{io, sync::Arc};

use gate::ReasonCode;
use lifecycle::{DeploymentId, Hook};
use tokio::time::{Instant, sleep_until};

use crate::{
    conclusion::Conclusion,
    deadline::Deadline,
    evaluate::{self, Evaluated, EvaluationContext},
    finding::{Observation, Outcome},
    finding_log::{FindingLog, FindingObserver, Interruption},
    isolation::{IsolatedRuntime, TaskEnd},
    log_context::LogContext,
    phase::Phase,
    redact::Redactor,
    settings::Settings,
    verdict::Status,
};

/// The evaluation's context and the runtime on which it runs.
pub struct Evaluator {
    context: Arc<EvaluationContext>,
    runtime: IsolatedRuntime,
}

impl Evaluator {
    /// Creates all clients once. All of them only read, and nothing here can fail.
    pub fn new(hook: Hook, settings: Settings) -> Self {
        Self { context: Arc::new(EvaluationContext::new(hook, settings)), runtime: IsolatedRuntime::default() }
    }

    pub fn hook(&self) -> Hook {
        self.context.hook
    }

    /// The status if there is no verdict, which does not pass, unless the functions only observe.
    pub fn status_without_verdict(&self) -> Status {
        self.context.settings.mode.status(Status::Failed)
    }

    /// Redacts the function's credentials, which no finding is allowed to show.
    pub fn redactor(&self) -> &Redactor {
        &self.context.redactor
    }

    /// An empty finding log for an evaluation.
    pub fn finding_log(&self, deployment: &DeploymentId, redactor: Redactor, observer: FindingObserver) -> FindingLog {
        let Settings { aws, mode, .. } = &self.context.settings;
        let context = LogContext::new(Some(self.context.hook), deployment, aws.region.as_deref());
        let log = FindingLog::new(observer).with_redactor(redactor).with_context(context);
        log.set_mode(*mode);
        log
    }

    /// Evaluates on the other runtime, and returns in time whatever happens there. The findings are in the log. Returns
    /// what interrupted the checks that did not finish, if there are any.
    pub async fn evaluate(
        &self,
        deployment: &DeploymentId,
        finding_log: &FindingLog,
        deadline: Deadline,
        started_at: Instant,
    ) -> Interruption {
        let ended = self.run(deployment, finding_log, deadline, started_at).await;
        let interruption = match &ended {
            Ended::Panicked | Ended::NoThread(_) => Interruption::Panic,
            Ended::Itself(_) | Ended::NoTime | Ended::Abandoned => Interruption::Time(started_at.elapsed()),
        };
        if let Some(conclusion) = ended.into_conclusion() {
            finding_log.conclude(conclusion);
        }
        interruption
    }

    async fn run(
        &self,
        deployment: &DeploymentId,
        finding_log: &FindingLog,
        deadline: Deadline,
        started_at: Instant,
    ) -> Ended {
        if deadline.checks <= started_at {
            return Ended::NoTime;
        }
        let (cx, id, log) = (self.context.clone(), deployment.clone(), finding_log.clone());
        let evaluation = Box::pin(async move { evaluate::evaluate(&cx, &id, &log, deadline.checks).await });
        // This thread watches the verdict too: a check that blocks the other thread must not delay a verdict that is
        // certain.
        let expired = async {
            tokio::select! {
                () = sleep_until(deadline.checks) => {}
                () = finding_log.verdict_certain() => {}
            }
        };
        match self.runtime.run(evaluation, expired).await {
            Ok(TaskEnd::Done(result)) => Ended::Itself(result),
            Ok(TaskEnd::Abandoned) => Ended::Abandoned,
            Ok(TaskEnd::Panicked) => Ended::Panicked,
            Err(error) => Ended::NoThread(error),
        }
    }
}

/// How an evaluation ended.
#[derive(Debug)]
enum Ended {
    Itself(Result<Evaluated, Conclusion>),
    /// The event's deadline had already passed at delivery, or this process's clock is wrong.
    NoTime,
    /// It was interrupted when its time was over, or when the verdict was certain.
    Abandoned,
    Panicked,
    /// No thread could be started for it.
    NoThread(io::Error),
}

impl Ended {
    /// Why no check ran. None if checks ran, or if the finding log itself knows what was going on.
    fn into_conclusion(self) -> Option<Conclusion> {
        match self {
            Self::Itself(Ok(Evaluated::Checked)) | Self::Abandoned | Self::Panicked => None,
            Self::Itself(Err(conclusion)) => Some(conclusion),
            Self::NoTime => {
                let seen = "none when the event was delivered, by this process's clock";
                let observation =
                    Observation::failed(ReasonCode::RanOutOfTime, "invocation", "time left until the deadline", seen)
                        .with_outcome(Outcome::TimedOut, ReasonCode::RanOutOfTime);
                Some(Conclusion::strict(Phase::Time, observation))
            }
            Self::NoThread(error) => {
                let why = format!("no thread for the checks: {error}");
                let observation = Observation::errored(ReasonCode::CheckFailed, "this process", why);
                Some(Conclusion::strict(Phase::Runtime, observation))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gate::Mode;

    use super::*;
    use crate::{finding::Finding, settings::WrongEventPolicy};

    fn code_and_outcome(ended: Ended) -> Option<(Phase, Outcome, Option<ReasonCode>)> {
        let Conclusion { phase, observation, .. } = ended.into_conclusion()?;
        Some((phase, observation.outcome, observation.code))
    }

    #[test]
    fn checks_that_ran_and_what_was_interrupted_have_no_conclusion() {
        for ended in [Ended::Itself(Ok(Evaluated::Checked)), Ended::Abandoned, Ended::Panicked] {
            assert_eq!(code_and_outcome(ended), None);
        }
    }

    #[test]
    fn each_reason_to_run_no_check_has_its_phase() {
        let early = Conclusion::strict(Phase::When, Observation::excluded("gate file", "when"));
        assert_eq!(Ended::Itself(Err(early.clone())).into_conclusion(), Some(early));
        let no_time = (Phase::Time, Outcome::TimedOut, Some(ReasonCode::RanOutOfTime));
        assert_eq!(code_and_outcome(Ended::NoTime), Some(no_time));
        let no_thread = (Phase::Runtime, Outcome::Errored, Some(ReasonCode::CheckFailed));
        assert_eq!(code_and_outcome(Ended::NoThread(io::Error::other("no thread"))), Some(no_thread));
    }

    /// The findings of an evaluation with these settings and this much time, without AWS.
    async fn findings(settings: Settings, time: Duration) -> Vec<Finding> {
        let evaluator = Evaluator::new(Hook::AfterInstall, settings);
        let deployment = DeploymentId::try_from("d-1".to_owned()).unwrap();
        let log = evaluator.finding_log(&deployment, evaluator.redactor().clone(), Arc::new(|_, _, _| {}));
        let now = Instant::now();
        let deadline = Deadline { checks: now + time, status: now + time };
        let interruption = evaluator.evaluate(&deployment, &log, deadline, now).await;
        log.finish(&interruption).findings
    }

    #[tokio::test]
    async fn conclusion_of_the_other_thread_is_a_finding() {
        // A dry run retries nothing, and without a Region no call leaves this machine.
        let (errors, wrong_event) = (vec!["GREENLIGHT_LOG is wrong".to_owned()], WrongEventPolicy::Ignore);
        let settings = Settings { errors, wrong_event, ..Settings::default() };
        let findings = findings(settings, Duration::from_secs(60)).await;
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!((&*finding.check, &*finding.observation.actual), ("settings", "GREENLIGHT_LOG is wrong"));
    }

    #[test]
    fn without_a_verdict_only_a_function_that_observes_puts_succeeded() {
        for (mode, status) in [(Mode::Enforce, Status::Failed), (Mode::Observe, Status::Succeeded)] {
            let settings = Settings { mode, ..Settings::default() };
            assert_eq!(Evaluator::new(Hook::AfterInstall, settings).status_without_verdict(), status);
        }
    }

    #[tokio::test]
    async fn event_without_time_is_a_finding() {
        let findings = findings(Settings::default(), Duration::ZERO).await;
        assert_eq!(findings.iter().map(|finding| &*finding.check).collect::<Vec<_>>(), ["time"]);
    }
}
