//! The hook function for `AfterAllowTestTraffic`. Its built-in checks are in `crates/gate/built_in/after_allow_test_traffic.yaml`.

use std::process::ExitCode;

use hook_core::{Hook, run};

fn main() -> ExitCode {
    run(Hook::AfterAllowTestTraffic)
}
