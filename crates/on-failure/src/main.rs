//! The on-failure handler: receives Lambda's record of a failed hook invocation, and puts *Failed* for the hook.

use std::process::ExitCode;

fn main() -> ExitCode {
    hook_core::run_on_failure()
}
