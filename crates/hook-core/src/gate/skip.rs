//! `skip`: break the glass. Words in a deployment's description let it through unchecked, until a date.

use std::time::{Duration, SystemTime};

use super::Fields;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Shorter words would be found in a description by chance.
const LEAST_WORDS: usize = 4;

/// What the file says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// The words.
    pub words: String,
    /// The last day on which they count, as the file writes it.
    pub until: String,
    /// The end of that day in UTC.
    end: SystemTime,
}

/// What a deployment's description asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// Nothing: it is checked.
    No,
    /// Not to be checked.
    Yes,
    /// Not to be checked, but the date is past: it is checked.
    Expired,
}

impl Skip {
    /// Reads the keys of `skip`.
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let words = fields.text("words").map(|words| words.trim().to_owned());
        let until = fields.text("until");
        match &words {
            None if !fields.has("words") => {
                fields.fault(
                    fields.at(),
                    "`skip` needs `words`, such as \"[skip gate]\", and the date `until` which they count",
                );
            }
            Some(words) if words.chars().count() < LEAST_WORDS => {
                let at = fields.place_of("words");
                fields.fault(at, format!("`words` has {LEAST_WORDS} characters at least, or they are found by chance"));
            }
            _ => {}
        }
        let end = match &until {
            Some(date) => {
                let end = end_of(date);
                if end.is_none() {
                    let at = fields.place_of("until");
                    fields.fault(at, format!("`until` is a date such as 2027-01-31, not {date:?}"));
                }
                end
            }
            None => {
                if words.is_some() && !fields.has("until") {
                    fields.fault(fields.at(), "`skip` needs a date `until` which the words count, such as 2027-01-31");
                }
                None
            }
        };
        Some(Self { words: words?, until: until?.trim().to_owned(), end: end? })
    }

    /// What a description asks for at a time.
    pub fn asked(&self, description: &str, now: SystemTime) -> Skipped {
        match (description.contains(&self.words), now < self.end) {
            (false, _) => Skipped::No,
            (true, true) => Skipped::Yes,
            (true, false) => Skipped::Expired,
        }
    }
}

/// The end of a day such as `2027-01-31`, in UTC.
fn end_of(date: &str) -> Option<SystemTime> {
    let start = humantime::parse_rfc3339(&format!("{}T00:00:00Z", date.trim())).ok()?;
    start.checked_add(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_count_to_the_end_of_the_day_and_no_longer() {
        let end = end_of("2027-01-31").unwrap();
        assert_eq!(humantime::format_rfc3339(end).to_string(), "2027-02-01T00:00:00Z");
        let skip = Skip { words: "[skip gate]".into(), until: "2027-01-31".into(), end };
        let second = Duration::from_secs(1);
        assert_eq!(skip.asked("hotfix [skip gate] now", end - second), Skipped::Yes);
        assert_eq!(skip.asked("hotfix [skip gate] now", end), Skipped::Expired);
        assert_eq!(skip.asked("hotfix [skip  gate]", end - second), Skipped::No);
        assert_eq!(skip.asked("", end - second), Skipped::No);
    }

    #[test]
    fn what_is_no_date_has_no_end() {
        for date in ["2027-02-30", "tomorrow", "2027-1-1", "2027-01-31T00:00:00Z", "", "99999-01-01"] {
            assert_eq!(end_of(date), None, "{date}");
        }
    }
}
