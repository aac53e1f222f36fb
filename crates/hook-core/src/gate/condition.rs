//! The language of the `expect` lines: `<subject> <operator> <operand>`, no nesting. Several lines mean "and".
//!
//! Values of different types never compare as true, whatever the operator: a gate must not open by a misunderstanding.

use std::{cmp::Ordering, fmt};

use super::{
    Facts, Value,
    operand::{Operand, operands, pattern},
    suggest,
};
use crate::code::Code;

/// What a kind of check can tell about, and which fault it is when a condition on it is false.
#[derive(Debug)]
pub struct Subject {
    /// The word, or with `family` the part before the dot.
    pub name: &'static str,
    /// Whether it is followed by a dot and a name of the user's: `header.location`, `json.items[0].id`.
    pub family: bool,
    /// The fault.
    pub code: Code,
}

impl Subject {
    /// A plain subject.
    pub const fn new(name: &'static str, code: Code) -> Self {
        Self { name, family: false, code }
    }

    /// A family of subjects.
    pub const fn family(name: &'static str, code: Code) -> Self {
        Self { name, family: true, code }
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
enum Operator {
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
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let subject =
            subjects.iter().find(|subject| subject.is(word)).ok_or_else(|| unknown_subject(word, subjects))?;
        let (symbol, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let operator = OPERATORS.iter().find(|(known, _)| *known == symbol).map(|(_, operator)| *operator);
        let operator = operator.ok_or_else(|| unknown_operator(&text, symbol))?;
        let operands = match (operator, rest.is_empty()) {
            (Operator::Exists, true) => Vec::new(),
            (Operator::Exists, false) => return Err(format!("`{text}`: nothing follows `exists`")),
            (_, true) => return Err(format!("`{text}`: something to compare with is missing after `{symbol}`")),
            (Operator::Matches, false) => vec![pattern(rest).map_err(|why| format!("`{text}`: {why}"))?],
            (_, false) => operands(rest, subjects).map_err(|why| format!("`{text}`: {why}"))?,
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
        self.operands.iter().any(|operand| matches!(operand, Operand::Value(Value::Text(text)) if text == word))
    }

    /// Looks whether it is true.
    pub fn check(&self, facts: &dyn Facts) -> Held {
        let Some(left) = facts.fact(&self.subject) else {
            return match self.operator {
                Operator::Exists => Held::False { seen: "nothing".to_owned(), code: self.code },
                _ => Held::Absent { subject: self.subject.clone(), code: self.code },
            };
        };
        let mut seen = facts.shown(&self.subject, &left);
        let mut any = self.operator == Operator::Exists;
        for operand in &self.operands {
            any |= match operand {
                Operand::Subject(name) => {
                    let Some(right) = facts.fact(name) else {
                        return Held::Absent { subject: name.clone(), code: self.code };
                    };
                    seen = format!("{seen} and {}", facts.shown(name, &right));
                    compare(&left, self.operator, &right)
                }
                Operand::Value(right) => compare(&left, self.operator, right),
                Operand::Range(low, high) => match number(&left) {
                    Some(value) => (self.operator == Operator::Unequal) != (*low..=*high).contains(&value),
                    None => false,
                },
                Operand::Pattern(regex) => matches!(&left, Value::Text(text) if regex.is_match(text)),
            };
        }
        if any { Held::True } else { Held::False { seen, code: self.code } }
    }
}

fn unknown_subject(word: &str, subjects: &[Subject]) -> String {
    let shown =
        |subject: &Subject| if subject.family { format!("{}.…", subject.name) } else { subject.name.to_owned() };
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

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        // A header is always text, and `header.content-length > 0` should mean what it says.
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn compare(left: &Value, operator: Operator, right: &Value) -> bool {
    if operator == Operator::Contains {
        return matches!((left, right), (Value::Text(left), Value::Text(right)) if left.contains(right.as_str()));
    }
    let order = match (left, right) {
        (Value::Span(left), Value::Span(right)) => Some(left.cmp(right)),
        (Value::Flag(left), Value::Flag(right)) => Some(left.cmp(right)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (_, Value::Number(right)) => number(left).and_then(|left| left.partial_cmp(right)),
        _ => None,
    };
    let Some(order) = order else { return false };
    match operator {
        Operator::Equal | Operator::In => order == Ordering::Equal,
        Operator::Unequal => order != Ordering::Equal,
        Operator::Less => order == Ordering::Less,
        Operator::AtMost => order != Ordering::Greater,
        Operator::More => order == Ordering::Greater,
        Operator::AtLeast => order != Ordering::Less,
        // These three are decided before, and a new operator that is forgotten here must not open a gate.
        Operator::Contains | Operator::Matches | Operator::Exists => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SUBJECTS: &[Subject] = &[
        Subject::new("status", Code::UnexpectedStatus),
        Subject::new("running", Code::NotRunning),
        Subject::new("desired", Code::NotRunning),
        Subject::new("latency", Code::TooSlow),
        Subject::new("state", Code::AlarmFiring),
        Subject::new("steady", Code::NotSteady),
        Subject::family("header", Code::UnexpectedHeader),
    ];

    struct World;

    impl Facts for World {
        fn fact(&self, subject: &str) -> Option<Value> {
            Some(match subject {
                "status" => Value::Number(204.0),
                "running" => Value::Number(1.0),
                "desired" => Value::Number(2.0),
                "latency" => Value::Span(Duration::from_millis(412)),
                "state" => Value::Text("ALARM".into()),
                "steady" => Value::Flag(true),
                "header.location" => Value::Text("/api/orders/7".into()),
                "header.content-length" => Value::Text("12".into()),
                _ => return None,
            })
        }
    }

    fn held(text: &str) -> Held {
        Condition::parse(text, SUBJECTS).unwrap().check(&World)
    }

    #[test]
    fn what_is_true_holds() {
        for text in [
            "status == 204",
            "status in 200, 204",
            "status in 200-299",
            "status == 2xx",
            "status != 5xx",
            "running < desired",
            "latency < 1s",
            "latency >= 412ms",
            "state == ALARM",
            "state == 'ALARM'",
            "state in OK, ALARM",
            "state != OK",
            "steady == true",
            "header.location matches '^/api/orders/'",
            "header.location contains orders",
            "header.location exists",
            "header.content-length > 10",
            "  status   ==  204 ",
        ] {
            assert_eq!(held(text), Held::True, "{text}");
        }
    }

    #[test]
    fn what_is_false_says_what_was_seen() {
        let seen = |text| match held(text) {
            Held::False { seen, .. } => seen,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(seen("latency < 300ms"), "412ms");
        assert_eq!(seen("running == desired"), "1 and 2");
        assert_eq!(seen("state == OK"), "'ALARM'");
        assert_eq!(seen("status in 200, 201"), "204");
        assert_eq!(seen("status == 5xx"), "204");
        assert_eq!(seen("header.x exists"), "nothing");
    }

    #[test]
    fn values_of_different_types_never_compare_as_true() {
        for text in [
            "steady == 1",
            "steady != 1",
            "steady != 'no'",
            "latency != 3",
            "state < 3",
            "status contains 2",
            "status matches 2",
            "status != x",
        ] {
            assert!(matches!(held(text), Held::False { .. }), "{text}");
        }
    }

    #[test]
    fn a_value_that_is_not_there_is_neither_true_nor_false() {
        assert!(matches!(held("header.x == 1"), Held::Absent { .. }));
        assert!(matches!(held("header.x != 1"), Held::Absent { .. }));
    }

    #[test]
    fn faults_of_the_language_are_told_with_a_suggestion() {
        let texts = [
            "",
            "status",
            "status =",
            "status ==",
            "status = 200",
            "stauts == 200",
            "purple == 200",
            "header == 1",
            "header. == 1",
            "status is 200",
            "status exists 3",
            "status == 1, 2",
            "status < 200-299",
            "status in 299-200",
            "status == 2x0",
            "state == 'ALARM",
            "state in 'OK', ",
            "header.x matches '('",
        ];
        let told = texts.map(|text| format!("{text:<24} → {}", Condition::parse(text, SUBJECTS).unwrap_err()));
        insta::assert_snapshot!(told.join("\n"));
    }
}
