//! Version numbers, compared part by part: 1.10.0 comes after 1.9.

use std::{cmp::Ordering, fmt};

/// More parts than any real version number has.
const MAX_PARTS: usize = 16;

/// A version number: numbers with dots between them, an optional `v` before them, and an optional pre-release such as
/// `-rc.1` after them. Build metadata after `+` does not count.
#[derive(Clone, Debug)]
pub struct VersionNumber {
    text: String,
    parts: Vec<u64>,
    pre: Vec<String>,
}

impl VersionNumber {
    /// Parses a version number. `None` if the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let plain = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let plain = plain.split('+').next().unwrap_or_default();
        let (numbers, pre) = plain.split_once('-').map_or((plain, None), |(numbers, pre)| (numbers, Some(pre)));
        let part = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten();
        let parts: Vec<u64> = numbers.split('.').take(MAX_PARTS + 1).map(part).collect::<Option<_>>()?;
        let pre: Vec<String> = pre.into_iter().flat_map(|pre| pre.split('.')).map(str::to_owned).collect();
        let sound = parts.len() <= MAX_PARTS && !pre.iter().any(String::is_empty);
        sound.then(|| Self { text: text.to_owned(), parts, pre })
    }

    /// A version directly after this one.
    pub(super) fn next(&self) -> String {
        let zeros = ".0".repeat(MAX_PARTS - self.parts.len().min(MAX_PARTS));
        let parts = self.parts.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
        match self.pre.is_empty() {
            true => format!("{parts}{}.1", zeros.strip_suffix(".0").unwrap_or_default()),
            false => format!("{parts}-{}.0", self.pre.join(".")),
        }
    }

    /// A version before this one.
    pub(super) fn previous(&self) -> String {
        let parts = self.parts.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
        format!("{parts}-0")
    }
}

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for VersionNumber {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for VersionNumber {}

impl PartialOrd for VersionNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The order of <https://semver.org>, for any number of parts. A missing part counts as 0.
impl Ord for VersionNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = |own: &Self| (0..MAX_PARTS).map(|at| own.parts.get(at).copied().unwrap_or(0)).collect::<Vec<_>>();
        parts(self).cmp(&parts(other)).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            // A release comes after its pre-releases.
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let identifiers = self.pre.iter().zip(&other.pre).map(|(own, other)| identifier(own, other));
                identifiers.fold(Ordering::Equal, Ordering::then).then(self.pre.len().cmp(&other.pre.len()))
            }
        })
    }
}

/// Compares numbers by size and words by their letters. A number comes before a word.
fn identifier(own: &str, other: &str) -> Ordering {
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u128>().ok()).flatten();
    match (number(own), number(other)) {
        (Some(own), Some(other)) => own.cmp(&other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => own.cmp(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> VersionNumber {
        VersionNumber::parse(text).unwrap()
    }

    #[test]
    fn versions_are_ordered_part_by_part() {
        let order = [
            "0",
            "0.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0",
            "1.2.0",
            "1.9.0",
            "1.10.0",
            "1.42.0",
            "v2",
            "2026.11.26",
            "20261126",
        ];
        for pair in order.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{} < {}", pair[0], pair[1]);
        }
        for (one, other) in [("1.2", "1.2.0"), ("v1.2.0", "1.2.0"), ("1.2.0+build.7", "1.2.0"), ("01.2", "1.2")] {
            assert_eq!(version(one), version(other));
        }
    }

    #[test]
    fn neighbours_are_on_either_side() {
        for text in ["0", "1.9.0", "1.10", "v2.0-rc.1", "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15"] {
            let own = version(text);
            assert!(version(&own.previous()) < own && own < version(&own.next()), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_version_is_none() {
        for text in [
            "",
            "v",
            "latest",
            "1.",
            "1..2",
            ".1",
            "1.x",
            "sha256:12",
            "1.2-",
            "1.2-a..b",
            "99999999999999999999",
            "1.2rc1",
            "-1",
        ] {
            assert_eq!(VersionNumber::parse(text).map(|it| it.to_string()), None, "{text}");
        }
    }
}
