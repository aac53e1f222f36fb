//! The language of the `expect` lines: `<subject> <operator> <operand>`, no nesting. Several lines mean "and".
//!
//! Values of different types never compare as true, whatever the operator: a gate must not open by a misunderstanding.

use std::{cmp::Ordering, fmt};

use super::{
    Fact, Facts, Scope, Value,
    operand::{Operand, operands, pattern},
    suggest,
    template::{Known, Unknown},
};
use crate::code::Code;

/// What a kind of check can tell about, and which fault it is when a condition on it is false.
#[derive(Debug, PartialEq, Eq)]
pub struct Subject {
    /// The word, or with `family` the part before the dot.
    pub name: &'static str,
    /// Whether it is followed by a dot and a name of the user's: `header.location`, `json.items[0].id`.
    pub family: bool,
    /// The fault.
    pub code: Code,
    /// Whether it is always text, so that `true`, `30s` and `1.10` are words beside it.
    pub text: bool,
}

impl Subject {
    /// A plain subject.
    pub const fn new(name: &'static str, code: Code) -> Self {
        Self { name, family: false, code, text: false }
    }

    /// A family of subjects.
    pub const fn family(name: &'static str, code: Code) -> Self {
        Self { name, family: true, code, text: false }
    }

    /// One that is always text.
    pub const fn always_text(self) -> Self {
        Self { text: true, ..self }
    }

    pub(super) fn is(&self, word: &str) -> bool {
        match word.strip_prefix(self.name) {
            Some("") => !self.family,
            Some(rest) => self.family && rest.len() > 1 && rest.starts_with('.'),
            None => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    In,
    Contains,
    Matches,
    Exists,
}

impl Operator {
    /// Whether it is about greater and smaller.
    pub(super) const fn orders(self) -> bool {
        matches!(self, Self::Less | Self::AtMost | Self::More | Self::AtLeast)
    }
}

const OPERATORS: [(&str, Operator); 10] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<", Operator::Less),
    ("<=", Operator::AtMost),
    (">", Operator::More),
    (">=", Operator::AtLeast),
    ("in", Operator::In),
    ("contains", Operator::Contains),
    ("matches", Operator::Matches),
    ("exists", Operator::Exists),
];

/// One line of `expect`.
#[derive(Clone)]
pub struct Condition {
    text: String,
    subject: String,
    code: Code,
    operator: Operator,
    operands: Vec<Operand>,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({})", self.text)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How a condition came out.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// True.
    True,
    /// False, and what was seen.
    False {
        /// The values of the subjects, in words.
        seen: String,
        /// The fault.
        code: Code,
        /// The values cannot be compared at all: they are of different types.
        unlike: bool,
    },
    /// There was no value to compare.
    Absent {
        /// The subject that had none.
        subject: String,
        /// The fault.
        code: Code,
    },
}

impl Condition {
    /// Parses one line over the subjects of a kind of check.
    ///
    /// # Errors
    /// A sentence for the gate file's author.
    pub fn parse(text: &str, subjects: &'static [Subject]) -> Result<Self, String> {
        Self::parse_in(text, &[subjects], &Scope::default())
    }

    /// The same, with what the file says around it, and several lists of subjects.
    ///
    /// # Errors
    /// A sentence for the gate file's author.
    pub fn parse_in(text: &str, subjects: &[&'static [Subject]], scope: &Scope) -> Result<Self, String> {
        let subjects: Vec<&Subject> = subjects.iter().flat_map(|list| *list).collect();
        let (word, rest) = word(text);
        let subject =
            subjects.iter().find(|subject| subject.is(word)).ok_or_else(|| unknown_subject(word, &subjects))?;
        let (symbol, rest) = self::word(rest);
        // What a person may have aligned; what stands in quotation marks stays as it is.
        let text = format!("{word} {symbol} {rest}").trim_end().to_owned();
        let operator = OPERATORS.iter().find(|(known, _)| *known == symbol).map(|(_, operator)| *operator);
        let operator = operator.ok_or_else(|| unknown_operator(&text, symbol))?;
        // What stands in a text is a text.
        let is_text = operator == Operator::Contains || subject.text && !operator.orders();
        let operands = match (operator, rest.is_empty()) {
            (Operator::Exists, true) => Vec::new(),
            (Operator::Exists, false) => return Err(format!("`{text}`: nothing follows `exists`")),
            (_, true) => return Err(format!("`{text}`: something to compare with is missing after `{symbol}`")),
            (Operator::Matches, false) => vec![pattern(rest, scope).map_err(|why| format!("`{text}`: {why}"))?],
            (_, false) => operands(rest, &subjects, scope, is_text).map_err(|why| format!("`{text}`: {why}"))?,
        };
        if operands.len() > 1 && operator != Operator::In {
            return Err(format!("`{text}`: only `in` takes several values"));
        }
        let ranged = operands.iter().any(|operand| matches!(operand, Operand::Range(..)));
        if ranged && !matches!(operator, Operator::In | Operator::Equal | Operator::Unequal) {
            return Err(format!("`{text}`: a range goes with ==, != and in"));
        }
        Ok(Self { subject: word.to_owned(), code: subject.code, operator, operands, text })
    }

    /// Whether it may have several values, with commas between them.
    pub(super) fn is_list(&self) -> bool {
        self.operator == Operator::In
    }

    /// The subjects that it needs.
    pub fn subjects(&self) -> impl Iterator<Item = &str> {
        let others = self.operands.iter().filter_map(|operand| match operand {
            Operand::Subject(name) => Some(name.as_str()),
            _ => None,
        });
        std::iter::once(self.subject.as_str()).chain(others)
    }

    /// Whether it is one comparison by `==`.
    pub fn is_equality(&self) -> bool {
        self.operator == Operator::Equal
    }

    /// The facts that it compares with.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.operands.iter().filter_map(Operand::template).flat_map(|template| template.facts())
    }

    /// Itself with the values of its facts, to be judged. They are told with it, if they are no secret.
    ///
    /// # Errors
    /// One of them is not known.
    pub fn rendered(&self, known: &dyn Known) -> Result<Self, Unknown> {
        if self.facts().next().is_none() {
            return Ok(self.clone());
        }
        let mut told = Vec::new();
        let mut operands = Vec::new();
        for operand in &self.operands {
            let (operand, shown) = operand.rendered(known, self.operator)?;
            told.extend(shown);
            operands.push(operand);
        }
        let told = if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) };
        let Self { subject, code, operator, .. } = self.clone();
        Ok(Self { text: format!("{}{told}", self.text), subject, code, operator, operands })
    }

    /// Whether it needs the value of `subject`, or of one of that family.
    pub fn mentions(&self, subject: &str) -> bool {
        let is = |word: &str| word.strip_prefix(subject).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        is(&self.subject) || self.operands.iter().any(|operand| matches!(operand, Operand::Subject(word) if is(word)))
    }

    /// Itself, with the values of its subjects where it compares two: `running == desired (2)`.
    pub fn told(&self, facts: &dyn Facts) -> String {
        let shown = |subject: &str| facts.fact(subject).map(|value| facts.shown(subject, &value));
        let other = self.operands.iter().find_map(|operand| match operand {
            Operand::Subject(name) => shown(name),
            _ => None,
        });
        match (shown(&self.subject), other) {
            (Some(left), Some(right)) if left == right => format!("{self} ({left})"),
            (Some(left), Some(right)) => format!("{self} ({left} and {right})"),
            _ => self.to_string(),
        }
    }

    /// Whether it compares with this word.
    pub fn names(&self, word: &str) -> bool {
        self.operands.iter().any(|operand| match operand {
            Operand::Value(Value::Text(text)) | Operand::Fact(text) => text == word,
            _ => false,
        })
    }

    /// Looks whether it is true.
    pub fn check(&self, facts: &dyn Facts) -> Held {
        let Some(left) = facts.fact(&self.subject) else {
            return match self.operator {
                Operator::Exists => Held::False { seen: "nothing".to_owned(), code: self.code, unlike: false },
                _ => Held::Absent { subject: self.subject.clone(), code: self.code },
            };
        };
        let mut seen = facts.shown(&self.subject, &left);
        // A header is always text, and `header.content-length == 12` should mean what it says.
        let lenient = self.operator.orders() || self.subject.starts_with("header.");
        let (mut any, mut unlike) = (self.operator == Operator::Exists, false);
        for operand in &self.operands {
            let held = match operand {
                Operand::Subject(name) => {
                    let Some(right) = facts.fact(name) else {
                        return Held::Absent { subject: name.clone(), code: self.code };
                    };
                    seen = format!("{seen} and {}", facts.shown(name, &right));
                    compare(&left, self.operator, &right, lenient)
                }
                Operand::Value(right) => compare(&left, self.operator, right, lenient),
                Operand::Range(low, high) => number(&left, lenient)
                    .map(|value| (self.operator == Operator::Unequal) != (*low..=*high).contains(&value)),
                Operand::Pattern(regex) => match &left {
                    Value::Text(text) => Some(regex.is_match(text)),
                    _ => None,
                },
                Operand::Fact(text) => compare(&left, self.operator, &as_is(text, &left), lenient),
                // Facts without their values: neither true nor false.
                Operand::Template { template, .. } | Operand::PatternOf(template) => {
                    return Held::Absent { subject: template.to_string(), code: self.code };
                }
            };
            any |= held == Some(true);
            unlike |= held.is_none();
        }
        if any { Held::True } else { Held::False { seen, code: self.code, unlike } }
    }
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// A fact as what it is compared with. It comes as text, and with numbers only a whole one compares, written as such: 1.1
/// and 1.10 are two versions, and one number.
fn as_is(text: &str, left: &Value) -> Value {
    let whole = text.parse().ok().filter(|whole: &i128| whole.to_string() == text);
    match (left, whole, super::operand::literal(text)) {
        (Value::Number(_) | Value::Whole(_), Some(whole), _) => Value::whole(whole),
        (Value::Span(_), _, Ok(literal @ Value::Span(_))) | (Value::Flag(_), _, Ok(literal @ Value::Flag(_))) => {
            literal
        }
        _ => Value::Text(text.to_owned()),
    }
}

fn unknown_subject(word: &str, subjects: &[&Subject]) -> String {
    let shown =
        |subject: &&Subject| if subject.family { format!("{}.…", subject.name) } else { subject.name.to_owned() };
    let known = subjects.iter().map(shown).collect::<Vec<_>>().join(", ");
    if word.is_empty() {
        return format!("a condition is `subject operator value`; this kind of check has the subjects {known}");
    }
    let near = suggest(word, subjects.iter().map(|subject| subject.name));
    match near.and_then(|near| subjects.iter().find(|subject| subject.name == near)) {
        Some(near) => format!("`{word}` is not a subject of this kind of check; did you mean `{}`?", shown(near)),
        None => format!("`{word}` is not a subject of this kind of check; there are {known}"),
    }
}

fn unknown_operator(text: &str, symbol: &str) -> String {
    let near = match symbol {
        "=" | "===" | "is" => Some("=="),
        "<>" | "not" => Some("!="),
        "=>" => Some(">="),
        "=<" => Some("<="),
        "~" | "=~" => Some("matches"),
        _ => suggest(symbol, OPERATORS.iter().map(|(word, _)| *word)),
    };
    let known = OPERATORS.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" ");
    match (symbol, near) {
        ("", _) => format!("`{text}`: an operator is missing; there are {known}"),
        (_, Some(near)) => format!("`{text}`: `{symbol}` is not an operator; did you mean `{near}`?"),
        (_, None) => format!("`{text}`: `{symbol}` is not an operator; there are {known}"),
    }
}

/// The number; with `lenient` also of a text that is one.
fn number(value: &Value, lenient: bool) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        #[expect(clippy::cast_precision_loss, reason = "where it is to be exact, it is compared as it is")]
        Value::Whole(number) => Some(*number as f64),
        Value::Text(text) if lenient => text.trim().parse().ok(),
        _ => None,
    }
}

/// None where the two are of different types.
fn compare(left: &Value, operator: Operator, right: &Value, lenient: bool) -> Option<bool> {
    if operator == Operator::Contains {
        let (Value::Text(left), Value::Text(right)) = (left, right) else { return None };
        return Some(left.contains(right.as_str()));
    }
    let order = match (left, right) {
        (Value::Span(left), Value::Span(right)) => left.cmp(right),
        (Value::Flag(left), Value::Flag(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Whole(left), Value::Whole(right)) => left.cmp(right),
        (Value::Text(left), Value::Whole(right)) if lenient => left.trim().parse::<i128>().ok()?.cmp(right),
        (Value::Whole(_), Value::Number(_)) | (Value::Number(_), Value::Whole(_)) if !operator.orders() => return None,
        (_, Value::Number(_) | Value::Whole(_)) => number(left, lenient)?.partial_cmp(&number(right, false)?)?,
        _ => return None,
    };
    Some(match operator {
        Operator::Equal | Operator::In => order == Ordering::Equal,
        Operator::Unequal => order != Ordering::Equal,
        Operator::Less => order == Ordering::Less,
        Operator::AtMost => order != Ordering::Greater,
        Operator::More => order == Ordering::Greater,
        Operator::AtLeast => order != Ordering::Less,
        // These three are decided before, and a new operator that is forgotten here must not open a gate.
        Operator::Contains | Operator::Matches | Operator::Exists => return None,
    })
}

#[cfg(test)]
mod tests;
