//! A check as a hook logged it, with the words of its outcome and its decision.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};

/// One check as a hook logged it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckLine {
    /// The check's name.
    pub name: String,
    /// Its kind: tasks, targets, forwards_to, health_check, http, alarms, preflight, …
    pub kind: String,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// What the policies make of that.
    pub decision: CheckDecision,
    /// The reason code; empty if the check passed.
    pub code: String,
    /// What to do about it; empty if the check passed.
    pub hint: String,
    /// How long it took.
    #[serde(rename = "duration_ms", serialize_with = "super::report::millis")]
    pub duration: Duration,
    /// The whole line for a reader: name, evidence, hint.
    pub message: String,
}

impl CheckLine {
    /// The line without the check's name.
    pub fn text(&self) -> &str {
        let text = self.message.strip_prefix(self.name.as_str()).and_then(|rest| rest.strip_prefix(": "));
        text.unwrap_or(&self.message)
    }

    /// The line without the check's name and without its hint.
    pub fn reason(&self) -> &str {
        without_hint(self.text(), &self.hint)
    }
}

/// A line of a log without its hint, which the log also has as a field.
pub(crate) fn without_hint<'a>(text: &'a str, hint: &str) -> &'a str {
    match hint {
        "" => text,
        hint => text.strip_suffix(hint).and_then(|rest| rest.strip_suffix("; ")).unwrap_or(text),
    }
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    Passed,
    NotApplicable,
    Unverified,
    Failed,
    NoData,
    Errored,
    TimedOut,
    NotRun,
    /// A word that the log should not have. It is kept, so that a report shows it.
    Other(String),
}

impl CheckOutcome {
    /// The word in the log.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Passed => "passed",
            Self::NotApplicable => "not_applicable",
            Self::Unverified => "unverified",
            Self::Failed => "failed",
            Self::NoData => "no_data",
            Self::Errored => "errored",
            Self::TimedOut => "timed_out",
            Self::NotRun => "not_run",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for CheckOutcome {
    fn from(word: &str) -> Self {
        match word {
            "passed" => Self::Passed,
            "not_applicable" => Self::NotApplicable,
            "unverified" => Self::Unverified,
            "failed" => Self::Failed,
            "no_data" => Self::NoData,
            "errored" => Self::Errored,
            "timed_out" => Self::TimedOut,
            "not_run" => Self::NotRun,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// What the policies make of an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckDecision {
    Pass,
    Warn,
    Ignore,
    Fail,
    /// A word that the log should not have. It is kept, so that a report shows it.
    Other(String),
}

impl CheckDecision {
    /// The word in the log.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Ignore => "ignore",
            Self::Fail => "fail",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for CheckDecision {
    fn from(word: &str) -> Self {
        match word {
            "pass" => Self::Pass,
            "warn" => Self::Warn,
            "ignore" => Self::Ignore,
            "fail" => Self::Fail,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for CheckOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for CheckDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for CheckOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for CheckDecision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_kept_and_only_unknown_ones_are_other() {
        let outcomes =
            ["passed", "not_applicable", "unverified", "failed", "no_data", "errored", "timed_out", "not_run"];
        for word in outcomes {
            let outcome = CheckOutcome::from(word);
            assert!(!matches!(outcome, CheckOutcome::Other(_)), "{word}");
            assert_eq!(outcome.as_str(), word);
        }
        for word in ["pass", "warn", "ignore", "fail"] {
            let decision = CheckDecision::from(word);
            assert!(!matches!(decision, CheckDecision::Other(_)), "{word}");
            assert_eq!(decision.as_str(), word);
        }
        assert_eq!(CheckOutcome::from("odd").as_str(), "odd");
        assert_eq!(CheckDecision::from("odd").as_str(), "odd");
    }
}
