//! The function for CodeDeploy's `BeforeAllowTraffic`. What it checks when no gate file says otherwise is in `default.yaml`.

use std::process::ExitCode;

use hook_core::{Hook, run};

fn main() -> ExitCode {
    run(Hook::BeforeAllowTraffic)
}
