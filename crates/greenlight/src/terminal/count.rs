//! Numbers with their nouns.

/// For example `1 fault` or `3 faults`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
