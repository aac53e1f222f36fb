//! Evaluates a comparison.
//!
//! Values of different types never compare as true, whatever the operator: a misunderstanding must not pass a
//! deployment.

use std::cmp::Ordering;

use super::Comparison;
use crate::{
    SubjectValues, Value, VersionNumber,
    condition::{Failure, Measure, Operand, Operator, operand::parse_number},
};

/// The result of comparing one value with one operand.
enum Truth {
    True,
    False,
    /// Neither equal nor unequal: the two have different types.
    TypeMismatch,
    /// The two cannot be compared. The text is the end of a sentence that starts with the subject.
    Undecided(String),
}

impl From<bool> for Truth {
    fn from(is_true: bool) -> Self {
        if is_true { Self::True } else { Self::False }
    }
}

impl Comparison {
    /// `Ok` if it is true, otherwise the reasons why it is not.
    pub(in crate::condition) fn evaluate(&self, facts: &dyn SubjectValues) -> Result<(), Vec<Failure>> {
        match self.term.value(facts) {
            Some(Value::Multiple(lines)) if self.measure == Measure::Count && !self.term.is_json() => {
                self.evaluate_value(Some(&Value::Multiple(lines)), facts).map_err(|why| vec![why])
            }
            Some(Value::Multiple(values)) => self.evaluate_each(&values, facts),
            value => self.evaluate_value(value.as_ref(), facts).map_err(|why| vec![why]),
        }
    }

    /// Every item of a list, and every line of a header, must pass. An empty list never passes.
    fn evaluate_each(&self, values: &[Option<Value>], facts: &dyn SubjectValues) -> Result<(), Vec<Failure>> {
        let all: Vec<_> = values.iter().map(|value| self.evaluate_value(value.as_ref(), facts)).collect();
        // A header that comes several times is one list, and a list contains what one of its lines contains.
        let one_is_enough = !self.term.is_json() && self.operator == Operator::Contains && !self.negated;
        if values.is_empty() {
            return Err(vec![Failure::False { actual: "an empty list".to_owned(), code: self.code }]);
        }
        if one_is_enough && all.iter().any(Result::is_ok) {
            return Ok(());
        }
        let mut failures: Vec<Failure> = Vec::new();
        for (index, failure) in all.into_iter().enumerate().filter_map(|(index, held)| Some((index, held.err()?))) {
            // One failure of each sort decides, and a thousand items may all fail in the same way.
            if failures.iter().any(|before| std::mem::discriminant(before) == std::mem::discriminant(&failure)) {
                continue;
            }
            failures.push(match failure {
                Failure::False { actual: seen, code } if values.len() > 1 => {
                    Failure::False { actual: format!("{seen} in item {} of {}", index + 1, values.len()), code }
                }
                other => other,
            });
        }
        if failures.is_empty() { Ok(()) } else { Err(failures) }
    }

    fn evaluate_value(&self, value: Option<&Value>, facts: &dyn SubjectValues) -> Result<(), Failure> {
        let code = self.code;
        let undecided = |why: String| Failure::Undecided { reason: format!("{} {why}", self.term.text), code };
        let absent = |subject: String| Failure::Missing { subject, code };
        let exists = self.operator == Operator::Exists;
        let left = match value {
            Some(Value::Unreadable(why)) => return Err(undecided(why.clone())),
            None | Some(Value::Null) if exists && self.negated => return Ok(()),
            None | Some(Value::Null) if exists => {
                let seen = if value.is_some() { "null" } else { "nothing" };
                return Err(Failure::False { actual: seen.to_owned(), code });
            }
            None => return Err(absent(self.term.subject.clone())),
            Some(Value::Null) if !self.compares_with_null() => return Err(absent(self.term.subject.clone())),
            Some(value) => value,
        };
        let mut seen = facts.loggable(&self.term.subject, left);
        if exists {
            return if self.negated { Err(Failure::False { actual: seen, code }) } else { Ok(()) };
        }
        let counted;
        let left = match self.measure {
            Measure::Count => {
                counted = count_items(left, self.term.is_json()).map_err(undecided)?;
                seen = counted.to_string();
                &counted
            }
            Measure::Value | Measure::Version => left,
        };
        let (mut any, mut type_mismatch) = (false, false);
        let mut others = Vec::new();
        for operand in &self.operands {
            let right;
            let operand = match operand {
                Operand::Subject(term) => {
                    let Some(value) = term.value(facts) else { return Err(absent(term.subject.clone())) };
                    if let Value::Unreadable(why) = value {
                        return Err(Failure::Undecided { reason: format!("{} {why}", term.text), code });
                    }
                    others.push(format!("{} {}", term.text, facts.loggable(&term.subject, &value)));
                    right = Operand::Value(value);
                    &right
                }
                // A template without values is neither true nor false.
                Operand::Template { template, .. } | Operand::PatternTemplate(template) => {
                    return Err(absent(template.to_string()));
                }
                other => other,
            };
            let truth = match self.measure {
                Measure::Version => compare_versions(left, self.operator, operand),
                Measure::Value | Measure::Count => self.compare(left, operand),
            };
            match truth {
                Truth::True => any = true,
                Truth::False => {}
                Truth::TypeMismatch => type_mismatch = true,
                Truth::Undecided(why) => return Err(undecided(why)),
            }
        }
        let is_true = if self.negated { !any && !type_mismatch } else { any };
        if is_true { Ok(()) } else { Err(Failure::False { actual: self.label(seen, &others), code }) }
    }

    /// The values of a false comparison, with the names of the subjects if there are several: `running 1 and desired 2`.
    fn label(&self, seen: String, others: &[String]) -> String {
        match (others, self.measure) {
            ([], _) => seen,
            (_, Measure::Count) => format!("{} count {seen} and {}", self.term.text, others.join(" and ")),
            (_, _) => format!("{} {seen} and {}", self.term.text, others.join(" and ")),
        }
    }

    fn compares_with_null(&self) -> bool {
        self.operands.iter().any(|operand| matches!(operand, Operand::Value(Value::Null)))
    }

    fn compare(&self, left: &Value, operand: &Operand) -> Truth {
        match (self.operator, operand) {
            (Operator::Matches, Operand::Pattern(regex)) => match left {
                Value::Text(text) => regex.is_match(text).into(),
                other => Truth::Undecided(format!("is {}, and `matches` looks into a text", other.type_name())),
            },
            (Operator::Contains, Operand::BareWord(text) | Operand::FactValue(text)) => {
                compare_contains(left, text, |item| *item == coerce(text, item))
            }
            (Operator::Contains, Operand::Value(Value::Text(text))) => {
                compare_contains(left, text, |item| matches!(item, Value::Text(own) if own == text))
            }
            (Operator::Equal | Operator::Unequal | Operator::In, Operand::Range(low, high)) => {
                let number = match left {
                    // A header is always text. It counts as a number if it looks like one.
                    Value::Text(text) if !self.term.is_json() => text.trim().parse().ok(),
                    other => as_f64(other),
                };
                let inside = |number: f64| (self.operator != Operator::Unequal) == (*low..=*high).contains(&number);
                number.map_or(Truth::TypeMismatch, |number| inside(number).into())
            }
            (operator, Operand::FactValue(text)) if operator.is_ordering() => {
                let value = parse_number(text).or_else(|| humantime::parse_duration(text).ok().map(Value::Duration));
                value.map_or_else(
                    || {
                        Truth::Undecided(
                            "is compared with a fact whose value is neither a number nor a duration such as 300ms"
                                .to_owned(),
                        )
                    },
                    |value| self.compare_order(left, &value),
                )
            }
            (operator, Operand::Value(right)) if operator.is_ordering() => self.compare_order(left, right),
            (operator, Operand::Value(right)) => compare_equality(left, operator, right),
            (operator, Operand::FactValue(text)) => compare_equality(left, operator, &coerce(text, left)),
            // The parser accepts no other pair. If a new pair is forgotten here, it must not pass a deployment.
            _ => Truth::TypeMismatch,
        }
    }

    /// `<`, `<=`, `>` and `>=`: compares numbers with numbers, and durations with durations. Text that is a number
    /// counts as a number.
    fn compare_order(&self, left: &Value, right: &Value) -> Truth {
        let order = match (left, right) {
            (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
            (Value::LargeInteger(left), Value::LargeInteger(right)) => Some(left.cmp(right)),
            (Value::Text(text), right) => match (parse_number(text.trim()), right) {
                (Some(left), Value::Text(right)) => {
                    parse_number(right.trim()).and_then(|right| as_f64(&left)?.partial_cmp(&as_f64(&right)?))
                }
                (Some(Value::LargeInteger(left)), Value::LargeInteger(right)) => Some(left.cmp(right)),
                (Some(left), right) => as_f64(&left).and_then(|left| left.partial_cmp(&as_f64(right)?)),
                (None, _) => None,
            },
            (left, right) => as_f64(left).and_then(|left| left.partial_cmp(&as_f64(right)?)),
        };
        let Some(order) = order else {
            let (own, operator) = (&self.term.text, self.operator.as_str());
            let (what, hint) = match left {
                Value::Text(text) if VersionNumber::parse(text).is_some() => (
                    "a text that is not a number",
                    format!("; versions are compared with `version({own}) {operator} …`"),
                ),
                Value::Text(_) => ("a text that is not a number", String::new()),
                other => (other.type_name(), String::new()),
            };
            return Truth::Undecided(format!("is {what}, and `{operator}` compares numbers and durations{hint}"));
        };
        apply_ordering(self.operator, order)
    }
}

fn apply_ordering(operator: Operator, order: Ordering) -> Truth {
    match operator {
        Operator::Equal | Operator::In => (order == Ordering::Equal).into(),
        Operator::Unequal => (order != Ordering::Equal).into(),
        Operator::Less => (order == Ordering::Less).into(),
        Operator::AtMost => (order != Ordering::Greater).into(),
        Operator::Greater => (order == Ordering::Greater).into(),
        Operator::AtLeast => (order != Ordering::Less).into(),
        Operator::Contains | Operator::Matches | Operator::Exists => Truth::TypeMismatch,
    }
}

fn compare_equality(left: &Value, operator: Operator, right: &Value) -> Truth {
    let same_type = match (left, right) {
        (Value::Number(_) | Value::LargeInteger(_), Value::Number(_) | Value::LargeInteger(_)) => {
            // Above 2⁵³, a float cannot tell a whole number from its neighbour, so such a number compares only with
            // another large one.
            std::mem::discriminant(left) == std::mem::discriminant(right)
        }
        // A comparison with `null` is valid for a value of any type.
        (_, Value::Null) => return ((*left == Value::Null) == (operator != Operator::Unequal)).into(),
        (Value::List(_) | Value::Map(_), _) => false,
        _ => std::mem::discriminant(left) == std::mem::discriminant(right),
    };
    if !same_type {
        return Truth::TypeMismatch;
    }
    ((left == right) == (operator != Operator::Unequal)).into()
}

/// Looks for a part of a text, or for an item of a list.
fn compare_contains(left: &Value, text: &str, is: impl Fn(&Value) -> bool) -> Truth {
    match left {
        Value::Text(whole) => whole.contains(text).into(),
        Value::List(items) => items.iter().any(is).into(),
        Value::Map(_) => Truth::Undecided(
            "is a map, and `contains` looks into texts and lists; check one of its keys with `exists`".to_owned(),
        ),
        other => Truth::Undecided(format!("is {}, and `contains` looks into texts and lists", other.type_name())),
    }
}

fn compare_versions(left: &Value, operator: Operator, right: &Operand) -> Truth {
    let Value::Text(text) = left else {
        return Truth::Undecided(format!(
            "is {}, and a version is a text, because 1.1 and 1.10 are the same number",
            left.type_name()
        ));
    };
    let Some(left) = VersionNumber::parse(text) else {
        return Truth::Undecided("is not a version such as 1.10.0".to_owned());
    };
    let right = match right {
        Operand::Version(version) => Some(version.clone()),
        Operand::FactValue(text) | Operand::Value(Value::Text(text)) => VersionNumber::parse(text),
        _ => None,
    };
    match right {
        Some(right) => apply_ordering(operator, left.cmp(&right)),
        None => Truth::Undecided("is compared with something that is not a version".to_owned()),
    }
}

fn count_items(value: &Value, is_json: bool) -> Result<Value, String> {
    let count = match value {
        Value::List(items) => items.len(),
        Value::Multiple(lines) => lines.len(),
        Value::Map(keys) => *keys,
        // A header that comes once.
        Value::Text(_) if !is_json => 1,
        other => return Err(format!("is {}, and `count` is for lists and maps", other.type_name())),
    };
    Ok(Value::from_integer(i128::try_from(count).unwrap_or(i128::MAX)))
}

#[expect(clippy::cast_precision_loss, reason = "large integers are compared exactly elsewhere")]
fn as_f64(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::LargeInteger(number) => Some(*number as f64),
        _ => None,
    }
}

/// Reads a text of the gate file or of a fact as the type of the value on the left. A number compares only with a whole
/// number in its usual form, because 1.1 and 1.10 are two versions and one number.
fn coerce(text: &str, left: &Value) -> Value {
    let whole = text.parse().ok().filter(|whole: &i128| whole.to_string() == text);
    match (left, whole) {
        (Value::Number(_) | Value::LargeInteger(_), Some(whole)) => Value::from_integer(whole),
        (Value::Bool(_), _) if matches!(text, "true" | "false") => Value::Bool(text == "true"),
        (Value::Duration(_), _) if let Ok(span) = humantime::parse_duration(text) => Value::Duration(span),
        _ => Value::Text(text.to_owned()),
    }
}
