//! The errors and warnings for the author of a gate file: with the line and a caret for a terminal, in one line for a
//! verdict.

use std::{borrow::Borrow, fmt};

use super::{Position, YamlValue, secret_mask::SecretMask};
use lifecycle::{is_printable, printable};

use crate::reason_code::ReasonCode;

/// What is wrong, in a sentence for the author of a file, and the word or line that was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    text: String,
    suggestion: Option<String>,
}

impl Message {
    /// The text, and a question: `…; did you mean `within`?`.
    pub fn did_you_mean(text: impl fmt::Display, near: &str) -> Self {
        Self::from(format!("{text}; did you mean `{near}`?")).with_suggestion(near)
    }

    /// Like [`Self::did_you_mean`], if there is a suggestion.
    pub fn maybe_did_you_mean(text: impl fmt::Display, near: Option<&str>) -> Self {
        near.map_or_else(|| Self::from(text.to_string()), |near| Self::did_you_mean(&text, near))
    }

    /// The text, and what to write instead: `…; write `every: 30s``.
    pub fn write_instead(text: impl fmt::Display, line: &str) -> Self {
        Self::from(format!("{text}; write `{line}`")).with_suggestion(line)
    }

    /// A value of a wrong type or form. `expected` is what it must be.
    pub(super) fn wrong_value(what: impl fmt::Display, expected: impl fmt::Display, actual: &YamlValue) -> Self {
        match actual {
            YamlValue::Null => format!("{what} has no value; it must be {expected}"),
            YamlValue::List(_) | YamlValue::Map(_) => format!("{what} must be {expected}, but is {actual}"),
            _ => format!("{what} is {actual}; it must be {expected}"),
        }
        .into()
    }

    /// The word that was probably meant. The text already contains it.
    pub fn with_suggestion(self, suggestion: impl Into<String>) -> Self {
        Self { suggestion: Some(suggestion.into()), ..self }
    }

    /// The text, and a question if there is a suggestion.
    pub(super) fn maybe_ask(self, near: Option<&str>) -> Self {
        match near {
            Some(near) => Self::did_you_mean(self.text, near),
            None => self,
        }
    }

    /// Changes the text around the suggestion.
    pub(super) fn map_text(self, change: impl FnOnce(String) -> String) -> Self {
        Self { text: change(self.text), ..self }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self { text, suggestion: None }
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Words in a sentence: `a`, `a or b`, `a, b or c`.
pub fn join_or<T: Borrow<str>>(words: &[T]) -> String {
    join_words(words, "or")
}

/// Words in a sentence: `a`, `a and b`, `a, b and c`.
pub fn join_and<T: Borrow<str>>(words: &[T]) -> String {
    join_words(words, "and")
}

fn join_words<T: Borrow<str>>(words: &[T], last_link: &str) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} {last_link} {}", first.join(", "), last.borrow()),
        _ => words.concat(),
    }
}

/// One mistake in a gate file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The position in the file.
    pub at: Position,
    /// The message, without characters that would control a terminal.
    pub message: String,
    /// The word that was probably meant, or the line to write instead: `within`. The message contains it.
    pub suggestion: Option<String>,
    /// The reason code for the hook's verdict: [`ReasonCode::GateInvalid`] or a more specific one.
    pub code: ReasonCode,
}

impl Diagnostic {
    /// A mistake in the file. The message can quote the file: characters that would control a terminal are escaped.
    pub fn new(at: Position, message: impl Into<Message>) -> Self {
        let Message { text, suggestion } = message.into();
        let suggestion = suggestion.map(|suggestion| printable(&suggestion).into_owned());
        Self { at, message: printable(&text).into_owned(), suggestion, code: ReasonCode::GateInvalid }
    }

    /// A hook that would have no check.
    pub(super) fn gate_empty(at: Position, message: &str) -> Self {
        Self { code: ReasonCode::GateEmpty, ..Self::new(at, message) }
    }

    /// A key that this version of the hooks does not support.
    pub(super) fn not_supported(at: Position, message: impl Into<Message>) -> Self {
        Self { code: ReasonCode::NotSupportedYet, ..Self::new(at, message) }
    }

    /// Replaces a secret in the message. A suggestion that the message then no longer contains is dropped.
    pub(super) fn mask(&mut self, mask: &SecretMask) {
        self.message = mask.mask_message(&self.message);
        self.suggestion.take_if(|suggestion| !self.message.contains(suggestion.as_str()));
    }
}

/// The form on one line.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.at.line, self.at.column, self.message)
    }
}

/// A longer line is cut around the position, so that a file without line breaks remains readable.
const MAX_LINE_WIDTH: usize = 100;

/// Renders all diagnostics, each with its line and a caret under the mistake. `origin` is the name of the file in the
/// messages.
pub fn render(text: &str, diagnostics: &[Diagnostic], origin: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mask = SecretMask::from_text(text);
    let rendered =
        diagnostics.iter().map(|diagnostic| render_one(&lines, &mask, diagnostic, origin)).collect::<Vec<_>>();
    rendered.join("\n")
}

fn render_one(lines: &[&str], mask: &SecretMask, diagnostic: &Diagnostic, origin: &str) -> String {
    let Position { line, column } = diagnostic.at;
    let head = format!("{}:{line}:{column}: {}\n", printable(origin), mask.mask_message(&diagnostic.message));
    let Some(text) = lines.get(line - 1).filter(|text| !text.trim().is_empty()) else { return head };
    // A tab would move the caret, and a control character would control the terminal.
    let chars: Vec<char> = text.chars().map(|c| if is_printable(c) { c } else { ' ' }).collect();
    let (chars, at) = mask.mask_line(line, &chars, (column - 1).min(chars.len()));
    let from = if chars.len() > MAX_LINE_WIDTH { at.saturating_sub(MAX_LINE_WIDTH / 2) } else { 0 };
    let to = chars.len().min(from + MAX_LINE_WIDTH);
    let shown: String = chars[from..to].iter().collect();
    let number = line.to_string();
    let gap = " ".repeat(number.len());
    let carets = "^".repeat(token_len(&chars[at..to]).max(1));
    let indent = " ".repeat(at - from);
    format!("{head} {gap} |\n {number} | {}\n {gap} | {indent}{carets}\n", shown.trim_end())
}

/// The length in characters of the token that starts here: a quoted text, a word, or a list or map up to its end on
/// this line.
fn token_len(rest: &[char]) -> usize {
    let closing = match rest.first() {
        Some(quote @ ('\'' | '"')) => Some(*quote),
        Some('[') => Some(']'),
        Some('{') if rest.get(1) != Some(&'{') => Some('}'),
        _ => None,
    };
    if let Some(closing) = closing {
        return rest.iter().skip(1).position(|c| *c == closing).map_or(rest.len(), |end| end + 2);
    }
    let ends = |(index, c): (usize, &char)| match c {
        ',' | ']' | '#' => true,
        '}' => !(index > 0 && rest.get(index - 1) == Some(&'}')) && rest.get(index + 1) != Some(&'}'),
        ':' => rest.get(index + 1).is_none_or(|next| *next == ' '),
        _ => false,
    };
    let end = rest.iter().enumerate().position(ends).unwrap_or(rest.len());
    rest[..end].iter().rposition(|c| *c != ' ').map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_joined_with_commas_and_one_and() {
        let lists: [&[&str]; 4] = [&[], &["a"], &["a", "b"], &["a", "b", "c"]];
        assert_eq!(lists.map(join_and), ["", "a", "a and b", "a, b and c"]);
        assert_eq!(join_or(&["a", "b", "c"]), "a, b or c");
    }

    #[test]
    fn suggestion_is_a_field_whatever_the_message_quotes() {
        let message = Message::did_you_mean("`did you mean x?` is not a key", "within");
        let diagnostic = Diagnostic::new(Position::START, message);
        assert_eq!(diagnostic.message, "`did you mean x?` is not a key; did you mean `within`?");
        assert_eq!(diagnostic.suggestion.as_deref(), Some("within"));
        assert_eq!(Diagnostic::new(Position::START, "did you mean x?").suggestion, None);
    }

    #[test]
    fn suggestion_with_a_secret_is_dropped() {
        let mask = SecretMask::from_text("token: sesame open");
        let message = Message::did_you_mean("a text with spaces needs quotation marks", "'sesame open'");
        let mut diagnostic = Diagnostic::new(Position::START, message);
        diagnostic.mask(&mask);
        assert_eq!(diagnostic.suggestion, None, "{diagnostic}");
    }
}
