//! Masks secrets that somebody pasted into a gate file. Diagnostics go to terminals, CI logs and the hook's log, so
//! they must not quote a value in the place of a secret: after a key such as `Authorization` or `password`, under
//! `secrets`, in a URL before the `@`, or in the form of a well-known token.
//!
//! It works on lines instead of the tree, because a file that is not valid YAML also has diagnostics.

use std::{ops::Range, sync::LazyLock};

use regex_lite::Regex;

use super::suggest;

/// The text that replaces a secret.
const MASK: &str = "***";
/// Shorter values are masked in lines of the file but not in messages, where they can be an ordinary word.
const MIN_MASKED_CHARS: usize = 6;

/// `key: value`, `key=value` or `key == value` with a key for a secret.
static SECRET_PAIR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let key = r#"[\w.-]*(?:authorization|cookie|token|passw(?:or)?d|secret|api[_-]?key|access[_-]?key|private[_-]?key|credential|webhook|signature)[\w-]*"#;
    let value = r#"("[^"]*"?|'[^']*'?|\[[^\]]*\]?|\{\{[^,&#]*|[^\s,}\]&#{\["'|>=][^,}\]&#]*)"#;
    Regex::new(&format!(r#"(?i)["']?{key}["']?\s*(?:[!=]=|[:=])\s*{value}"#)).ok()
});
/// A key for a secret without a value on its line: the value is the block with deeper indentation.
static SECRET_BLOCK_START: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)^\s*(?:- +)?["']?[\w.-]*(?:authorization|cookie|token|passw(?:or)?d|secret|api[_-]?key|access[_-]?key|private[_-]?key|credential|webhook|signature)[\w-]*["']?\s*:\s*(?:[|>][+-]?\d?)?\s*(?:#.*)?$"#).ok()
});
/// Any `name: value`, for sections in which all values are masked.
static ANY_PAIR: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"["']?[\w.-]+["']?\s*:\s+("[^"]*"?|'[^']*'?|[^\s,}{\["'|>#][^,}#]*)"#).ok());
/// Secrets that are recognized by their form.
static SECRET_SHAPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let shapes = [
        r"://([^/\s@]+)@",
        r"\b(?:[Bb]earer|[Bb]asic)\s+([A-Za-z0-9+/=._~-]{6,})",
        r"\b((?:AKIA|ASIA)[A-Z0-9]{16})\b",
        r"\b(gh[pousr]_[A-Za-z0-9]{16,}|xox[abps]-[A-Za-z0-9-]{8,}|s[km][_-](?:live|test)[_-][A-Za-z0-9]+)",
        r"\b(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*)",
    ];
    Regex::new(&shapes.join("|")).ok()
});

/// The secrets in a file.
#[derive(Debug, Default)]
pub struct SecretMask {
    /// Ranges of characters, for each line.
    lines: Vec<Vec<Range<usize>>>,
    values: Vec<String>,
}

impl SecretMask {
    /// Finds the secrets in a file.
    pub fn from_text(text: &str) -> Self {
        let mut mask = Self::default();
        // All lines with deeper indentation than this are values of a key for a secret.
        let mut inside: Option<usize> = None;
        for line in text.lines() {
            let indent = line.len() - line.trim_start().len();
            if inside.is_some_and(|head| indent <= head && !line.trim().is_empty()) {
                inside = None;
            }
            mask.add_line(line, inside.is_some());
            let is_head = SECRET_BLOCK_START.as_ref().is_some_and(|head| head.is_match(line));
            if inside.is_none() && is_head {
                inside = Some(indent);
            }
        }
        mask
    }

    fn add_line(&mut self, line: &str, inside: bool) {
        let is_section = inside || line.trim_start().starts_with("secrets:");
        let pairs = if is_section { &*ANY_PAIR } else { &*SECRET_PAIR };
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for pattern in [pairs, &*SECRET_SHAPES].into_iter().flatten() {
            let found = pattern
                .captures_iter(line)
                .filter_map(|found| found.iter().skip(1).flatten().next().map(|it| it.range()));
            ranges.extend(found);
        }
        if inside && ranges.is_empty() && !line.trim_end().ends_with(':') {
            let from = line.len() - line.trim_start().len();
            ranges.push(from..line.trim_end().len());
        }
        ranges.sort_by_key(|range| range.start);
        let mut hidden: Vec<Range<usize>> = Vec::new();
        for range in ranges {
            let Some(value) = line.get(range.clone()) else { continue };
            let bare = value.trim().trim_matches(['"', '\'', '[', ']']);
            if !may_be_secret(bare) || hidden.last().is_some_and(|last| range.start < last.end) {
                continue;
            }
            let scheme = |scheme: &&str| bare.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
            let alone =
                ["Bearer ", "Basic "].iter().find(|it| scheme(it)).map_or(bare, |scheme| bare[scheme.len()..].trim());
            if alone.chars().count() >= MIN_MASKED_CHARS {
                self.values.push(alone.to_owned());
            }
            let end = range.start + value.trim_end().len();
            hidden.push(range.start..end);
        }
        let in_chars = |at: usize| line[..at].chars().count();
        self.lines.push(hidden.into_iter().map(|range| in_chars(range.start)..in_chars(range.end)).collect());
    }

    /// Masks the secrets of the file in a message.
    pub fn mask_message(&self, message: &str) -> String {
        self.values.iter().fold(message.to_owned(), |message, value| message.replace(value.as_str(), MASK))
    }

    /// The characters of a line with its secrets masked, and the new index of the character at `at`. Lines count from
    /// 1.
    pub fn mask_line(&self, line: usize, chars: &[char], at: usize) -> (Vec<char>, usize) {
        let ranges = line.checked_sub(1).and_then(|index| self.lines.get(index)).map_or(&[][..], Vec::as_slice);
        let (mut shown, mut caret, mut next) = (Vec::with_capacity(chars.len()), None, 0);
        while next < chars.len() {
            let start = shown.len();
            let hidden = ranges.iter().find(|range| range.start == next && range.end <= chars.len());
            let end = hidden.map_or(next + 1, |range| range.end.max(next + 1));
            match hidden {
                Some(_) => shown.extend(MASK.chars()),
                None => shown.push(chars[next]),
            }
            if (next..end).contains(&at) {
                caret = Some(start);
            }
            next = end;
        }
        let place = caret.unwrap_or(shown.len());
        (shown, place)
    }
}

/// Whether a value can be a secret: not a reference to a store, and not a fact alone.
fn may_be_secret(value: &str) -> bool {
    let plain = ["", "true", "false", "null", "none", "exists"];
    // A store with a misspelt name is still a reference.
    let is_reference =
        value.split_once(':').is_some_and(|(store, _)| suggest(store, ["ssm", "secretsmanager"]).is_some());
    if plain.contains(&value) || is_reference {
        return false;
    }
    let mut rest = value.to_owned();
    while let Some((from, to)) = rest.find("{{").and_then(|from| Some((from, from + rest[from..].find("}}")? + 2))) {
        let word = rest[from + 2..to - 2].trim();
        let family = ["secret.", "env.", "green.", "blue."].iter().any(|family| word.starts_with(family));
        if !family && !word.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            return true;
        }
        rest.replace_range(from..to, "");
    }
    let scheme = rest.trim_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
    !matches!(scheme.as_str(), "" | "bearer" | "basic" | "token")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mask = SecretMask::from_text(text);
        let line = |(index, line): (usize, &str)| {
            mask.mask_line(index + 1, &line.chars().collect::<Vec<_>>(), 0).0.into_iter().collect::<String>()
        };
        text.lines().enumerate().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_secret_in_clear_text_is_not_shown() {
        let cases = [
            "headers: { Authorization: Bearer hunter2222 }",
            "headers: { Authorization: 'Basic hunter2222', Host: x }",
            "  x-api-key: \"hunter2222\"   # mine",
            "form: { user: smoke, password: hunter2222 }",
            "http: GET https://shop:hunter2222@example.com/",
            "http: GET https://example.com/?access_token=hunter2222&x=1",
            "expect: [\"json.token == 'hunter2222'\"]",
            "text: 'Bearer hunter2222'",
            "secrets: { a: hunter2222, b: 'hunter2222' }",
            "secrets:\n  a: hunter2222\n  b: hunter2222 # x",
            "webhook: https://hooks.slack.com/services/hunter2222",
            "password: |\n  hunter2222\n  hunter2222",
            "form: { user: smoke, password: [hunter2222, hunter2222] }",
            "json: { a: ghp_hunter2222hunter2222 }",
            "Authorization: 'Bearer {{hunter2222}}'",
        ];
        for case in cases {
            let shown = shown(case);
            assert!(!shown.contains("hunter2222") && shown.contains(MASK), "{case}\n{shown}");
        }
    }

    #[test]
    fn a_secret_is_taken_out_of_a_message() {
        let concealed = SecretMask::from_text("headers: { Authorization: 'Basic hunter2222', X-Token: abc }");
        assert_eq!(concealed.mask_message("\"Basic hunter2222\" is not a map, abc"), "\"Basic ***\" is not a map, abc");
    }

    #[test]
    fn what_names_a_secret_is_shown() {
        for plain in [
            "headers: { Authorization: 'Bearer {{secret.token}}' }",
            "secrets: { token: ssm:/shop/token, other: 'secretsmanager:a#b' }",
            "secrets:\n  token: ssm:/shop/token\nhooks:\n  after_install:\n    checks: none",
            "password: '{{secret.password}}'",
            "json.token exists",
            "expect: [\"json.token == {{secret.api_tokn}}\", \"json.token != {{secret.other}}\"]",
            "secrets: { token: secretmanager:shop/token#key }",
            "http: https://example.com/tokens/1",
            "name: token",
        ] {
            assert_eq!(shown(plain), plain);
        }
    }

    #[test]
    fn a_caret_stays_under_what_it_is_about() {
        let line = "{ Authorization: hunter2222, Host: x }";
        let at = line.find("Host").unwrap_or_default();
        let (shown, place) = SecretMask::from_text(line).mask_line(1, &line.chars().collect::<Vec<_>>(), at);
        assert!(shown[place..].iter().collect::<String>().starts_with("Host"), "{shown:?}");
    }
}
