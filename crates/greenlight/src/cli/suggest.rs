//! "Did you mean": finds the name that a misspelling stands for.

/// How similar two names are, whatever their case: 0 is nothing in common, 1 is equal.
pub fn similarity(one: &str, other: &str) -> f64 {
    strsim::jaro_winkler(&one.to_lowercase(), &other.to_lowercase())
}

/// The most similar of the known names, if one is at least this similar.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>, min_similarity: f64) -> Option<&'a str> {
    most_similar(known.into_iter().map(|one| (similarity(name, one), one)), min_similarity)
}

/// The candidate with the greatest similarity, if that is great enough.
pub fn most_similar<T>(candidates: impl Iterator<Item = (f64, T)>, min_similarity: f64) -> Option<T> {
    let similar = candidates.filter(|(similarity, _)| *similarity >= min_similarity);
    similar.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, candidate)| candidate)
}

/// The end of a message: the question whether a name was meant, or nothing.
pub fn did_you_mean(name: Option<&str>) -> String {
    name.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}
