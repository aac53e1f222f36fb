//! Invocations that continue while CodeDeploy waits for a status. Each one lasts until its function has ended and the
//! on-failure handler, if Lambda invokes it, has ended too. Lambda and CodeDeploy do not wait for each other.

use std::{
    future::{Future, pending},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use lifecycle::{Hook, format_duration};
use tokio::sync::{oneshot, watch};

use crate::{
    codedeploy::{SimulatedCodeDeploy, event_sender::EventSender, hook_summary::describe_end},
    lambda::{
        FunctionName, InvocationResult, Invoker,
        on_failure::{self, OnFailureStep},
    },
    report::{AnsweredBy, EventKind},
};

/// One process that handles an event, or the record of a failed invocation.
#[derive(Clone, Debug)]
pub(super) struct ProcessRun {
    pub function: FunctionName,
    pub started: Instant,
    pub ended: Option<Instant>,
    pub limit: Duration,
}

impl ProcessRun {
    pub fn start(function: FunctionName, limit: Duration) -> Self {
        Self { function, started: Instant::now(), ended: None, limit }
    }
}

#[derive(Clone, Debug)]
pub(super) struct InvocationProgress {
    /// The run of the function, then one run for each attempt of the on-failure handler.
    pub runs: Vec<ProcessRun>,
    /// How the function ended.
    pub ended: Option<InvocationResult>,
    /// How the on-failure handler's last attempt ended.
    pub on_failure: Option<InvocationResult>,
    /// Whether everything is over.
    pub finished: bool,
}

impl InvocationProgress {
    fn close_last(&mut self) {
        if let Some(last) = self.runs.last_mut() {
            last.ended = Some(Instant::now());
        }
    }
}

/// All invocations that are in progress. They advance only while a caller awaits
/// [`BackgroundInvocations::run_until_one_ends`], in the caller's task, so that nothing is left of them when that task
/// is dropped.
#[derive(Default)]
pub(super) struct BackgroundInvocations<'a>(FuturesUnordered<BoxFuture<'a, anyhow::Result<()>>>);

impl<'a> BackgroundInvocations<'a> {
    pub fn add(&mut self, going: impl Future<Output = anyhow::Result<()>> + Send + 'a) {
        self.0.push(Box::pin(going));
    }

    /// Advances all invocations until one of them is over. Never returns if there are none.
    pub async fn run_until_one_ends(&mut self) -> anyhow::Result<()> {
        match self.0.next().await {
            Some(done) => done,
            None => pending().await,
        }
    }
}

/// An event that was passed to a function.
pub(super) struct Invocation {
    pub hook: Hook,
    pub function: FunctionName,
    pub deployment: String,
    pub payload: Vec<u8>,
}

impl Invocation {
    /// Runs the invocation to its end, and through the on-failure handler if it fails.
    pub async fn run_to_completion<F: Invoker>(
        self,
        simulation: &SimulatedCodeDeploy<F>,
        end: oneshot::Receiver<InvocationResult>,
        event_sender: EventSender,
        progress: watch::Sender<InvocationProgress>,
    ) -> anyhow::Result<()> {
        let ended = end.await.unwrap_or_else(|_| InvocationResult::abandoned());
        progress.send_modify(|progress| {
            progress.close_last();
            progress.ended = Some(ended.clone());
        });
        // The on-failure handler has no on-failure destination, even where an AppSpec file names it as a hook.
        if simulation.on_failure && self.function != FunctionName::OnFailure {
            let on_step = |step| {
                progress.send_modify(|progress| match step {
                    OnFailureStep::Invoked => {
                        progress.runs.push(ProcessRun::start(FunctionName::OnFailure, on_failure::TIMEOUT))
                    }
                    OnFailureStep::RecordDelivered => {}
                    OnFailureStep::Returned | OnFailureStep::RetryScheduled(..) | OnFailureStep::GaveUp(_) => {
                        progress.close_last()
                    }
                });
                if let Some(text) = self.describe_step(&step, &ended, simulation) {
                    event_sender.send(EventKind::OnFailure { hook: self.hook, text });
                }
            };
            let on_failure =
                on_failure::deliver_record(&simulation.functions, self.function, &self.payload, &ended, on_step)
                    .await?;
            progress.send_modify(|progress| progress.on_failure = on_failure);
        }
        progress.send_modify(|progress| progress.finished = true);
        Ok(())
    }

    fn describe_step<F: Invoker>(
        &self,
        step: &OnFailureStep,
        ended: &InvocationResult,
        simulation: &SimulatedCodeDeploy<F>,
    ) -> Option<String> {
        Some(match step {
            OnFailureStep::RecordDelivered => {
                format!(
                    "{}'s function {}; Lambda sends the record of it to on-failure",
                    self.function,
                    describe_end(ended)
                )
            }
            OnFailureStep::Invoked => return None,
            OnFailureStep::Returned => match simulation.who_answered(&self.deployment, self.hook) {
                AnsweredBy::OnFailureHandler => "on-failure puts Failed for it".to_owned(),
                AnsweredBy::Hook => "on-failure finds a status, and changes nothing".to_owned(),
                AnsweredBy::Nobody => "on-failure finds CodeDeploy no longer waiting, and changes nothing".to_owned(),
            },
            OnFailureStep::RetryScheduled(pause, ended) => format!(
                "on-failure {}; Lambda tries it again in {} (in AWS {})",
                describe_end(ended),
                format_duration(*pause),
                if *pause == on_failure::RETRY_DELAYS[0] { "a minute" } else { "two minutes" },
            ),
            OnFailureStep::GaveUp(ended) => {
                format!("on-failure {} for the third time, which raises the alarm on its errors", describe_end(ended))
            }
        })
    }
}
