//! `skip`: a marker in a deployment's description lets the deployment pass unchecked in an emergency, until a date.

use std::time::{Duration, SystemTime};

use super::MapReader;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A description could contain a shorter marker by chance.
const MIN_MARKER_LEN: usize = 4;

/// The settings of `skip`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    pub marker: String,
    /// The last day on which the marker counts, as the file writes it.
    pub until: String,
    /// The end of that day in UTC.
    expires_at: SystemTime,
}

/// What a deployment's description means for its checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipDecision {
    /// The description does not have the marker: the checks run.
    No,
    /// The description has the marker: the checks do not run.
    Yes,
    /// The description has the marker, but the date has passed: the checks run.
    Expired,
}

impl Skip {
    /// Reads the keys of `skip`.
    pub(super) fn read(fields: &mut MapReader<'_>) -> Option<Self> {
        let marker = fields.string("marker").map(|marker| marker.trim().to_owned());
        let until = fields.string("until");
        match &marker {
            None if !fields.has("marker") => {
                fields.error(
                    fields.at(),
                    "`skip` needs `marker`, such as \"[skip gate]\", and `until`, the last day on which it counts",
                );
            }
            Some(marker) if marker.chars().count() < MIN_MARKER_LEN => {
                let at = fields.position_of("marker");
                fields.error(
                    at,
                    format!(
                        "`marker` needs at least {MIN_MARKER_LEN} characters; a description can contain a shorter one by \
                         chance"
                    ),
                );
            }
            _ => {}
        }
        let end = match &until {
            Some(date) => {
                let end = end_of_day(date);
                if end.is_none() {
                    let at = fields.position_of("until");
                    fields.error(at, format!("`until` is {date:?}; it must be a date such as 2027-01-31"));
                }
                end
            }
            None => {
                if marker.is_some() && !fields.has("until") {
                    fields.error(
                        fields.at(),
                        "`skip` needs `until`, the last day on which the marker counts, such as 2027-01-31",
                    );
                }
                None
            }
        };
        Some(Self { marker: marker?, until: until?.trim().to_owned(), expires_at: end? })
    }

    /// Decides whether a description skips the checks at this time.
    pub fn decide(&self, description: &str, now: SystemTime) -> SkipDecision {
        match (description.contains(&self.marker), now < self.expires_at) {
            (false, _) => SkipDecision::No,
            (true, true) => SkipDecision::Yes,
            (true, false) => SkipDecision::Expired,
        }
    }
}

/// The end of a day such as `2027-01-31`, in UTC.
fn end_of_day(date: &str) -> Option<SystemTime> {
    let start = humantime::parse_rfc3339(&format!("{}T00:00:00Z", date.trim())).ok()?;
    start.checked_add(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_count_to_the_end_of_the_day_and_no_longer() {
        let end = end_of_day("2027-01-31").unwrap();
        assert_eq!(humantime::format_rfc3339(end).to_string(), "2027-02-01T00:00:00Z");
        let skip = Skip { marker: "[skip gate]".into(), until: "2027-01-31".into(), expires_at: end };
        let second = Duration::from_secs(1);
        assert_eq!(skip.decide("hotfix [skip gate] now", end - second), SkipDecision::Yes);
        assert_eq!(skip.decide("hotfix [skip gate] now", end), SkipDecision::Expired);
        assert_eq!(skip.decide("hotfix [skip  gate]", end - second), SkipDecision::No);
        assert_eq!(skip.decide("", end - second), SkipDecision::No);
    }

    #[test]
    fn what_is_no_date_has_no_end() {
        for date in ["2027-02-30", "tomorrow", "2027-1-1", "2027-01-31T00:00:00Z", "", "99999-01-01"] {
            assert_eq!(end_of_day(date), None, "{date}");
        }
    }
}
