//! Runs evaluations on a separate thread with its own runtime, so that a check that blocks its thread or panics can
//! neither prevent nor delay the status.

use std::{future::Future, io, pin::Pin, thread, time::Duration};

use tokio::{
    runtime::Builder,
    sync::{Mutex, mpsc, oneshot},
    time::sleep,
};

/// How long a task can go on after its time is up, so that it can notice.
const ABANDON_GRACE: Duration = Duration::from_millis(50);

/// The thread, kept between events and abandoned if something has blocked it.
#[derive(Default)]
pub struct IsolatedRuntime(Mutex<Option<Worker>>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskEnd<T> {
    Done(T),
    /// It panicked. The log has the message.
    Panicked,
    /// It did not end, and was left behind.
    Abandoned,
}

impl IsolatedRuntime {
    /// Runs `task` until it ends, or until `expired` ends.
    ///
    /// # Errors
    /// The system has no thread left, or no descriptor for the thread's runtime.
    pub async fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
        expired: impl Future<Output = ()>,
    ) -> io::Result<TaskEnd<T>> {
        let mut worker_slot = self.0.lock().await;
        let worker = match worker_slot.take() {
            Some(worker) => worker,
            None => Worker::start().await?,
        };
        let over = async {
            expired.await;
            sleep(ABANDON_GRACE).await;
        };
        let ended = tokio::select! {
            biased;
            ended = worker.run(task) => Some(ended),
            () = over => None,
        };
        // A worker that did not end in time may be blocked for good. It is dropped, and the next event gets a new one.
        *worker_slot = ended.as_ref().map(|_| worker);
        Ok(ended.map_or(TaskEnd::Abandoned, |returned| returned.map_or(TaskEnd::Panicked, TaskEnd::Done)))
    }
}

/// What a worker runs. It also ends when nothing waits for it any more: `true` if the task ended, in whatever way.
type WorkItem = Pin<Box<dyn Future<Output = bool> + Send>>;

/// A thread that runs one future after the other. It ends when this is dropped, unless something blocks it.
///
/// It is not one of tokio's threads: tokio panics if the system has no thread left.
struct Worker(mpsc::UnboundedSender<WorkItem>);

impl Worker {
    async fn start() -> io::Result<Self> {
        let (sender, mut items) = mpsc::unbounded_channel::<WorkItem>();
        let (report, started) = oneshot::channel();
        thread::Builder::new().name("checks".to_owned()).spawn(move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(report.send(Err(error))),
            };
            let _ = report.send(Ok(()));
            runtime.block_on(async {
                while let Some(item) = items.recv().await {
                    if !item.await {
                        return;
                    }
                }
            });
            // The runtime's blocking threads may never end.
            runtime.shutdown_background();
        })?;
        started.await.map_err(io::Error::other)??;
        Ok(Self(sender))
    }

    /// What the task returned, or None if it panicked.
    async fn run<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (mut report, ended) = oneshot::channel();
        // If the thread is gone, the sender of the report is gone too.
        let _ = self.0.send(Box::pin(async move {
            tokio::select! {
                returned = tokio::spawn(task) => report.send(returned.ok()).is_ok(),
                // Nothing waits for the result any more.
                () = report.closed() => false,
            }
        }));
        ended.await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        sync::mpsc,
    };

    use super::*;

    #[tokio::test]
    async fn what_blocks_its_thread_is_left_behind_and_the_next_event_is_judged() {
        let runtime = IsolatedRuntime::default();
        let (open, blocked) = mpsc::channel::<()>();
        let blocking = async move {
            let _ = blocked.recv();
        };
        assert_eq!(runtime.run(blocking, ready(())).await.unwrap(), TaskEnd::Abandoned);
        assert_eq!(runtime.run(async { 7 }, pending()).await.unwrap(), TaskEnd::Done(7));
        drop(open);
    }

    #[tokio::test]
    async fn a_panic_ends_only_what_panicked() {
        let runtime = IsolatedRuntime::default();
        let panics = async { panic!("a task with a bug") };
        assert_eq!(runtime.run::<()>(panics, pending()).await.unwrap(), TaskEnd::Panicked);
        assert_eq!(runtime.run(async { 7 }, pending()).await.unwrap(), TaskEnd::Done(7));
    }
}
