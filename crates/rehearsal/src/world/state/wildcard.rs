//! Patterns in IAM policies and in listener rules.

/// Whether a text matches a pattern in which `*` stands for any text and `?` for any character.
pub fn matches_wildcard(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return text.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    match first {
        '*' => text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| matches_wildcard(rest, &text[at..])),
        _ => text
            .chars()
            .next()
            .is_some_and(|own| (first == '?' || own == first) && matches_wildcard(rest, &text[own.len_utf8()..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_wildcards() {
        assert!(matches_wildcard("*.example.com", "shop.example.com"));
        assert!(!matches_wildcard("*.example.com", "example.com"));
        assert!(matches_wildcard("/img/*", "/img/"));
        assert!(matches_wildcard("/a?c", "/abc"));
        assert!(!matches_wildcard("/a?c", "/ac"));
    }
}
