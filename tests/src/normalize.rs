//! Replaces what differs from run to run, such as ids and times, with fixed values.

use std::sync::OnceLock;

use regex_lite::Regex;

const FILTERS: &[(&str, &str)] = &[
    (r"d-[A-Z0-9]{9}\b", "d-EXAMPLE11"),
    (r"\b[0-9]{19}\b", "4242424242"),
    (r"\b1[0-9]{9}\b", "SECONDS"),
    (r"\b[0-9]+ seconds ago\b", "SECONDS ago"),
    (r"\btask [0-9a-f]{8,32}\b", "task 0a1b2c3d"),
    (r"\b(localhost|127\.0\.0\.1|example\.com|balancer\.invalid|HTTP|HTTPS|TCP|TLS|UDP):[0-9]+", "$1:8080"),
    (r"\b(stopped and task) [0-9a-f]{8} replaced it", "$1 0a1b2c3d replaced it"),
    (r"sha256:[0-9a-f]{12}…", "sha256:0a1b2c3d4e5f…"),
    (r"/[0-9a-f]{16}\b", "/0123456789abcdef"),
    (r"\b10\.0\.[0-9]+\.[0-9]+", "10.0.1.23"),
    (r"\bport [0-9]+", "port 8080"),
    (r"\b[0-9]+(h|m|s|ms)( [0-9]+(m|s|ms))*\b", "TIME"),
    // How many attempts a check made depends on timing.
    (r" (after|in [0-9]+ of) [0-9]+ attempts in TIME", ""),
    (r"\b[0-9]+ of [0-9]+ attempts passed", "N of M attempts passed"),
    // How many tasks have stopped when a check looks, and how many checks had ended by then, depends on timing.
    (r"\b[0-9]+ (of [0-9]+ )?tasks? (stopped|could not start):", "N tasks $2:"),
    (r"\btask 0a1b2c3d(, [0-9a-f]{32})*( and [0-9]+ more)?", "task 0a1b2c3d"),
    (r"[;,] [0-9]+ (other failures?|consequences?|due to it|not run\b|not finished\b)", ""),
];

const TRUNCATED_CHARS: usize = 120;
/// A hook truncates its verdict at 200 characters. Whether it truncates one with more characters than this, once it is
/// normalized, depends on the length of the ids and times in it.
const LONG_VERDICT_CHARS: usize = 165;

/// Replaces ids, ports and times. Where a truncated line ends depends on the length of those, so it is truncated to
/// 120 characters.
pub fn normalize(text: &str) -> String {
    static COMPILED: OnceLock<Vec<(Regex, &str)>> = OnceLock::new();
    let compile = |(pattern, to): &(&str, &'static str)| Some((Regex::new(pattern).ok()?, *to));
    let rules = COMPILED.get_or_init(|| FILTERS.iter().filter_map(compile).collect());
    assert_eq!(rules.len(), FILTERS.len(), "every filter must be a valid regular expression");
    let text = rules.iter().fold(text.to_owned(), |text, (rule, to)| rule.replace_all(&text, *to).into_owned());
    match text.strip_suffix('…') {
        Some(line) => format!("{}…", line.chars().take(TRUNCATED_CHARS).collect::<String>()),
        None => text,
    }
}

/// Truncates a long verdict in the first line of a case's text, whether or not the hook did so.
pub fn truncate_long_verdict(text: String) -> String {
    let (verdict, checks) = text.split_at(text.find('\n').unwrap_or(text.len()));
    let is_long = verdict.chars().count() > LONG_VERDICT_CHARS;
    if is_long { format!("{}…{checks}", verdict.chars().take(TRUNCATED_CHARS).collect::<String>()) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ports_and_times_are_replaced() {
        let text = "deployment d-A1B2C3D4E: task set 3605701707267980476 after 3 attempts in 1s 20ms at localhost:4711";
        let tidied = "deployment d-EXAMPLE11: task set 4242424242 at localhost:8080";
        assert_eq!(normalize(text), tidied);
        let text = format!("{}\n  a check\n", "a".repeat(170));
        assert_eq!(truncate_long_verdict(text), format!("{}…\n  a check\n", "a".repeat(TRUNCATED_CHARS)));
        let text = "2 of 3 tasks stopped: why; was 2; X: task 0f9c0f9c, 0123456789abcdef0123456789abcdef and 4 more; 2 other failures, 1 consequence";
        assert_eq!(normalize(text), "N tasks stopped: why; was 2; X: task 0a1b2c3d");
        assert_eq!(normalize("0s, 12ms, 4s 250ms, 12s, 1m 30s, 1h 2m 3s"), ["TIME"; 6].join(", "));
        assert_eq!(normalize("was 1 in 2 of 9 attempts in 41s"), "was 1");
    }
}
