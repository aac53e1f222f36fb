//! One hook's judging without the answer: what a function does before it answers, and all that a trial does.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use crate::{
    aws::Aws,
    board::{Board, CutOff},
    check::Probe,
    court::{Court, Ended},
    deadline::Deadline,
    hook::Hook,
    ids::DeploymentId,
    judge::{self, Bench},
    redact::Redactor,
    settings::Settings,
};

/// What judging needs, and the runtime that it happens on.
pub struct Hearing {
    bench: Arc<Bench>,
    court: Court,
}

impl Hearing {
    /// Clients are made here, once, and all of them for reading. Nothing in here can fail.
    pub fn new(hook: Hook, settings: Settings) -> Self {
        let bench = Bench { hook, aws: Aws::new(&settings.aws), probe: Probe::new(&settings.aws), settings };
        Self { bench: Arc::new(bench), court: Court::default() }
    }

    /// What nothing that is found may show: the credentials.
    pub fn redactor(&self) -> Redactor {
        self.bench.settings.aws.redactor()
    }

    /// The function's region.
    pub fn region(&self) -> Option<&str> {
        self.bench.settings.aws.region.as_deref()
    }

    /// Judges on the other runtime, and comes back in time whatever happens there: with what cut it off, should
    /// something on the board not have come to its end.
    pub async fn judge(&self, deployment: &DeploymentId, board: &Board, deadline: Deadline, began: Instant) -> CutOff {
        if deadline.checks <= began {
            judge::no_time(board);
            return CutOff::Time(began.elapsed());
        }
        let judging = judge::judge(self.bench.clone(), deployment.clone(), board.clone(), deadline.checks);
        // Watched from here as well: a check that blocks its thread may not delay a verdict that is certain.
        let over = async {
            tokio::select! {
                () = sleep_until(deadline.checks) => {}
                () = board.verdict_certain() => {}
            }
        };
        match self.court.hold(judging, over).await {
            Ok(Ended::Done | Ended::OutOfTime) => CutOff::Time(began.elapsed()),
            Ok(Ended::Panicked) => CutOff::Panic,
            Err(error) => {
                judge::no_thread(board, &error);
                CutOff::Panic
            }
        }
    }
}
