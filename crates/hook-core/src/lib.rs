#![doc = include_str!("../README.md")]

mod aws;
mod board;
mod check;
mod code;
mod court;
mod deadline;
mod error;
mod event;
mod finding;
mod gate;
mod handle;
mod hook;
mod ids;
mod judge;
mod plan;
mod report;
mod runner;
mod settings;
mod target;
mod telemetry;
mod verdict;

pub use self::{code::Code, hook::Hook};

use std::process::ExitCode;

use lambda_runtime::{LambdaInvocation, Runtime, service_fn};
use tower::util::MapRequestLayer;

/// Runs one of the five functions for as long as Lambda wants it: a binary's whole `main`.
pub fn run(hook: Hook) -> ExitCode {
    let settings = settings::Settings::of_process();
    telemetry::install(settings.log);
    // The runtime's client panics without these, and so would every start outside Lambda.
    if !settings.in_lambda {
        tracing::error!(
            hook.name = %hook,
            "this is a Lambda function for CodeDeploy's {hook} and runs only there; `make rehearse` shows it at work without an AWS account"
        );
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(hook.name = %hook, %error, "no runtime could be made");
            return ExitCode::FAILURE;
        }
    };
    let handler = handle::Handler::new(hook, settings);
    let handler = &handler;
    let ended = runtime.block_on(async {
        let service = service_fn(|event| handler.handle(event));
        Runtime::new(service).layer(MapRequestLayer::new(readable)).run().await
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(hook.name = %hook, %error, "the Lambda Runtime API went away");
            ExitCode::FAILURE
        }
    }
}

/// A body that is not JSON would fail before the handler, in words that are not ours; it reaches the handler like this.
fn readable(mut invocation: LambdaInvocation) -> LambdaInvocation {
    if let Err(error) = serde_json::from_slice::<serde_json::Value>(&invocation.body) {
        invocation.body = serde_json::json!({ event::NOT_JSON: error.to_string() }).to_string().into();
    }
    invocation
}
