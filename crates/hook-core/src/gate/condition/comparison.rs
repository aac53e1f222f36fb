//! One comparison: `<subject> <operator> <operand>`, with `count` or `not` before the operator.
//!
//! Values of different types never compare as true, whatever the operator: a gate must not open by a misunderstanding.

use std::cmp::Ordering;

use super::{
    Failure, Measure, Operand, Operator, Subject, Term,
    operand::{Context, number, operands},
    operator, words,
};
use crate::{
    code::Code,
    gate::{
        Facts, Scope, Value, VersionNumber,
        template::{Known, Unknown},
    },
};

/// What has to be so.
#[derive(Clone)]
pub struct Comparison {
    pub(super) text: String,
    pub(super) term: Term,
    pub(super) measure: Measure,
    pub(super) negated: bool,
    pub(super) operator: Operator,
    pub(super) operands: Vec<Operand>,
    pub(super) code: Code,
}

/// How one value compares.
enum Truth {
    True,
    False,
    /// Neither equal nor unequal: the two are of different types.
    Unlike,
    /// There is no way to compare the two: the end of a sentence that begins with the subject.
    Undecided(String),
}

impl From<bool> for Truth {
    fn from(is_true: bool) -> Self {
        if is_true { Self::True } else { Self::False }
    }
}

impl Comparison {
    pub(super) fn parse(text: &str, subjects: &[&Subject], scope: &Scope) -> Result<Self, String> {
        let (word, rest) = words::subject(text);
        if word == "not" || word.starts_with('!') {
            let subject = words::word(rest).0;
            let subject = if word == "not" { subject } else { word.trim_start_matches('!') };
            return Err(format!("`not` stands behind the subject; did you mean `{subject} not exists`?"));
        }
        let (term, mut measure) = Term::parse(word, subjects)?;
        let (mut symbol, mut rest) = words::word(rest);
        let mut written = vec![term.text.as_str()];
        if symbol == "count" {
            if measure == Measure::Version || !term.is_countable() {
                return Err(format!(
                    "`{}` is {}, and `count` is for lists of JSON and for headers",
                    term.text, term.of
                ));
            }
            measure = Measure::Count;
            written.push(symbol);
            (symbol, rest) = words::word(rest);
        }
        let negated = symbol == "not";
        if negated {
            written.push(symbol);
            (symbol, rest) = words::word(rest);
        }
        // What a person may have aligned; what stands in quotation marks stays as it is.
        written.extend([symbol, rest].into_iter().filter(|word| !word.is_empty()));
        let text = written.join(" ");
        let operator = Operator::parse(symbol).ok_or_else(|| operator::unknown(&text, symbol))?;
        let context = Context { term: &term, measure, operator, subjects, scope, text: &text };
        let operands = Self::operands(rest, negated, &context).map_err(|why| format!("`{text}`: {why}"))?;
        let code = term.code;
        Ok(Self { text, term, measure, negated, operator, operands, code })
    }

    fn operands(rest: &str, negated: bool, context: &Context<'_>) -> Result<Vec<Operand>, String> {
        let Context { term, measure, operator, text, .. } = context;
        if negated && !operator.takes_not() {
            return Err("`not` goes before in, contains, matches and exists; the opposite of == is !=".to_owned());
        }
        let plain = match measure {
            Measure::Value => term.of.refuses(*operator),
            Measure::Count
                if operator.orders() || matches!(operator, Operator::Equal | Operator::Unequal | Operator::In) =>
            {
                None
            }
            Measure::Count => Some("with `count` is a number; compare it with == != < <= > >= or in"),
            Measure::Version if matches!(operator, Operator::Contains | Operator::Matches | Operator::Exists) => {
                Some("is compared as a version, with == != < <= > >= or in")
            }
            Measure::Version => None,
        };
        if let Some(why) = plain {
            return Err(format!("`{}` {why}", term.text));
        }
        match (operator, rest.is_empty()) {
            (Operator::Exists, true) => Ok(Vec::new()),
            (Operator::Exists, false) => {
                Err(words::joined(text, *operator).unwrap_or_else(|| "nothing follows `exists`".to_owned()))
            }
            (_, true) => Err(format!("something to compare with is missing after `{}`", operator.as_str())),
            (_, false) => operands(rest, context),
        }
    }

    /// The other subjects that it needs.
    pub(super) fn others(&self) -> impl Iterator<Item = &Term> {
        self.operands.iter().filter_map(|operand| if let Operand::Subject(term) = operand { Some(term) } else { None })
    }

    pub(super) fn mentions(&self, subject: &str) -> bool {
        std::iter::once(&self.term).chain(self.others()).any(|term| term.is_of(subject))
    }

    /// Itself with the values of its facts, and what may be shown of them.
    pub(super) fn rendered(&self, known: &dyn Known) -> Result<(Self, Vec<String>), Unknown> {
        let (mut operands, mut all_shown) = (Vec::new(), Vec::new());
        for operand in &self.operands {
            let (operand, shown) = operand.rendered(known, self.operator)?;
            all_shown.extend(shown);
            operands.push(operand);
        }
        Ok((Self { operands, ..self.clone() }, all_shown))
    }

    /// Why it is not true; nothing where it is.
    pub(super) fn check(&self, facts: &dyn Facts) -> Result<(), Vec<Failure>> {
        match self.term.value(facts) {
            Some(Value::Every(lines)) if self.measure == Measure::Count && !self.term.is_json() => {
                self.one(Some(&Value::Every(lines)), facts).map_err(|why| vec![why])
            }
            Some(Value::Every(values)) => self.every(&values, facts),
            value => self.one(value.as_ref(), facts).map_err(|why| vec![why]),
        }
    }

    /// Every item counts, and every line of a header. Of no item nothing is true.
    fn every(&self, values: &[Option<Value>], facts: &dyn Facts) -> Result<(), Vec<Failure>> {
        let all: Vec<_> = values.iter().map(|value| self.one(value.as_ref(), facts)).collect();
        // A header that comes several times is one list, and a list contains what one of its lines contains.
        let one_is_enough = !self.term.is_json() && self.operator == Operator::Contains && !self.negated;
        if values.is_empty() {
            return Err(vec![Failure::False { seen: "an empty list".to_owned(), code: self.code }]);
        }
        if one_is_enough && all.iter().any(Result::is_ok) {
            return Ok(());
        }
        let mut failures: Vec<Failure> = Vec::new();
        for (index, failure) in all.into_iter().enumerate().filter_map(|(index, held)| Some((index, held.err()?))) {
            // One of each sort is enough to decide, and a thousand items may say the same.
            if failures.iter().any(|before| std::mem::discriminant(before) == std::mem::discriminant(&failure)) {
                continue;
            }
            failures.push(match failure {
                Failure::False { seen, code } if values.len() > 1 => {
                    Failure::False { seen: format!("{seen} in item {} of {}", index + 1, values.len()), code }
                }
                other => other,
            });
        }
        if failures.is_empty() { Ok(()) } else { Err(failures) }
    }

    fn one(&self, value: Option<&Value>, facts: &dyn Facts) -> Result<(), Failure> {
        let code = self.code;
        let undecided = |why: String| Failure::Undecided { why: format!("{} {why}", self.term.text), code };
        let absent = |subject: String| Failure::Absent { subject, code };
        let exists = self.operator == Operator::Exists;
        let left = match value {
            Some(Value::Unreadable(why)) => return Err(undecided(why.clone())),
            None | Some(Value::Null) if exists && self.negated => return Ok(()),
            None | Some(Value::Null) if exists => {
                let seen = if value.is_some() { "null" } else { "nothing" };
                return Err(Failure::False { seen: seen.to_owned(), code });
            }
            None => return Err(absent(self.term.subject.clone())),
            Some(Value::Null) if !self.compares_with_null() => return Err(absent(self.term.subject.clone())),
            Some(value) => value,
        };
        let mut seen = facts.shown(&self.term.subject, left);
        if exists {
            return if self.negated { Err(Failure::False { seen, code }) } else { Ok(()) };
        }
        let counted;
        let left = match self.measure {
            Measure::Count => {
                counted = count(left, self.term.is_json()).map_err(undecided)?;
                seen = counted.to_string();
                &counted
            }
            Measure::Value | Measure::Version => left,
        };
        let (mut any, mut unlike) = (false, false);
        for operand in &self.operands {
            let right;
            let operand = match operand {
                Operand::Subject(term) => {
                    let Some(value) = term.value(facts) else { return Err(absent(term.subject.clone())) };
                    if let Value::Unreadable(why) = value {
                        return Err(Failure::Undecided { why: format!("{} {why}", term.text), code });
                    }
                    seen = format!("{seen} and {}", facts.shown(&term.subject, &value));
                    right = Operand::Value(value);
                    &right
                }
                // Facts without their values: neither true nor false.
                Operand::Template { template, .. } | Operand::PatternOf(template) => {
                    return Err(absent(template.to_string()));
                }
                other => other,
            };
            let truth = match self.measure {
                Measure::Version => by_version(left, self.operator, operand),
                Measure::Value | Measure::Count => self.compare(left, operand),
            };
            match truth {
                Truth::True => any = true,
                Truth::False => {}
                Truth::Unlike => unlike = true,
                Truth::Undecided(why) => return Err(undecided(why)),
            }
        }
        let holds = if self.negated { !any && !unlike } else { any };
        if holds { Ok(()) } else { Err(Failure::False { seen, code }) }
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
            (Operator::Contains, Operand::Word(text) | Operand::Fact(text)) => {
                contains(left, text, |item| *item == as_type_of(text, item))
            }
            (Operator::Contains, Operand::Value(Value::Text(text))) => {
                contains(left, text, |item| matches!(item, Value::Text(own) if own == text))
            }
            (Operator::Equal | Operator::Unequal | Operator::In, Operand::Range(low, high)) => {
                let number = match left {
                    // A header is always text, and a number where it looks like one.
                    Value::Text(text) if !self.term.is_json() => text.trim().parse().ok(),
                    other => float(other),
                };
                let inside = |number: f64| (self.operator != Operator::Unequal) == (*low..=*high).contains(&number);
                number.map_or(Truth::Unlike, |number| inside(number).into())
            }
            (operator, Operand::Fact(text)) if operator.orders() => {
                let value = number(text).or_else(|| humantime::parse_duration(text).ok().map(Value::Span));
                value.map_or_else(
                    || Truth::Undecided("is compared with what is neither a number nor a duration".to_owned()),
                    |value| self.order(left, &value),
                )
            }
            (operator, Operand::Value(right)) if operator.orders() => self.order(left, right),
            (operator, Operand::Value(right)) => equal(left, operator, right),
            (operator, Operand::Fact(text)) => equal(left, operator, &as_type_of(text, left)),
            // No other pair is parsed, and a new one that is forgotten here must not open a gate.
            _ => Truth::Unlike,
        }
    }

    /// `<` and the like: numbers with numbers, a text that is a number included, and durations with durations.
    fn order(&self, left: &Value, right: &Value) -> Truth {
        let order = match (left, right) {
            (Value::Span(left), Value::Span(right)) => Some(left.cmp(right)),
            (Value::Whole(left), Value::Whole(right)) => Some(left.cmp(right)),
            (Value::Text(text), right) => match (number(text.trim()), right) {
                (Some(left), Value::Text(right)) => {
                    number(right.trim()).and_then(|right| float(&left)?.partial_cmp(&float(&right)?))
                }
                (Some(Value::Whole(left)), Value::Whole(right)) => Some(left.cmp(right)),
                (Some(left), right) => float(&left).and_then(|left| left.partial_cmp(&float(right)?)),
                (None, _) => None,
            },
            (left, right) => float(left).and_then(|left| left.partial_cmp(&float(right)?)),
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
        orders(self.operator, order)
    }
}

fn orders(operator: Operator, order: Ordering) -> Truth {
    match operator {
        Operator::Equal | Operator::In => (order == Ordering::Equal).into(),
        Operator::Unequal => (order != Ordering::Equal).into(),
        Operator::Less => (order == Ordering::Less).into(),
        Operator::AtMost => (order != Ordering::Greater).into(),
        Operator::More => (order == Ordering::Greater).into(),
        Operator::AtLeast => (order != Ordering::Less).into(),
        Operator::Contains | Operator::Matches | Operator::Exists => Truth::Unlike,
    }
}

fn equal(left: &Value, operator: Operator, right: &Value) -> Truth {
    let same_type = match (left, right) {
        (Value::Number(_) | Value::Whole(_), Value::Number(_) | Value::Whole(_)) => {
            // A whole number beyond what a float can tell from its neighbour compares only with one written in full.
            std::mem::discriminant(left) == std::mem::discriminant(right)
        }
        // Whoever asks for `null` is answered by any other value.
        (_, Value::Null) => return ((*left == Value::Null) == (operator != Operator::Unequal)).into(),
        (Value::List(_) | Value::Map(_), _) => false,
        _ => std::mem::discriminant(left) == std::mem::discriminant(right),
    };
    if !same_type {
        return Truth::Unlike;
    }
    ((left == right) == (operator != Operator::Unequal)).into()
}

/// A part of a text, or an item of a list.
fn contains(left: &Value, text: &str, is: impl Fn(&Value) -> bool) -> Truth {
    match left {
        Value::Text(whole) => whole.contains(text).into(),
        Value::List(items) => items.iter().any(is).into(),
        Value::Map(_) => Truth::Undecided(
            "is a map, and `contains` looks into texts and lists; ask for a key of it with `exists`".to_owned(),
        ),
        other => Truth::Undecided(format!("is {}, and `contains` looks into texts and lists", other.type_name())),
    }
}

fn by_version(left: &Value, operator: Operator, right: &Operand) -> Truth {
    let Value::Text(text) = left else {
        return Truth::Undecided(format!(
            "is {}, and a version is a text, since the numbers 1.1 and 1.10 are one",
            left.type_name()
        ));
    };
    let Some(left) = VersionNumber::parse(text) else {
        return Truth::Undecided("is not a version such as 1.10.0".to_owned());
    };
    let right = match right {
        Operand::Version(version) => Some(version.clone()),
        Operand::Fact(text) | Operand::Value(Value::Text(text)) => VersionNumber::parse(text),
        _ => None,
    };
    match right {
        Some(right) => orders(operator, left.cmp(&right)),
        None => Truth::Undecided("is compared with what is not a version".to_owned()),
    }
}

/// How many there are.
fn count(value: &Value, is_json: bool) -> Result<Value, String> {
    let count = match value {
        Value::List(items) => items.len(),
        Value::Every(lines) => lines.len(),
        Value::Map(keys) => *keys,
        // A header that comes once.
        Value::Text(_) if !is_json => 1,
        other => return Err(format!("is {}, and `count` is for lists and maps", other.type_name())),
    };
    Ok(Value::whole(i128::try_from(count).unwrap_or(i128::MAX)))
}

#[expect(clippy::cast_precision_loss, reason = "where it is to be exact, it is compared as it is")]
fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Whole(number) => Some(*number as f64),
        _ => None,
    }
}

/// A text of the gate file or of a fact as what it is compared with. With numbers only a whole one compares, written as
/// such: 1.1 and 1.10 are two versions, and one number.
fn as_type_of(text: &str, left: &Value) -> Value {
    let whole = text.parse().ok().filter(|whole: &i128| whole.to_string() == text);
    match (left, whole) {
        (Value::Number(_) | Value::Whole(_), Some(whole)) => Value::whole(whole),
        (Value::Flag(_), _) if matches!(text, "true" | "false") => Value::Flag(text == "true"),
        (Value::Span(_), _) if let Ok(span) = humantime::parse_duration(text) => Value::Span(span),
        _ => Value::Text(text.to_owned()),
    }
}
