//! Invocations that go on while CodeDeploy waits for an answer: each until its function has ended, and until the net
//! beneath it has. Lambda and CodeDeploy do not wait for each other.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
    time::{Duration, Instant},
};

use tokio::sync::{oneshot, watch};

use super::{
    Director,
    told::in_short,
    track::{Teller, Track},
};
use crate::{
    function_name::FunctionName,
    hook_name::HookName,
    net::{self, Step},
    report::{AnsweredBy, Happening},
    runtime::{Functions, InvocationResult},
    stage::event,
};

/// One process at work on an event, or on the record of one.
#[derive(Clone, Debug)]
pub(super) struct Ran {
    pub function: FunctionName,
    pub began: Instant,
    pub ended: Option<Instant>,
    pub limit: Duration,
}

impl Ran {
    pub fn begins(function: FunctionName, limit: Duration) -> Self {
        Self { function, began: Instant::now(), ended: None, limit }
    }
}

/// How far one invocation has come.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// The function, then the net as often as it was tried.
    pub ran: Vec<Ran>,
    /// How the function ended.
    pub ended: Option<InvocationResult>,
    /// How the net's last try ended.
    pub net: Option<InvocationResult>,
    /// Nothing more will happen.
    pub over: bool,
}

impl Progress {
    fn close_last(&mut self) {
        if let Some(last) = self.ran.last_mut() {
            last.ended = Some(Instant::now());
        }
    }
}

type Going<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send + 'a>>;

/// All that goes on. It does so only while [`Backstage::work`] is waited for, in the task of whoever waits, so that
/// nothing is left of it when that is dropped.
#[derive(Default)]
pub(super) struct Backstage<'a>(Vec<Going<'a>>);

impl<'a> Backstage<'a> {
    pub fn add(&mut self, going: impl Future<Output = anyhow::Result<()>> + Send + 'a) {
        self.0.push(Box::pin(going));
    }

    /// Goes on with all of it, until one thing is over; for ever, if there is nothing.
    pub async fn work(&mut self) -> anyhow::Result<()> {
        poll_fn(|context| {
            for at in 0..self.0.len() {
                if let Poll::Ready(done) = self.0[at].as_mut().poll(context) {
                    drop(self.0.swap_remove(at));
                    return Poll::Ready(done);
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl<F: Functions> Track<'_, F> {
    /// Invokes a function with the event of a hook's execution, asynchronously as CodeDeploy does.
    pub(super) async fn invoke(
        &mut self,
        hook: HookName,
        function: FunctionName,
        execution: &str,
    ) -> anyhow::Result<watch::Receiver<Progress>> {
        let payload = event(&self.deployment, execution);
        let (director, limit) = (self.director, self.director.timeout);
        let mut functions = director.functions.lock().await;
        let ran = vec![Ran::begins(function, limit)];
        let end = functions.invoke(function, payload.clone(), limit).await?;
        drop(functions);
        let (progress, seen) = watch::channel(Progress { ran, ended: None, net: None, over: false });
        let invocation = Invocation { hook, function, deployment: self.deployment.clone(), payload };
        self.backstage.add(invocation.go_on(director, end, self.teller.clone(), progress));
        Ok(seen)
    }
}

/// An event that was handed to a function.
struct Invocation {
    hook: HookName,
    function: FunctionName,
    deployment: String,
    payload: Vec<u8>,
}

impl Invocation {
    /// To its end, and through the net if it fails.
    async fn go_on<F: Functions>(
        self,
        director: &Director<F>,
        end: oneshot::Receiver<InvocationResult>,
        teller: Teller,
        progress: watch::Sender<Progress>,
    ) -> anyhow::Result<()> {
        let ended = end.await.unwrap_or_else(|_| InvocationResult::given_up());
        progress.send_modify(|progress| {
            progress.close_last();
            progress.ended = Some(ended.clone());
        });
        // The net has none beneath it, also where an AppSpec file names it as a hook.
        if director.net && self.function != FunctionName::LastAnswer {
            let tell = |step| {
                progress.send_modify(|progress| match step {
                    Step::Invoked => progress.ran.push(Ran::begins(FunctionName::LastAnswer, net::TIMEOUT)),
                    Step::HandedOver => {}
                    Step::Returned | Step::FailedFor(..) | Step::GaveUp(_) => progress.close_last(),
                });
                if let Some(text) = self.in_words(&step, &ended, director) {
                    teller.tell(Happening::Net { hook: self.hook, text });
                }
            };
            let caught = net::catch(&director.functions, self.function, &self.payload, &ended, tell).await?;
            progress.send_modify(|progress| progress.net = caught);
        }
        progress.send_modify(|progress| progress.over = true);
        Ok(())
    }

    fn in_words<F: Functions>(&self, step: &Step, ended: &InvocationResult, director: &Director<F>) -> Option<String> {
        let short = humantime::format_duration;
        Some(match step {
            Step::HandedOver => {
                format!(
                    "{}'s function {}; Lambda hands the record of it to last-answer",
                    self.function,
                    in_short(ended)
                )
            }
            Step::Invoked => return None,
            Step::Returned => match director.who_answered(&self.deployment, self.hook) {
                AnsweredBy::Net => "last-answer answers Failed for it".to_owned(),
                AnsweredBy::Hook => "last-answer finds it answered, and changes nothing".to_owned(),
                AnsweredBy::Nobody => "last-answer finds that nobody waits any more, and changes nothing".to_owned(),
            },
            Step::FailedFor(pause, ended) => format!(
                "last-answer {}; Lambda tries it again in {} (in AWS {})",
                in_short(ended),
                short(*pause),
                if *pause == net::RETRIES_AFTER[0] { "a minute" } else { "two minutes" },
            ),
            Step::GaveUp(ended) => {
                format!("last-answer {} for the third time, which raises the alarm on its errors", in_short(ended))
            }
        })
    }
}
