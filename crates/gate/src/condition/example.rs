//! Values that make a condition true, for the service of a rehearsal.

use super::{Condition, Measure, Operand, Operator, comparison::Comparison};
use crate::{Fact, Value};

/// A value of a subject for which a condition is true.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExampleValue {
    Number(f64),
    Text(String),
    /// The value of a fact, which is not known yet.
    Fact(Fact),
    /// Any value.
    Present,
}

impl Condition {
    /// A subject with its path, and a value that makes the condition true. None if there is no obvious one.
    pub(crate) fn examples(&self) -> Option<(&str, ExampleValue)> {
        // One alternative that holds is enough.
        self.alternatives.iter().find_map(|comparison| Some((comparison.term.subject.as_str(), example(comparison)?)))
    }
}

fn example(comparison: &Comparison) -> Option<ExampleValue> {
    if comparison.negated || comparison.measure != Measure::Value {
        return None;
    }
    let step = match comparison.operator {
        Operator::Exists => return Some(ExampleValue::Present),
        // Without an example, a service answers as usual, which is different from most values.
        Operator::Unequal | Operator::Matches => return None,
        Operator::Equal | Operator::AtMost | Operator::AtLeast | Operator::In | Operator::Contains => 0.0,
        Operator::Less => -1.0,
        Operator::Greater => 1.0,
    };
    match comparison.operands.first()? {
        // A usual status is below every limit that somebody would set.
        Operand::Value(Value::Number(_)) if comparison.term.subject == "status" && step < 0.0 => None,
        Operand::Value(Value::Number(number)) => Some(ExampleValue::Number(number + step)),
        Operand::Value(Value::Bool(flag)) => Some(ExampleValue::Text(flag.to_string())),
        Operand::Value(Value::Text(text)) | Operand::BareWord(text) => Some(ExampleValue::Text(text.clone())),
        Operand::Range(low, _) => Some(ExampleValue::Number(*low)),
        Operand::Template { template, .. } => template.facts().next().cloned().map(ExampleValue::Fact),
        _ => None,
    }
}
