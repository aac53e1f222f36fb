//! Suggestions for misspelt units.

/// Units, with other words for them.
const UNITS: [(&str, &str); 13] = [
    ("ms", "ms"),
    ("s", "s"),
    ("m", "m"),
    ("h", "h"),
    ("msec", "ms"),
    ("millis", "ms"),
    ("milliseconds", "ms"),
    ("sec", "s"),
    ("seconds", "s"),
    ("min", "m"),
    ("minutes", "m"),
    ("hr", "h"),
    ("hours", "h"),
];

/// The unit that probably was meant, given the text after the number in `text`.
pub fn suggest_unit(text: &str) -> Option<&'static str> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | ' '));
    if unit.is_empty() || unit.len() == text.len() {
        return None;
    }
    let unit = unit.to_ascii_lowercase();
    let distance = |word: &str| strsim::damerau_levenshtein(&unit, word);
    let (word, meant) = UNITS.iter().min_by_key(|(word, _)| distance(word))?;
    // At most one letter is wrong, and never the only one.
    (distance(word) <= 1 && (unit.len() > 1 || distance(word) == 0)).then_some(*meant)
}
