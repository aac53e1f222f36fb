//! Ctrl-C and SIGTERM: what is going on is dropped, in place of dying with children alive.

use std::future::Future;

/// Who asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// `kill`, or a CI job that is cancelled.
    Terminate,
}

impl Signal {
    /// What a shell says of a program that ended so: 128 and the signal's number.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Does `work`, or drops it when somebody asks to stop.
pub async fn or_shutdown<T>(work: impl Future<Output = T>) -> Result<T, Signal> {
    tokio::select! {
        // First, so that the handlers are in place before any child process is.
        biased;
        signal = wait_for_signal() => Err(signal),
        end = work => Ok(end),
    }
}

#[cfg(unix)]
async fn wait_for_signal() -> Signal {
    use tokio::signal::unix::{SignalKind, signal};
    // Without a handler the signal does what it always did: it ends this process.
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => Signal::Interrupt,
        _ = terminate.recv() => Signal::Terminate,
    }
}

#[cfg(not(unix))]
async fn asked() -> Signal {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Signal::Interrupt,
        Err(_) => std::future::pending().await,
    }
}
