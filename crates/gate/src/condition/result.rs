//! What the evaluation of a condition returns.

use crate::reason_code::ReasonCode;

#[derive(Clone, Debug, PartialEq)]
pub enum ConditionResult {
    True,
    /// Not true, with the reason for each of its comparisons.
    NotTrue(Vec<Failure>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    False {
        /// The values of the subjects, as text.
        actual: String,
        code: ReasonCode,
    },
    /// A value to compare is missing.
    Missing {
        /// The subject without a value.
        subject: String,
        code: ReasonCode,
    },
    /// The value cannot be read, or cannot be compared in this way.
    Undecided { reason: String, code: ReasonCode },
}
