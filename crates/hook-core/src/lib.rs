#![doc = include_str!("../README.md")]

pub mod aws_inspector;
mod checks;
mod conclusion;
mod consequence;
mod deadline;
mod descriptors;
pub mod dry_run;
mod error;
mod evaluate;
mod evaluator;
mod finding;
mod finding_log;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gate_source;
mod handler;
mod isolation;
mod log_context;
mod on_failure;
mod phase;
mod platform;
mod redact;
mod report;
mod runner;
mod secrets;
mod settings;
pub mod shell;
mod telemetry;
mod verdict;

use std::{future::Future, panic::AssertUnwindSafe, process::ExitCode, sync::Arc, time::Duration};

use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use tower::util::MapRequestLayer;

pub use gate as gate_file;
pub use gate::{ReasonCode, permissions};
pub use lifecycle::{Hook, printable};

use self::{platform::payload, settings::Settings};

/// Runs one of the five hook functions until Lambda ends the process: the whole `main` of a binary.
pub fn run(hook: Hook) -> ExitCode {
    serve(hook.event_name(), |settings| {
        let handler = Arc::new(handler::Handler::new(hook, settings));
        handler.connect_early();
        move |event| {
            let handler = handler.clone();
            async move { handler.handle(event).await }
        }
    })
}

/// Runs the on-failure handler, which puts Failed for a hook that put no status: the whole `main` of a binary.
pub fn run_on_failure() -> ExitCode {
    serve("on-failure handler", |settings| {
        let handler = Arc::new(on_failure::OnFailureHandler::new(&settings));
        handler.connect_early();
        move |event| {
            let handler = handler.clone();
            async move { handler.handle(event).await }
        }
    })
}

/// Runs the function with this program name in another program's process, for a rehearsal. It refuses to call a CodeDeploy
/// that is not on this machine: a program that people start by hand must not put a status for a real deployment.
pub fn run_in_rehearsal(program: &str) -> ExitCode {
    if !Settings::from_env().aws.is_codedeploy_on_loopback() {
        eprintln!("hook-function is for a rehearsal on this machine, and AWS_ENDPOINT_URL is not a loopback address");
        return ExitCode::from(2);
    }
    match Hook::ALL.into_iter().find(|hook| hook.program_name() == program) {
        Some(hook) => run(hook),
        None => run_on_failure(),
    }
}

/// Handles events until Lambda ends the process. Nothing before the handler can fail, except a start outside Lambda.
fn serve<H, F>(name: &str, handler: impl FnOnce(Settings) -> H) -> ExitCode
where
    H: Fn(LambdaEvent<serde_json::Value>) -> F,
    F: Future<Output = Result<(), error::Error>>,
{
    let settings = Settings::from_env();
    telemetry::install(settings.log);
    // Without these variables the Lambda runtime's client panics, and so would every start outside Lambda.
    if !settings.in_lambda {
        tracing::error!(
            "this is a Lambda function ({name}) and runs only in Lambda; to try the hooks without an AWS account, run `greenlight rehearse`"
        );
        return ExitCode::from(2);
    }
    let runtime =
        match tokio::runtime::Builder::new_current_thread().enable_all().thread_keep_alive(THREAD_KEEP_ALIVE).build() {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "{name}: could not create the async runtime");
                return ExitCode::FAILURE;
            }
        };
    reserve_dns_thread(&runtime);
    let handler = {
        // What it starts in the background runs as soon as the runtime does.
        let _runtime = runtime.enter();
        handler(settings)
    };
    let ended = runtime
        .block_on(Runtime::new(service_fn(handler)).layer(MapRequestLayer::new(payload::mark_invalid_json)).run());
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "{name}: lost the connection to the Lambda Runtime API");
            ExitCode::FAILURE
        }
    }
}

/// Longer than Lambda keeps any process.
const THREAD_KEEP_ALIVE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Resolving CodeDeploy's host name needs a thread. It is started here, while the system has one to give, and kept.
/// Later, tokio panics if it cannot start its first thread, and waits for an existing one if it cannot start a second.
fn reserve_dns_thread(runtime: &tokio::runtime::Runtime) {
    if std::thread::Builder::new().spawn(|| ()).is_ok() {
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.spawn_blocking(|| ())));
    }
}
