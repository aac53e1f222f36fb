//! Text that is safe to show, and the only way to create it.
//!
//! Text from outside (an HTTP response, an AWS error, a payload) can contain a secret, also in another encoding than
//! the one that was sent. Only this module turns such text into [`RedactedText`]. It removes secrets first and shortens
//! the text last, so that no part of a secret remains at a cut.
//!
//! A text is read character by character. Each character can appear as itself, in either case, or escaped as in a URL,
//! JSON or HTML. Base64 is decoded. If the text ends with `…`, somebody else has shortened it, so the beginning of a
//! secret before that mark counts too.

mod readings;
mod secret_pattern;

use std::{borrow::Cow, fmt, ops::Range, sync::Arc};

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use lifecycle::ExecutionId;

use self::{
    readings::{longest_reading, readings_at, truncation_at},
    secret_pattern::SecretPattern,
};

/// The shortest secret. Fewer characters appear in every other word, and redacting them would reveal more than it
/// hides.
pub const MIN_SECRET_CHARS: usize = 4;

/// How much of a text is read. Nothing longer is shown, and the rest is cut off.
const MAX_READ: usize = 16 * 1024;

/// An AWS signature has 64 hexadecimal digits. Fewer than this are something else.
const MIN_SIGNATURE_DIGITS: usize = 32;

/// Text that is safe to show, because secrets were removed from it. Only a [`Redactor`] creates it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedactedText(String);

impl RedactedText {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Shortens the text to at most `limit` characters. The last one is `…` if something was cut off.
    pub fn shorten(self, limit: usize) -> Self {
        if self.0.chars().count() <= limit {
            return self;
        }
        Self(self.0.chars().take(limit.saturating_sub(1)).chain(['…']).collect())
    }

    /// The part of a URL that is safe to show: no user and password, no query and no fragment.
    pub fn without_userinfo_and_query(self) -> Self {
        let mut shown = self.0.split(['?', '#']).next().unwrap_or_default().to_owned();
        // A browser accepts one slash, and backslashes, in place of two slashes.
        let scheme = shown.find(':').filter(|colon| {
            let is_scheme = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
            *colon > 0 && shown[..*colon].chars().all(is_scheme)
        });
        let from = scheme.map_or(0, |colon| colon + 1);
        let slashes = shown[from..].chars().take_while(|letter| matches!(letter, '/' | '\\')).count();
        if scheme.is_some() || slashes > 1 {
            let host = from + slashes;
            let to = shown[host..].find(['/', '\\']).map_or(shown.len(), |length| host + length);
            if let Some(at) = shown[host..to].rfind('@') {
                shown.replace_range(host..=host + at, "");
            }
        }
        Self(shown)
    }
}

impl std::ops::Deref for RedactedText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<&str> for RedactedText {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for RedactedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The secrets to remove. A copy is cheap, and does not see secrets that are added to the other one later.
#[derive(Clone, Default)]
pub struct Redactor(Vec<Arc<SecretPattern>>);

/// Never shows a secret.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|hidden| &hidden.label)).finish()
    }
}

/// Two redactors are equal if they remove the same secrets in the same order.
impl PartialEq for Redactor {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl Redactor {
    /// Adds a secret of the gate file. `[secret NAME]` replaces it from now on.
    pub fn add_secret(&mut self, name: &str, secret: &str) {
        self.add_labelled(format!("[secret {name}]"), secret);
    }

    /// Adds a text that `label` replaces from now on.
    pub fn add_labelled(&mut self, label: String, text: &str) {
        let is_long_enough = text.trim().chars().count() >= MIN_SECRET_CHARS;
        if is_long_enough && !self.0.iter().any(|hidden| hidden.is_same(&label, text)) {
            self.0.push(Arc::new(SecretPattern::new(label, text)));
        }
    }

    /// A copy that also removes this id.
    pub fn with_execution_id(&self, id: &ExecutionId) -> Self {
        let mut redactor = self.clone();
        redactor.add_labelled(ExecutionId::LABEL.to_owned(), id.expose());
        redactor
    }

    /// Replaces secrets with labels, and control characters that a terminal would act on.
    pub fn redact(&self, text: &str) -> RedactedText {
        let text = truncate_input(text);
        let mut found = self.matches(&text);
        found.extend(signature_ranges(&text).map(|range| (range, "[signature]")));
        found.extend(base64_runs(&text).filter_map(|run| {
            let label = run.decodings().find_map(|decoded| self.matches(&decoded).first().map(|(_, label)| *label))?;
            Some((run.range, label))
        }));
        found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let (mut shown, mut done) = (String::new(), 0);
        for (range, label) in found {
            if range.start >= done {
                shown += &text[done..range.start];
                shown += label;
            }
            // Overlapping matches are one piece, because the end of a second secret must not remain.
            done = done.max(range.end);
        }
        shown += &text[done..];
        let is_harmless = |letter: char| matches!(letter, '\n' | '\t') || !letter.is_control();
        RedactedText(shown.chars().map(|letter| if is_harmless(letter) { letter } else { '\u{fffd}' }).collect())
    }

    /// Where the secrets are, and the label for each.
    fn matches(&self, text: &str) -> Vec<(Range<usize>, &str)> {
        let mut found: Vec<(Range<usize>, &str)> = Vec::new();
        if self.0.is_empty() {
            return found;
        }
        for (at, _) in text.char_indices() {
            let first = readings_at(text, at);
            let ends =
                self.0.iter().filter_map(|hidden| Some((at..hidden.match_end(text, at, &first)?, &*hidden.label)));
            found.extend(ends);
        }
        found
    }
}

/// The part of a text that is read, with a mark at the cut. A secret that goes on after the cut is found by its
/// beginning.
fn truncate_input(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_READ {
        return Cow::Borrowed(text);
    }
    let end = (0..=MAX_READ).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    Cow::Owned(format!("{}…", &text[..end]))
}

/// The signatures of AWS requests, which AWS errors can repeat: `Signature=` and many hexadecimal digits.
fn signature_ranges(text: &str) -> impl Iterator<Item = Range<usize>> {
    const WORD: &str = "signature";
    let lower = text.to_ascii_lowercase();
    let begins: Vec<_> = lower.match_indices(WORD).map(|(at, _)| at + WORD.len()).collect();
    begins.into_iter().filter_map(|mut at| {
        // `=` or `": "`, in any encoding.
        for _ in 0..4 {
            match longest_reading(text, at) {
                Some((letter, next)) if !letter.is_alphanumeric() => at = next,
                _ => break,
            }
        }
        let begin = at;
        let mut digits = 0;
        while let Some((_, next)) = longest_reading(text, at).filter(|(letter, _)| letter.is_ascii_hexdigit()) {
            (at, digits) = (next, digits + 1);
        }
        let is_one = digits >= MIN_SIGNATURE_DIGITS || digits >= MIN_SECRET_CHARS && truncation_at(text, at).is_some();
        is_one.then_some(begin..at)
    })
}

/// A piece of text that may be base64.
struct Base64Run {
    range: Range<usize>,
    /// The characters in the standard alphabet.
    letters: String,
    is_truncated: bool,
}

/// The shortest base64 that can contain a secret.
const MIN_BASE64_RUN: usize = MIN_SECRET_CHARS * 8 / 6 + 1;

fn base64_runs(text: &str) -> impl Iterator<Item = Base64Run> {
    let mut runs = Vec::new();
    let (mut at, mut begin, mut letters) = (0, 0, String::new());
    loop {
        let letter = longest_reading(text, at);
        let belongs = letter.and_then(|(letter, next)| match letter {
            '-' => Some(('+', next)),
            '_' => Some(('/', next)),
            letter if letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/') => Some((letter, next)),
            _ => None,
        });
        if let Some((letter, next)) = belongs {
            letters.push(letter);
            at = next;
            continue;
        }
        let run = std::mem::take(&mut letters);
        if run.len() >= MIN_BASE64_RUN {
            runs.push(Base64Run { range: begin..at, letters: run, is_truncated: truncation_at(text, at).is_some() });
        }
        let Some((_, next)) = letter else { return runs.into_iter() };
        (at, begin) = (next, next);
    }
}

impl Base64Run {
    /// All texts that it can decode to. The base64 can begin anywhere, because a slash before it is a base64 character
    /// too.
    fn decodings(&self) -> impl Iterator<Item = String> {
        const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let engine = GeneralPurpose::new(&STANDARD, CONFIG);
        (0..4).filter_map(move |before| {
            let letters = self.letters.get(before..)?;
            // A single character is not a whole byte.
            let letters = if letters.len() % 4 == 1 { &letters[..letters.len() - 1] } else { letters };
            let bytes = engine.decode(letters).ok()?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            // The cut can be within a character.
            Some(if self.is_truncated { format!("{}…", text.trim_end_matches('\u{fffd}')) } else { text })
        })
    }
}

#[cfg(test)]
mod tests;
