//! The hook function for `AfterInstall`. Its built-in checks are in `crates/gate/built_in/after_install.yaml`.

use std::process::ExitCode;

use hook_core::{Hook, run};

fn main() -> ExitCode {
    run(Hook::AfterInstall)
}
