//! Text that may be shown, and the only way to make it.
//!
//! Whatever comes from outside (a reply, an error of AWS's, a payload) may have a secret in it, also in another writing than
//! the one that was sent. It becomes [`Shown`] here, and only here: secrets are taken out first, and the text is shortened
//! last, so that no piece of a secret is left at a cut.
//!
//! A text is read letter by letter, and each letter may be there as itself, in either case, or as a URL, JSON or HTML writes
//! it; base64 is decoded. What somebody else has shortened ends with `…`: before that the beginning of a secret counts as
//! well.

mod readings;
mod secret_pattern;

use std::{borrow::Cow, fmt, ops::Range, sync::Arc};

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use self::{
    readings::{longest_reading, readings_at, truncation_at},
    secret_pattern::SecretPattern,
};

/// The fewest characters that a secret can have. Fewer stand in every other word, and to take them out would tell more
/// than it hides.
pub const MIN_SECRET_CHARS: usize = 4;

/// A text is read so far. Nothing that is shown is longer, and what is behind it was cut off.
const MAX_READ: usize = 16 * 1024;

/// A signature of AWS's has 64 digits; fewer than this are something else.
const MIN_SIGNATURE_DIGITS: usize = 32;

/// Text that may be shown: what is secret has been taken out of it. Only a [`Redactor`] makes one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedactedText(String);

impl RedactedText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// At most `limit` characters, the last of which is `…` where something was cut off.
    pub fn shorten(self, limit: usize) -> Self {
        if self.0.chars().count() <= limit {
            return self;
        }
        Self(self.0.chars().take(limit.saturating_sub(1)).chain(['…']).collect())
    }

    /// Of a URL what may be shown: no user with a password, no query and no fragment.
    pub fn without_userinfo_and_query(self) -> Self {
        let mut shown = self.0.split(['?', '#']).next().unwrap_or_default().to_owned();
        // A browser takes one slash and backslashes for two slashes.
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

/// What is to be taken out. A copy is cheap, and does not see what the other one learns later.
#[derive(Clone, Default)]
pub struct Redactor(Vec<Arc<SecretPattern>>);

/// Never shows any of them.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|hidden| &hidden.label)).finish()
    }
}

/// The same in the place of the same: two are equal if they take out the same things.
impl PartialEq for Redactor {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl Redactor {
    /// Takes out a secret of the gate file from now on: `[secret NAME]` is shown in its place.
    pub fn add_secret(&mut self, name: &str, secret: &str) {
        self.add_labelled(format!("[secret {name}]"), secret);
    }

    /// Takes out a text from now on, with `label` in its place.
    pub fn add_labelled(&mut self, label: String, text: &str) {
        let is_long_enough = text.trim().chars().count() >= MIN_SECRET_CHARS;
        if is_long_enough && !self.0.iter().any(|hidden| hidden.is_same(&label, text)) {
            self.0.push(Arc::new(SecretPattern::new(label, text)));
        }
    }

    /// Takes out what `other` takes out as well.
    pub fn merge(&mut self, other: Self) {
        for hidden in other.0 {
            if !self.0.iter().any(|own| Arc::ptr_eq(own, &hidden)) {
                self.0.push(hidden);
            }
        }
    }

    /// The text as it may be shown: with labels in the place of secrets, and without control characters that a terminal
    /// would act on.
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
            // What overlaps is one piece: the end of a second secret may not be left over.
            done = done.max(range.end);
        }
        shown += &text[done..];
        let is_harmless = |letter: char| matches!(letter, '\n' | '\t') || !letter.is_control();
        RedactedText(shown.chars().map(|letter| if is_harmless(letter) { letter } else { '\u{fffd}' }).collect())
    }

    /// Where something is that must not be shown, and what is shown in its place.
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

/// As much of a text as is read, with a mark where it was cut off: a secret that goes on behind it is found by its beginning.
fn truncate_input(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_READ {
        return Cow::Borrowed(text);
    }
    let end = (0..=MAX_READ).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    Cow::Owned(format!("{}…", &text[..end]))
}

/// The signatures of requests to AWS, which its errors may repeat: `Signature=` and many hexadecimal digits.
fn signature_ranges(text: &str) -> impl Iterator<Item = Range<usize>> {
    const WORD: &str = "signature";
    let lower = text.to_ascii_lowercase();
    let begins: Vec<_> = lower.match_indices(WORD).map(|(at, _)| at + WORD.len()).collect();
    begins.into_iter().filter_map(|mut at| {
        // `=`, `": "`, in whatever writing.
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
    /// In the standard alphabet.
    letters: String,
    is_truncated: bool,
}

/// With so many letters of base64 there is room for a secret.
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
    /// What it says. It may begin anywhere: a slash before it is a letter of base64 as well.
    fn decodings(&self) -> impl Iterator<Item = String> {
        const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let engine = GeneralPurpose::new(&STANDARD, CONFIG);
        (0..4).filter_map(move |before| {
            let letters = self.letters.get(before..)?;
            // One letter alone is no byte.
            let letters = if letters.len() % 4 == 1 { &letters[..letters.len() - 1] } else { letters };
            let bytes = engine.decode(letters).ok()?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            // The cut may be within a letter.
            Some(if self.is_truncated { format!("{}…", text.trim_end_matches('\u{fffd}')) } else { text })
        })
    }
}

#[cfg(test)]
mod tests;
