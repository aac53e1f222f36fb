//! How much of a function's timeout its checks can take.

use std::time::Duration;

/// The reserve for putting the status, retries included.
const RESERVE: Duration = Duration::from_secs(30);
/// If there is little time in all, the reserve is this share of it.
const RESERVE_SHARE: u32 = 5;

/// The longest timeout that Lambda gives a function.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MAX_FUNCTION_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// How long the checks of a function with this timeout can take.
pub fn check_budget(timeout: Duration) -> Duration {
    timeout - RESERVE.min(timeout / RESERVE_SHARE)
}
