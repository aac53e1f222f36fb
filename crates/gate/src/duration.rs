//! Durations in a gate file: `500ms`, `30s`, `5m`.

use std::time::Duration;

use super::{Message, unit};

/// One day. This is longer than a Lambda timeout and CodeDeploy's hour, so a longer duration is a mistake. `window` has the
/// limits of the keys that set how long a check or a hook takes.
pub const MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The duration as a gate file writes it.
pub fn format_exact(span: Duration) -> String {
    if span.is_zero() { "0s".to_owned() } else { humantime::format_duration(span).to_string() }
}

pub fn parse_duration(text: &str) -> Result<Duration, Message> {
    humantime::parse_duration(text).map_err(|_| {
        let why = format!("is {text:?}; it must be a length of time such as 500ms, 30s or 5m");
        match unit::suggest_unit(text) {
            Some(unit) => Message::from(format!("{why}; did you mean the unit `{unit}`?")).with_suggestion(unit),
            None => why.into(),
        }
    })
}
