//! The one path: an event comes in, an answer goes out. There is no way through here without trying to answer.
//!
//! Two runtimes: this thread takes events and answers, the other one judges. A check that blocks its thread or panics
//! can therefore neither stop nor delay the answer. Until judging has ended well, the answer is Failed.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, SystemTime},
};

use lambda_runtime::LambdaEvent;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    aws::{PutOutcome, StatusClient},
    deadline::Deadline,
    descriptors::ReservedDescriptors,
    error::Error,
    evaluator::Evaluator,
    event,
    finding::Finding,
    finding_log::FindingLog,
    hook::Hook,
    log_context::{LogContext, log_line},
    redact::Redactor,
    report,
    settings::Settings,
    verdict::{Mode, Status, Verdict},
};

/// The verdict is logged after so long at the latest, also while the status is still being put.
const MAX_LOG_DELAY: Duration = Duration::from_millis(500);
/// Or after this share of the time that is left.
const MAX_LOG_DELAY_SHARE: u32 = 4;

/// One of the five functions, with everything that it keeps between events.
pub struct Handler {
    hook: Hook,
    status_client: StatusClient,
    descriptors: ReservedDescriptors,
    evaluator: Evaluator,
    redactor: Redactor,
}

impl Handler {
    /// Clients are made here, once. Nothing in here can fail: what cannot be used is found and answered later.
    pub fn new(hook: Hook, settings: Settings) -> Self {
        let (answer, redactor) = (StatusClient::new(&settings.aws), settings.aws.redactor());
        Self {
            hook,
            status_client: answer,
            redactor,
            descriptors: ReservedDescriptors::reserve(),
            evaluator: Evaluator::new(hook, settings),
        }
    }

    /// Answers one event.
    ///
    /// # Errors
    /// Only when there is nobody to answer, or the answer could not be sent. A verdict of Failed is an answer.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<(), Error> {
        let started_at = Instant::now();
        let deadline = Deadline::new(event.context.deadline(), SystemTime::now(), started_at);
        let execution = event::parse(event.payload, &self.redactor).inspect_err(|error| {
            tracing::error!(hook.name = %self.hook, error.code = error.code(), "{error}; {}", error.hint());
        })?;
        let on_finding =
            |finding: &Finding, mode: Mode, context: &LogContext| report::log_check(context, finding, mode);
        let finding_log = FindingLog::new(Arc::new(on_finding))
            .with_redactor(execution.id.extend_redactor(&self.redactor))
            .with_context(LogContext::new(Some(self.hook), &execution.deployment, self.evaluator.region()));

        let interruption = self.evaluator.evaluate(&execution.deployment, &finding_log, deadline, started_at).await;
        let verdict =
            verdict_unless_panicked(|| Verdict::from_findings(finding_log.finish(&interruption), finding_log.mode()));
        let (status, took) = (verdict.as_ref().map_or(Status::Failed, |verdict| verdict.status), started_at.elapsed());
        let context = finding_log.context();
        // The status comes before the log: nothing that writes lines can keep it back. But a reply that is late, or lost,
        // must not take the reason with it when Lambda ends the process.
        self.descriptors.release();
        let left = deadline.status.saturating_duration_since(Instant::now());
        let put = self.status_client.put(&execution, status, deadline.status, &context);
        let (hook, verdict_context) = (self.hook, context.clone());
        let sent = put_then_log(put, MAX_LOG_DELAY.min(left / MAX_LOG_DELAY_SHARE), move || {
            finding_log.publish_pending();
            if let Some(verdict) = &verdict {
                report::log_verdict(hook, &verdict_context, verdict, took);
            }
        })
        .await;
        self.descriptors.reserve_again();
        match sent? {
            PutOutcome::Accepted => {
                log_line!(debug, &context, "CodeDeploy took the answer {}", status.as_str());
            }
            PutOutcome::AlreadyCompleted => log_line!(
                warn,
                &context,
                "CodeDeploy had an answer for this execution already: sent before, or its hour had passed, or the deployment was stopped"
            ),
        }
        Ok(())
    }
}

/// Not even a fault in judging the findings may keep the status back; what could not be judged is not passed either.
fn verdict_unless_panicked(decide: impl FnOnce() -> Verdict) -> Option<Verdict> {
    std::panic::catch_unwind(AssertUnwindSafe(decide)).ok()
}

/// Puts first and logs then; but where the put takes longer than `patience`, both go on at the same time.
async fn put_then_log<T>(
    put: impl Future<Output = T>,
    log_delay: Duration,
    log: impl Fn() + Send + Sync + 'static,
) -> T {
    let mut put = std::pin::pin!(put);
    if let Ok(sent) = tokio::time::timeout(log_delay, &mut put).await {
        log();
        return sent;
    }
    // Lines that nobody reads block whoever writes them, so a thread of their own does.
    let log = Arc::new(log);
    let in_thread = log.clone();
    let writer = std::thread::Builder::new().spawn(move || in_thread());
    let sent = put.await;
    match writer {
        Ok(writer) => drop(writer.join()),
        Err(_) => log(),
    }
    sent
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, Mutex};

    use super::*;

    /// What happened, in its order.
    type CallOrder = Arc<Mutex<Vec<&'static str>>>;

    fn record_call(order: &CallOrder, what: &'static str) {
        order.lock().unwrap().push(what);
    }

    #[tokio::test(start_paused = true)]
    async fn a_status_that_is_put_soon_comes_before_the_log() {
        let order = CallOrder::default();
        let (to_put, to_log) = (order.clone(), order.clone());
        let put = async move {
            tokio::time::sleep(Duration::from_millis(400)).await;
            record_call(&to_put, "put");
        };
        put_then_log(put, MAX_LOG_DELAY, move || record_call(&to_log, "logged")).await;
        assert_eq!(*order.lock().unwrap(), ["put", "logged"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_status_that_takes_its_time_does_not_keep_the_log_back() {
        let order = CallOrder::default();
        let (to_put, to_log) = (order.clone(), order.clone());
        let logged = Arc::new(Barrier::new(2));
        let seen = logged.clone();
        let put = async move {
            tokio::time::sleep(Duration::from_millis(600)).await;
            // Would wait for ever if nothing were logged before the status is put.
            seen.wait();
            record_call(&to_put, "put");
        };
        let log = move || {
            record_call(&to_log, "logged");
            logged.wait();
        };
        put_then_log(put, MAX_LOG_DELAY, log).await;
        assert_eq!(*order.lock().unwrap(), ["logged", "put"]);
    }

    #[test]
    fn a_verdict_that_cannot_be_reached_is_none() {
        let verdict = || Verdict::from_findings(Vec::new(), Mode::Observe);
        assert_eq!(verdict_unless_panicked(verdict), Some(verdict()));
        assert_eq!(verdict_unless_panicked(|| panic!("a sentence with a fault")), None);
    }
}
