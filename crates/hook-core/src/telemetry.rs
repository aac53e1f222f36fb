//! Log set-up: JSON lines on standard output, one for each thing that an operator would ask about.
//!
//! What the SDK and the runtime log below a warning can hold headers and bodies, so it is never let through, whatever
//! `GREENLIGHT_LOG` says.

use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::LogLevel;

/// Installs no log but what somebody at a terminal has to know: what an SDK warns of, on standard error. A second call
/// does nothing.
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
    // The runtime's own errors repeat what was logged where it was handled.
    let filter = Targets::new()
        .with_default(Level::WARN)
        .with_target("hook_core", own)
        .with_target("lambda_runtime", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false);
    // Fails only if there is a log already, which then does as well.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
    std::panic::set_hook(Box::new(|panic| {
        // Where, and not what: a panic's message may quote a value.
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(error.code = "CheckPanicked", "a panic at {at}");
    }));
}
