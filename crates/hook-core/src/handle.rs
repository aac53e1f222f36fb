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
    aws::{Answer, Sent},
    board::Board,
    deadline::Deadline,
    descriptors::Descriptors,
    error::Error,
    event,
    finding::Finding,
    hearing::Hearing,
    hook::Hook,
    log_context::{LogContext, log_line},
    redact::Redactor,
    report,
    settings::Settings,
    verdict::{Mode, Status, Verdict},
};

/// The verdict is logged after so long at the latest, also while the status is still being put.
const LATE: Duration = Duration::from_millis(500);
/// Or after this share of the time that is left.
const LATE_SHARE: u32 = 4;

/// One of the five functions, with everything that it keeps between events.
pub struct Handler {
    hook: Hook,
    answer: Answer,
    descriptors: Descriptors,
    hearing: Hearing,
    redactor: Redactor,
}

impl Handler {
    /// Clients are made here, once. Nothing in here can fail: what cannot be used is found and answered later.
    pub fn new(hook: Hook, settings: Settings) -> Self {
        let (answer, redactor) = (Answer::new(&settings.aws), settings.aws.redactor());
        Self { hook, answer, redactor, descriptors: Descriptors::keep(), hearing: Hearing::new(hook, settings) }
    }

    /// Answers one event.
    ///
    /// # Errors
    /// Only when there is nobody to answer, or the answer could not be sent. A verdict of Failed is an answer.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<(), Error> {
        let began = Instant::now();
        let deadline = Deadline::new(event.context.deadline(), SystemTime::now(), began);
        let execution = event::parse(event.payload, &self.redactor).inspect_err(|error| {
            tracing::error!(hook.name = %self.hook, error.code = error.code(), "{error}; {}", error.hint());
        })?;
        let told = |finding: &Finding, mode: Mode, context: &LogContext| report::log_check(context, finding, mode);
        let board = Board::new(Arc::new(told))
            .redacting(execution.id.hidden_in(&self.redactor))
            .about(LogContext::new(Some(self.hook), &execution.deployment, self.hearing.region()));

        let cut_off = self.hearing.judge(&execution.deployment, &board, deadline, began).await;
        let verdict = concluded(|| Verdict::of(board.close(&cut_off), board.mode()));
        let (status, took) = (verdict.as_ref().map_or(Status::Failed, |verdict| verdict.status), began.elapsed());
        let context = board.context();
        // The status comes before the log: nothing that writes lines can keep it back. But a reply that is late, or lost,
        // must not take the reason with it when Lambda ends the process.
        self.descriptors.release();
        let left = deadline.answer.saturating_duration_since(Instant::now());
        let put = self.answer.put(&execution, status, deadline.answer, &context);
        let (hook, of_verdict) = (self.hook, context.clone());
        let sent = log_beside(put, LATE.min(left / LATE_SHARE), move || {
            board.tell_pending();
            if let Some(verdict) = &verdict {
                report::log_verdict(hook, &of_verdict, verdict, took);
            }
        })
        .await;
        self.descriptors.keep_again();
        match sent? {
            Sent::Accepted => {
                log_line!(debug, &context, "CodeDeploy took the answer {}", status.word());
            }
            Sent::AlreadyCompleted => log_line!(
                warn,
                &context,
                "CodeDeploy had an answer for this execution already: sent before, or its hour had passed, or the deployment was stopped"
            ),
        }
        Ok(())
    }
}

/// Not even a fault in judging the findings may keep the status back; what could not be judged is not passed either.
fn concluded(judge: impl FnOnce() -> Verdict) -> Option<Verdict> {
    std::panic::catch_unwind(AssertUnwindSafe(judge)).ok()
}

/// Puts first and logs then; but where the put takes longer than `patience`, both go on at the same time.
async fn log_beside<T>(put: impl Future<Output = T>, patience: Duration, log: impl Fn() + Send + Sync + 'static) -> T {
    let mut put = std::pin::pin!(put);
    if let Ok(sent) = tokio::time::timeout(patience, &mut put).await {
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
    type Order = Arc<Mutex<Vec<&'static str>>>;

    fn note(order: &Order, what: &'static str) {
        order.lock().unwrap().push(what);
    }

    #[tokio::test(start_paused = true)]
    async fn a_status_that_is_put_soon_comes_before_the_log() {
        let order = Order::default();
        let (to_put, to_log) = (order.clone(), order.clone());
        let put = async move {
            tokio::time::sleep(Duration::from_millis(400)).await;
            note(&to_put, "put");
        };
        log_beside(put, LATE, move || note(&to_log, "logged")).await;
        assert_eq!(*order.lock().unwrap(), ["put", "logged"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_status_that_takes_its_time_does_not_keep_the_log_back() {
        let order = Order::default();
        let (to_put, to_log) = (order.clone(), order.clone());
        let logged = Arc::new(Barrier::new(2));
        let seen = logged.clone();
        let put = async move {
            tokio::time::sleep(Duration::from_millis(600)).await;
            // Would wait for ever if nothing were logged before the status is put.
            seen.wait();
            note(&to_put, "put");
        };
        let log = move || {
            note(&to_log, "logged");
            logged.wait();
        };
        log_beside(put, LATE, log).await;
        assert_eq!(*order.lock().unwrap(), ["logged", "put"]);
    }

    #[test]
    fn a_verdict_that_cannot_be_reached_is_none() {
        let verdict = || Verdict::of(Vec::new(), Mode::Observe);
        assert_eq!(concluded(verdict), Some(verdict()));
        assert_eq!(concluded(|| panic!("a sentence with a fault")), None);
    }
}
