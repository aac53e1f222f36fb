//! How a check ends, and what that means for the deployment.

/// How a check ended. Within what the policies distinguish, the order is from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Every condition was true.
    Passed,
    /// The check does not apply, by configuration.
    NotApplicable,
    /// It passed as far as the hook could see, with something to report: for example, a certificate was not verified.
    Unverified,
    /// A condition was false.
    Failed,
    /// There was nothing to evaluate.
    NoData,
    /// The check could not be made.
    Errored,
    /// Time ran out before the check ended.
    TimedOut,
    /// The check did not start, because something that it needs did not pass.
    NotRun,
}

impl Outcome {
    /// All outcomes, in order.
    pub const ALL: [Self; 8] = [
        Self::Passed,
        Self::NotApplicable,
        Self::Unverified,
        Self::Failed,
        Self::NoData,
        Self::Errored,
        Self::TimedOut,
        Self::NotRun,
    ];

    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The word in logs and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::NotApplicable => "not_applicable",
            Self::Unverified => "unverified",
            Self::Failed => "failed",
            Self::NoData => "no_data",
            Self::Errored => "errored",
            Self::TimedOut => "timed_out",
            Self::NotRun => "not_run",
        }
    }
}

/// A set of outcomes, in one byte because observations are passed by value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeSet(u8);

impl OutcomeSet {
    /// The set with one more outcome.
    pub const fn with(self, outcome: Outcome) -> Self {
        Self(self.0 | outcome.bit())
    }

    /// The outcomes of both sets.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = Outcome> {
        Outcome::ALL.into_iter().filter(move |outcome| self.0 & outcome.bit() != 0)
    }
}

/// What an outcome that is not a pass means for the deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// It stops the deployment.
    #[default]
    Fail,
    /// It is reported, and does not stop the deployment.
    Warn,
    /// It is recorded, and does not stop the deployment.
    Ignore,
}

impl Policy {
    /// The words in a gate file.
    pub const VARIANTS: [(&'static str, Self); 3] =
        [("fail", Self::Fail), ("warn", Self::Warn), ("ignore", Self::Ignore)];
}

/// The three policies that every check has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// If a condition is false.
    pub on_fail: Policy,
    /// If the check could not be made or did not finish.
    pub on_error: Policy,
    /// If there was nothing to evaluate.
    pub no_data: Policy,
}
