//! The built-in checks of the five hooks: in the good world, and with one thing broken at a time.

mod after_allow_test_traffic;
mod after_allow_traffic;
mod after_install;
mod before_allow_traffic;
mod before_install;
mod support;

use std::process::ExitCode;

use greenlight_tests::Suite;

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("before_install", before_install::cases)
        .cases("after_install", after_install::cases)
        .cases("after_allow_test_traffic", after_allow_test_traffic::cases)
        .cases("before_allow_traffic", before_allow_traffic::cases)
        .cases("after_allow_traffic", after_allow_traffic::cases)
        .run()
}
