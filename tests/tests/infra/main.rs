//! Compares the functions' template with the programs: no role allows more than its program calls, and every setting is
//! the one that the programs rely on. `scenarios.rs` compares what only a run of all scenarios shows.

mod function_settings;
mod network;
mod parameters;
mod platform;
mod roles;

use greenlight_tests::infra::{REQUIRED_PARAMETERS, SamTemplate, Stack};

/// The stack with these parameters and the required ones.
fn stack_with(parameters: &[(&'static str, &'static str)]) -> Stack {
    stack_of(&SamTemplate::read(), parameters)
}

fn stack_of(template: &SamTemplate, parameters: &[(&'static str, &'static str)]) -> Stack {
    template.instantiate(REQUIRED_PARAMETERS.into_iter().chain(parameters.iter().copied())).unwrap()
}
