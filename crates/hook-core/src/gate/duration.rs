//! Lengths of time: `500ms`, `30s`, `5m`.

use std::time::Duration;

use super::unit;

/// A day: longer than Lambda, CodeDeploy's hour, and any mistake should wait.
pub const MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A length of time as the file writes it.
pub fn format_exact(span: Duration) -> String {
    if span.is_zero() { "0s".to_owned() } else { humantime::format_duration(span).to_string() }
}

/// Reads a length of time.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| {
        let near =
            unit::suggest_unit(text).map(|unit| format!("; did you mean the unit `{unit}`?")).unwrap_or_default();
        format!("is a length of time such as 500ms, 30s or 5m, not {text:?}{near}")
    })
}
