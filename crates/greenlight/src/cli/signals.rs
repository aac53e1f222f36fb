//! Ctrl-C and SIGTERM: drops the work in progress, so that no child process outlives this one.

use std::future::Future;

/// A signal that stops the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM: `kill`, or a CI job that is cancelled.
    Terminate,
}

impl Signal {
    /// The exit status that a shell reports for this signal: 128 plus its number.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Runs `work`, or drops it when a signal arrives.
pub async fn or_shutdown<T>(work: impl Future<Output = T>) -> Result<T, Signal> {
    tokio::select! {
        // Polled first, so that the handlers exist before any child process does.
        biased;
        signal = wait_for_signal() => Err(signal),
        end = work => Ok(end),
    }
}

#[cfg(unix)]
async fn wait_for_signal() -> Signal {
    use tokio::signal::unix::{SignalKind, signal};
    // If no handler can be installed, the signal ends this process, as it does by default.
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
async fn wait_for_signal() -> Signal {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Signal::Interrupt,
        Err(_) => std::future::pending().await,
    }
}
