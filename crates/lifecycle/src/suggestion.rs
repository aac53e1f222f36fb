//! "Did you mean": the known word that is most like a misspelled one.

/// Below this similarity a suggestion is more often wrong than right.
const MIN_SIMILARITY: f64 = 0.85;

/// The known word that `word` is probably a misspelling of.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|near| (strsim::jaro_winkler(word, near), near))
        .filter(|(similarity, _)| *similarity > MIN_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, near)| near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_similar_word_is_suggested() {
        assert_eq!(suggest("runing", ["running", "pending"]), Some("running"));
        assert_eq!(suggest("purple", ["running", "pending"]), None);
    }
}
