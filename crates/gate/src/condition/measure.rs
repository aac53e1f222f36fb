//! What a comparison uses of a value, and the operators that are valid for it.

use super::{Operator, SubjectType};

/// What a comparison uses of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The value itself.
    Value,
    /// The number of items.
    Count,
    /// The value as a version number.
    Version,
}

/// Why the operator is not valid for this measure of a value of this type: the end of a sentence that starts with the
/// subject.
pub(super) fn operator_error(operator: Operator, of: SubjectType, measure: Measure) -> Option<&'static str> {
    match measure {
        Measure::Value => of.operator_error(operator),
        Measure::Count
            if operator.is_ordering() || matches!(operator, Operator::Equal | Operator::Unequal | Operator::In) =>
        {
            None
        }
        Measure::Count => Some("with `count` is a number; compare it with == != < <= > >= or in"),
        Measure::Version if matches!(operator, Operator::Contains | Operator::Matches | Operator::Exists) => {
            Some("is compared as a version, with == != < <= > >= or in")
        }
        Measure::Version => None,
    }
}
