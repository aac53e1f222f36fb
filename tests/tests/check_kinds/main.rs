//! Every rule of every kind of check, tested with the real programs.

#[macro_use]
mod support;

mod alarms;
mod ecs;
mod http_request;
mod http_response;
mod image;
mod preflight;
mod reach;
mod targets;
mod tcp;

use std::process::ExitCode;

use greenlight_tests::Suite;

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("ecs", ecs::cases)
        .cases("image", image::cases)
        .cases("alarms", alarms::cases)
        .cases("tcp", tcp::cases)
        .cases("http_requests", http_request::cases)
        .cases("http_answers", http_response::cases)
        .cases("reach", reach::cases)
        .cases("targets", targets::cases)
        .cases("preflight_of_the_wiring", preflight::wiring)
        .cases("preflight_of_what_the_task_definition_names", preflight::task_definition)
        .run()
}
