//! Splits a condition into words, and recognizes the syntax of other languages in it.

use super::Operator;

/// The first word, and the rest of the text.
pub(super) fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// The subject and the rest of the text. A subject can have spaces inside brackets and parentheses.
pub(super) fn split_subject(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (mut quote, mut depth) = (None, 0_usize);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if depth > 0 => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            (None, c) if c.is_whitespace() && depth == 0 => return (&text[..at], text[at..].trim_start()),
            _ => {}
        }
    }
    // If a bracket is not closed, the subject ends at the first space, like any other word.
    if depth > 0 || quote.is_some() { split_word(text) } else { (text, "") }
}

/// The subject in `version(…)`, or the word unchanged.
pub(super) fn strip_version(word: &str) -> &str {
    version_argument(word).unwrap_or(word)
}

pub(super) fn version_argument(word: &str) -> Option<&str> {
    word.strip_prefix("version(")?.strip_suffix(')').map(str::trim)
}

/// Whether the text has several words. A fact in braces counts as one word.
pub(super) fn has_space(text: &str) -> bool {
    let mut outside = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        outside.push_str(before);
        rest = after.split_once("}}").map_or("", |(_, after)| after);
    }
    outside.push_str(rest);
    outside.contains(char::is_whitespace)
}

/// Whether these words, before or after an `or`, are neither a condition nor a value, so that the whole may be a sentence
/// without quotation marks.
fn is_in_sentence(words: &[&str], operator: Operator) -> bool {
    let Some(at) = words.iter().position(|word| Operator::parse(word).is_some()) else {
        return words.len() > 1 || matches!(operator, Operator::Contains | Operator::Matches);
    };
    words.iter().skip(at + 1).rev().skip(1).any(|word| !word.ends_with(','))
}

/// How to write a condition that joins conditions or values with an operator, as other languages do.
pub(super) fn joined_conditions_hint(text: &str, operator: Operator) -> Option<String> {
    const OR: [&str; 2] = ["or", "||"];
    const AND: [&str; 2] = ["and", "&&"];
    let is = |words: [&str; 2], word: &str| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    let words: Vec<&str> = text.split_whitespace().collect();
    let found = words.iter().find(|word| is(OR, word) || is(AND, word) || word.eq_ignore_ascii_case("not"))?;
    let mut all_parts = words.split(|word| is(OR, word) || is(AND, word) || word.eq_ignore_ascii_case("not"));
    let advice = if all_parts.any(|part| is_in_sentence(part, operator)) {
        "; text with spaces needs quotation marks"
    } else {
        ""
    };
    if found.eq_ignore_ascii_case("not") {
        return Some(format!("`not` goes before in, contains, matches and exists; otherwise write `!=`{advice}"));
    }
    let parts: Vec<String> = words.split(|word| is(OR, word) || is(AND, word)).map(|part| part.join(" ")).collect();
    let mixed = words.iter().any(|word| is(OR, word)) && words.iter().any(|word| is(AND, word));
    let values = parts.iter().skip(1).all(|part| !part.contains(' '));
    // In `body contains a or b`, `body contains` also applies to `b`.
    let before = parts.first().and_then(|part| part.rsplit_once(' ')).map_or("", |(before, _)| before);
    let each = |part: &String| if part.contains(' ') { part.clone() } else { format!("{before} {part}") };
    let conditions = parts.iter().map(each).collect::<Vec<_>>().join(", ");
    let how = match (is(OR, found), mixed) {
        (_, true) => "write `any: [...]` for one of several, and one condition for each that has to be true".to_owned(),
        (true, _) if values && operator == Operator::Equal => {
            format!("write `{}`", parts.join(", ").replacen(" == ", " in ", 1))
        }
        (true, _) => format!("write `any: [{conditions}]`"),
        (false, _) => format!("write one condition for each: [{conditions}]"),
    };
    Some(format!("`{found}` does not join conditions; {how}{advice}"))
}
