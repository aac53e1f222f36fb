//! Patterns in IAM policies and in listener rules.

/// Whether a text matches a pattern in which `*` stands for any text and `?` for any character.
pub fn matches_wildcard(pattern: &str, text: &str) -> bool {
    wildmatch::WildMatch::new(pattern).matches(text)
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
