//! `--filter`: matches scenario names against a text or a pattern.

use wildmatch::WildMatch;

/// Whether a name contains the filter's text, or matches its pattern: `*` is any text, `?` any character. Ignores case.
pub fn matches(filter: &str, name: &str) -> bool {
    match filter.contains(['*', '?']) {
        true => WildMatch::new_case_insensitive(filter).matches(name),
        false => name.contains(&filter.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_matches_anywhere_and_a_pattern_is_the_whole_name() {
        assert!(matches("alarm", "old-alarm-fires"));
        assert!(matches("ALARM", "old-alarm-fires"));
        assert!(!matches("alram", "old-alarm-fires"));
        assert!(matches("*-fires", "old-alarm-fires"));
        assert!(matches("old*fires", "old-alarm-fires"));
        assert!(matches("route-5?3", "route-503"));
        assert!(!matches("alarm*", "old-alarm-fires"));
        assert!(!matches("route-?", "route-503"));
        assert!(matches("*", "") && matches("**", "x"));
    }
}
