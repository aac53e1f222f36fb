//! `--filter`: matches scenario names against a text or a pattern.

/// Whether a name contains the filter's text, or matches its pattern. Ignores case: scenario names are lower case.
pub fn matches(filter: &str, name: &str) -> bool {
    let filter = filter.to_lowercase();
    if filter.contains(['*', '?']) { glob_matches(&filter, name) } else { name.contains(&filter) }
}

/// `*` matches any text, `?` any character.
fn glob_matches(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('*') => {
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|at| glob_matches(rest.as_str(), &name[at..]))
        }
        Some(one) => {
            let mut name = name.chars();
            name.next().is_some_and(|first| one == '?' || one == first) && glob_matches(rest.as_str(), name.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_looked_for_anywhere_and_a_pattern_is_the_whole_name() {
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
