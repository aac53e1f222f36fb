//! The hook function for `AfterAllowTraffic`. Its built-in checks are in `crates/gate/built_in/after_allow_traffic.yaml`.

use std::process::ExitCode;

use hook_core::{Hook, run};

fn main() -> ExitCode {
    run(Hook::AfterAllowTraffic)
}
