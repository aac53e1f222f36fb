//! Where judging happens: a runtime on a thread of its own, so that a check which blocks its thread, or panics, can
//! neither stop nor delay the answer.

use std::{future::Future, io, pin::Pin, thread, time::Duration};

use tokio::{
    runtime::Builder,
    sync::{Mutex, mpsc, oneshot},
    time::sleep,
};

/// After its time is up, judging gets this long to notice.
const ABANDON_GRACE: Duration = Duration::from_millis(50);

/// The thread, kept between events; given up when something has blocked it.
#[derive(Default)]
pub struct IsolatedRuntime(Mutex<Option<Worker>>);

/// How judging ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskEnd {
    /// By itself.
    Done,
    /// With a panic, which the log has.
    Panicked,
    /// Not at all: it was left behind.
    Abandoned,
}

impl IsolatedRuntime {
    /// Runs `judging` until it ends or `over` does.
    ///
    /// # Errors
    /// There is no thread to be had, or no descriptor for its runtime.
    pub async fn run(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
        expired: impl Future<Output = ()>,
    ) -> io::Result<TaskEnd> {
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
        *worker_slot = ended.map(|_| worker);
        Ok(ended.unwrap_or(TaskEnd::Abandoned))
    }
}

/// What a worker does, and where it reports how that ended.
type WorkItem = (Pin<Box<dyn Future<Output = ()> + Send>>, oneshot::Sender<TaskEnd>);

/// A thread that runs one future after the other. It ends when this is dropped, unless something blocks it.
///
/// Not one of tokio's own: those panic where the system has no thread left.
struct Worker(mpsc::UnboundedSender<WorkItem>);

impl Worker {
    async fn start() -> io::Result<Self> {
        let (sender, mut orders) = mpsc::unbounded_channel::<WorkItem>();
        let (report, started) = oneshot::channel();
        thread::Builder::new().name("checks".to_owned()).spawn(move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(report.send(Err(error))),
            };
            let _ = report.send(Ok(()));
            runtime.block_on(async {
                while let Some((judging, mut report)) = orders.recv().await {
                    let ended = tokio::select! {
                        ended = tokio::spawn(judging) => if ended.is_ok() { TaskEnd::Done } else { TaskEnd::Panicked },
                        // Nobody waits any more.
                        () = report.closed() => return,
                    };
                    let _ = report.send(ended);
                }
            });
            // Its blocking threads may never end.
            runtime.shutdown_background();
        })?;
        started.await.map_err(io::Error::other)??;
        Ok(Self(sender))
    }

    async fn run(&self, judging: impl Future<Output = ()> + Send + 'static) -> TaskEnd {
        let (report, ended) = oneshot::channel();
        // Where the thread is gone, so is the receiver of its report.
        let _ = self.0.send((Box::pin(judging), report));
        ended.await.unwrap_or(TaskEnd::Panicked)
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
        let court = IsolatedRuntime::default();
        let (open, blocked) = mpsc::channel::<()>();
        let blocking = async move {
            let _ = blocked.recv();
        };
        assert_eq!(court.run(blocking, ready(())).await.unwrap(), TaskEnd::Abandoned);
        assert_eq!(court.run(async {}, pending()).await.unwrap(), TaskEnd::Done);
        drop(open);
    }

    #[tokio::test]
    async fn a_panic_ends_only_what_panicked() {
        let court = IsolatedRuntime::default();
        assert_eq!(court.run(async { panic!("a fault") }, pending()).await.unwrap(), TaskEnd::Panicked);
        assert_eq!(court.run(async {}, pending()).await.unwrap(), TaskEnd::Done);
    }
}
