//! The longest times that a gate file can have.

use std::time::Duration;

use super::{
    Message, YamlValue,
    duration::{self, parse_duration},
    format_duration,
    time_budget::{MAX_FUNCTION_TIMEOUT, check_budget},
};

/// The time before the first attempt of a check: the hook reads the deployment and the gate file, and waits for
/// CodeDeploy's record of its lifecycle events, which lags by up to 10 s.
const STARTUP_RESERVE: Duration = Duration::from_secs(30);

/// The end of a sentence that names a limit.
pub(super) const LAMBDA_LIMIT: &str = ": Lambda ends a function after 15 minutes";

/// The longest time that the checks of a hook can have.
pub(super) fn longest_deadline() -> Duration {
    check_budget(MAX_FUNCTION_TIMEOUT)
}

/// Why the value of a key that is a length of time cannot be right, whatever else the file says.
pub(super) fn too_long(key: &str, value: &YamlValue) -> Message {
    let longest = match key {
        "deadline" => longest_deadline(),
        "within" | "for" | "stable_for" | "settle" | "timeout" => longest_window(),
        _ => duration::MAX,
    };
    if let YamlValue::Text(text) = value
        && text.contains('M')
        && let minutes = text.replace('M', "m")
        && parse_duration(&minutes).is_ok_and(|meant| meant <= longest)
    {
        return Message::did_you_mean(format_args!("`{key}` is {value}, and M means months"), &minutes);
    }
    let limit = if longest == duration::MAX {
        "one day is possible".to_owned()
    } else {
        format!("{} is possible{LAMBDA_LIMIT}", format_duration(longest))
    };
    format!("`{key}` is {value}; at most {limit}").into()
}

/// The longest time that one check can have.
pub(super) fn longest_window() -> Duration {
    longest_deadline() - STARTUP_RESERVE
}
