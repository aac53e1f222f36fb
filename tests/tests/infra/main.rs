//! The template of the functions against what the programs do: nobody may more than they call, and nothing that they rely on
//! is set otherwise. What needs every scenario to be seen is compared in `scenarios.rs`.

mod function_settings;
mod network;
mod parameters;
mod platform;
mod roles;

use greenlight_tests::infra::{REQUIRED_PARAMETERS, SamTemplate, Stack};

/// The stack with these parameters beside those that have no default.
fn stack_with(parameters: &[(&'static str, &'static str)]) -> Stack {
    stack_of(&SamTemplate::read(), parameters)
}

fn stack_of(template: &SamTemplate, parameters: &[(&'static str, &'static str)]) -> Stack {
    template.instantiate(REQUIRED_PARAMETERS.into_iter().chain(parameters.iter().copied())).unwrap()
}
