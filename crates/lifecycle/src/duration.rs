//! Durations for people.

use std::time::Duration;

/// Below this, milliseconds matter to a reader.
const MAX_WITH_MILLISECONDS: Duration = Duration::from_secs(10);

/// The one spelling of a duration for people: `1m 30s`, and below ten seconds with milliseconds, `4s 250ms`.
pub fn format_duration(duration: Duration) -> String {
    let shown = if duration < MAX_WITH_MILLISECONDS {
        Duration::from_millis(duration.as_millis().try_into().unwrap_or(u64::MAX))
    } else {
        Duration::from_secs(duration.as_secs())
    };
    humantime::format_duration(shown).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_shown_only_below_ten_seconds() {
        let formatted = |micros: u64| format_duration(Duration::from_micros(micros));
        assert_eq!(formatted(4_250_900), "4s 250ms");
        assert_eq!(formatted(12_250_000), "12s");
        assert_eq!(formatted(90_000_000), "1m 30s");
        assert_eq!(formatted(0), "0s");
    }
}
