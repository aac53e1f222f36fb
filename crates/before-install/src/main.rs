//! The hook function for `BeforeInstall`. Its built-in checks are in `crates/gate/built_in/before_install.yaml`.

use std::process::ExitCode;

use hook_core::{Hook, run};

fn main() -> ExitCode {
    run(Hook::BeforeInstall)
}
