//! The hook function for `BeforeAllowTraffic`. Its built-in checks are in `crates/gate/built_in/before_allow_traffic.yaml`.

use std::process::ExitCode;

use hook_core::{Hook, run};

fn main() -> ExitCode {
    run(Hook::BeforeAllowTraffic)
}
