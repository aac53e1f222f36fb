//! Sets up the log: JSON lines on standard output, one for each thing that an operator asks about.
//!
//! Lines of the SDK and the runtime below the level of a warning can contain headers and bodies, so they are never
//! logged, whatever `GREENLIGHT_LOG` says.

use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::LogLevel;

/// Logs only warnings of an SDK, on standard error, for a person at a terminal. A second call does nothing.
pub fn install_stderr_warnings() {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false).without_time();
    let _ = tracing_subscriber::registry().with(lines).with(Targets::new().with_default(Level::WARN)).try_init();
}

/// Installs the log of this process. A second call does nothing.
pub fn install(level: LogLevel) {
    let own = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    // The runtime's own errors repeat what was already logged where it was handled.
    let filter = Targets::new()
        .with_default(Level::WARN)
        .with_target("hook_core", own)
        .with_target("aws_client", own)
        .with_target("lambda_runtime", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false);
    // Fails only if a log is installed already. That one is fine too.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
    std::panic::set_hook(Box::new(|panic| {
        // Log where it panicked but not the message, because a panic's message can quote a value.
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(error.code = "CheckPanicked", "panicked at {at}");
    }));
}
