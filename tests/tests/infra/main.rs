//! The template of the functions against what the programs do: nobody may more than they call, and nothing that they rely on
//! is set otherwise. What needs every scenario to be seen is compared in `scenarios.rs`.

mod network;
mod parameters;
mod platform;
mod roles;
mod wiring;

use greenlight_tests::infra::{NAMES, Stack, Template};

/// The stack with these parameters beside those that have no default.
fn stack(parameters: &[(&'static str, &'static str)]) -> Stack {
    with(&Template::read(), parameters)
}

fn with(template: &Template, parameters: &[(&'static str, &'static str)]) -> Stack {
    template.with(NAMES.into_iter().chain(parameters.iter().copied())).unwrap()
}
