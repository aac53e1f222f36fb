//! Where judging happens: a runtime with a thread of its own, so that a check which blocks its thread, or panics, can
//! neither stop nor delay the answer.

use std::{future::Future, io, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    sync::Mutex,
    time::sleep,
};

/// After its time is up, judging gets this long to notice.
const GRACE: Duration = Duration::from_millis(50);

/// The runtime, kept between events; given up when something has blocked it.
#[derive(Default)]
pub struct Court(Mutex<Option<Runtime>>);

/// How judging ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    Done,
    /// With a panic, which the log has.
    Panicked,
    /// Not at all: it was left behind.
    OutOfTime,
}

impl Court {
    /// Runs `judging` until it ends or `over` does.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub async fn hold(
        &self,
        judging: impl Future<Output = ()> + Send + 'static,
        over: impl Future<Output = ()>,
    ) -> io::Result<Ended> {
        let mut court = self.0.lock().await;
        let runtime = match court.take() {
            Some(runtime) => runtime,
            None => Builder::new_multi_thread().worker_threads(1).enable_all().build()?,
        };
        let over = async {
            over.await;
            sleep(GRACE).await;
        };
        let ended = tokio::select! {
            biased;
            ended = runtime.spawn(judging) => Some(ended),
            () = over => None,
        };
        if ended.is_some() {
            *court = Some(runtime);
        } else {
            // Whatever still runs there may block its thread for good; it goes, and the next event gets a new one.
            runtime.shutdown_background();
        }
        Ok(match ended {
            Some(Ok(())) => Ended::Done,
            Some(Err(_)) => Ended::Panicked,
            None => Ended::OutOfTime,
        })
    }
}

impl Drop for Court {
    fn drop(&mut self) {
        // A runtime may not be waited for from within another one.
        if let Some(runtime) = self.0.get_mut().take() {
            runtime.shutdown_background();
        }
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
        let court = Court::default();
        let (open, blocked) = mpsc::channel::<()>();
        let blocking = async move {
            let _ = blocked.recv();
        };
        assert_eq!(court.hold(blocking, ready(())).await.unwrap(), Ended::OutOfTime);
        assert_eq!(court.hold(async {}, pending()).await.unwrap(), Ended::Done);
        drop(open);
    }

    #[tokio::test]
    async fn a_panic_ends_only_what_panicked() {
        let court = Court::default();
        assert_eq!(court.hold(async { panic!("a fault") }, pending()).await.unwrap(), Ended::Panicked);
        assert_eq!(court.hold(async {}, pending()).await.unwrap(), Ended::Done);
    }
}
