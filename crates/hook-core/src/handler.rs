//! Handles one event of a hook function: parses it, evaluates the deployment and puts the status.
//!
//! Every path through here tries to put a status. There are two runtimes: this thread receives events and puts the
//! status, the other one evaluates. A check that blocks its thread or panics can therefore neither prevent nor delay
//! the status. The status is Failed unless the evaluation finishes well.
#![expect(clippy::disallowed_types, reason = "a handler puts the status")]

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, SystemTime},
};

use lambda_runtime::LambdaEvent;
use lifecycle::Hook;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    deadline::Deadline,
    descriptors::ReservedDescriptors,
    error::Error,
    evaluator::Evaluator,
    platform::{codedeploy_ecs, put_status::LoggedStatusClient},
    report,
    settings::Settings,
    verdict::Verdict,
};

/// The verdict is logged after this time at the latest, even if the status is still being put. It is before a second
/// attempt: a first attempt can take effect although its reply is lost, and if the process is then killed, the reason is in
/// the log.
const MAX_LOG_DELAY: Duration = Duration::from_millis(100);
/// The delay is at most this share of the remaining time.
const MAX_LOG_DELAY_SHARE: u32 = 4;

/// One of the five hook functions, with everything that it keeps between events.
pub struct Handler {
    status_client: LoggedStatusClient,
    descriptors: ReservedDescriptors,
    evaluator: Evaluator,
}

impl Handler {
    /// Creates all clients once. Nothing here can fail: an unusable setting is found and reported later, with a status.
    pub fn new(hook: Hook, settings: Settings) -> Self {
        Self {
            status_client: LoggedStatusClient::new(&settings),
            descriptors: ReservedDescriptors::reserve(),
            evaluator: Evaluator::new(hook, settings),
        }
    }

    /// Opens the connection for the status in the background.
    pub fn connect_early(&self) {
        self.status_client.connect_early();
    }

    /// Handles one event and puts its status.
    ///
    /// # Errors
    /// Only if the event names no execution to put a status for, or if the status could not be put. A verdict of Failed
    /// is not an error.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<(), Error> {
        let (hook, started_at) = (self.evaluator.hook(), Instant::now());
        let deadline = Deadline::new(event.context.deadline(), SystemTime::now(), started_at);
        let execution = codedeploy_ecs::parse(event.payload, self.evaluator.redactor()).inspect_err(|error| {
            tracing::error!(hook.name = %hook, error.code = error.code(), "{error}; {}", error.hint());
        })?;
        // After a freeze the connection is opened again while the checks run.
        self.connect_early();
        let redactor = self.evaluator.redactor().with_execution_id(&execution.id);
        let finding_log = self.evaluator.finding_log(&execution.deployment, redactor, report::log_checks());

        let interruption = self.evaluator.evaluate(&execution.deployment, &finding_log, deadline, started_at).await;
        let concluded = none_if_panicked(|| {
            let finished = finding_log.finish(&interruption);
            (Verdict::from_findings(finished.findings, finished.mode), finished.unpublished)
        });
        let status =
            concluded.as_ref().map_or_else(|| self.evaluator.status_without_verdict(), |(verdict, _)| verdict.status);
        let (took, context) = (started_at.elapsed(), finding_log.context());
        // The status is put before the log is written, so that a blocked log cannot delay it. If CodeDeploy's response
        // is late or lost, the reason is logged anyway, before Lambda ends the process.
        self.descriptors.release();
        let left = deadline.status.saturating_duration_since(Instant::now());
        let put = self.status_client.put(&execution, status, deadline.status, &context);
        let verdict_context = context.clone();
        let sent = put_then_log(put, MAX_LOG_DELAY.min(left / MAX_LOG_DELAY_SHARE), move || {
            if let Some((verdict, unpublished)) = &concluded {
                unpublished.publish();
                report::log_verdict(hook, &verdict_context, verdict, took);
            }
        })
        .await;
        self.descriptors.reserve_again();
        codedeploy_ecs::log_put(sent?, status, &context);
        Ok(())
    }
}

/// Returns None if a panic prevents the verdict: even that must not prevent the status, and an unknown verdict does not
/// pass.
fn none_if_panicked<T>(decide: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(AssertUnwindSafe(decide)).ok()
}

/// Puts the status, then logs. If the put takes longer than `log_delay`, both go on at the same time.
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
    // Writing blocks if nothing reads the log, so a separate thread writes it.
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

    /// The calls in the order in which they happened.
    type CallOrder = Arc<Mutex<Vec<&'static str>>>;

    fn record_call(order: &CallOrder, what: &'static str) {
        order.lock().unwrap().push(what);
    }

    #[tokio::test(start_paused = true)]
    async fn a_status_that_is_put_soon_comes_before_the_log() {
        let order = CallOrder::default();
        let (to_put, to_log) = (order.clone(), order.clone());
        let put = async move {
            tokio::time::sleep(Duration::from_millis(80)).await;
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
            tokio::time::sleep(Duration::from_millis(120)).await;
            // This would wait forever if nothing were logged before the status is put.
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
        assert_eq!(none_if_panicked(|| 7), Some(7));
        assert_eq!(none_if_panicked::<()>(|| panic!("a bug in a sentence")), None);
    }
}
