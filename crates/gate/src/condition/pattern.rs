//! Conditions as regular expressions, so that an editor finds wrong subjects, operators and values. They come from the
//! tables that the parser uses, and accept every condition that the parser accepts.
//!
//! JSON Schema has the regular expressions of JavaScript. These need only what all engines have: groups, classes and
//! repetition.

use super::{Measure, Operator, Subject, SubjectType, measure::operator_error, operator::OPERATORS};

/// The conditions on one subject.
pub struct SubjectPattern {
    pub subject: &'static Subject,
    /// Matches a condition that starts with this subject.
    pub start: String,
    /// Matches a valid condition on this subject, and no other text.
    pub whole: String,
    /// The operators that its type allows.
    pub operators: Vec<&'static str>,
}

/// A key of JSON in brackets, which can contain spaces.
const BRACKET: &str = r#"\[(?:'[^']*'|"[^"]*"|[^\]'"])*\]"#;

/// A sign, digits, a point and an exponent. The parser is stricter.
const NUMBER: &str = r"[-+]*[0-9.][0-9.eE+-]*";
/// `2xx`, `200-299`.
const RANGE: &str = r"\+?0*[1-5]xx|\+?[0-9.][0-9.eE+]*-(?:[-+]?[0-9.][0-9.eE+-]*|\+?inf)";
/// `300ms`, `1h 30m`. Only zero needs no unit.
pub const DURATION: &str = r"\s*[0-9][0-9A-Za-zµ.\s]*[A-Za-zµ]|\s*0";
const REGION: &str = r"[a-z]{2,}(?:-[a-z]{2,})+-[0-9]+";
/// A value with a fact. Its type is known only when the check runs.
const FACT: &str = r#"'[^']*\{\{[^']*'|"[^"]*\{\{[^"]*"|(?:[^,'"\s][^,]*)?\{\{[^,]*"#;
/// One word, or a text in quotation marks.
const TEXT: &str = r#"'[^']*'|"[^"]*"|[^\s,'"][^\s,]*"#;
/// A regular expression, which can contain commas.
const REGEX: &str = r#"(?:'[^']*'|"[^"]*"|[^\s'"]\S*|[^'"]*\{\{[\s\S]*)"#;

/// A pattern for each of these subjects.
pub fn patterns(subjects: &'static [Subject]) -> Vec<SubjectPattern> {
    subjects.iter().map(|subject| subject_pattern(subject, subjects)).collect()
}

fn subject_pattern(subject: &'static Subject, subjects: &[Subject]) -> SubjectPattern {
    let of = subject.subject_type;
    let term = term(subject);
    let version = format!(r"version\(\s*{term}\s*\)");
    let mut forms = vec![format!(r"{term}\s+{}", comparisons(of, Measure::Value, subjects))];
    let mut start = term.clone();
    if of.is_countable() {
        forms.push(format!(r"{term}\s+count\s+{}", comparisons(of, Measure::Count, subjects)));
    }
    if of.has_version() {
        forms.push(format!(r"{version}\s+{}", comparisons(of, Measure::Version, subjects)));
        start = either([start, version]);
    }
    SubjectPattern {
        subject,
        start: format!(r"^\s*{}(?:\s|$)", either([start])),
        whole: format!(r"^\s*{}\s*$", either(forms)),
        operators: allowed_operators(of, Measure::Value).map(|(word, _)| word).collect(),
    }
}

fn allowed_operators(of: SubjectType, measure: Measure) -> impl Iterator<Item = (&'static str, Operator)> {
    OPERATORS.into_iter().filter(move |(_, operator)| operator_error(*operator, of, measure).is_none())
}

/// A subject on the left side.
fn term(subject: &Subject) -> String {
    match (subject.subject_type, subject.prefixed) {
        (SubjectType::Json, _) => {
            format!(r"{}(?:\.[^\s\[]+(?:{BRACKET}|[^\s\[])*|{BRACKET}(?:{BRACKET}|[^\s\[])*)?", subject.name)
        }
        (_, true) => format!(r"{}\.\S+", subject.name),
        (_, false) => subject.name.to_owned(),
    }
}

/// A subject on the right side, which is one word.
fn operand_term(subject: &Subject) -> String {
    match (subject.subject_type, subject.prefixed) {
        (SubjectType::Json, _) => format!(r"{}(?:[.\[][^\s,]+)?", subject.name),
        (_, true) => format!(r"{}\.[^\s,]+", subject.name),
        (_, false) => subject.name.to_owned(),
    }
}

/// The operators of a type, each with its values.
fn comparisons(of: SubjectType, measure: Measure, subjects: &[Subject]) -> String {
    either(allowed_operators(of, measure).map(|(word, operator)| {
        let not = if operator.allows_not() { r"(?:not\s+)?" } else { "" };
        match operator {
            Operator::Exists => format!("{not}{word}"),
            Operator::Contains => format!(r"{not}{word}\s+(?:{TEXT}|{FACT})"),
            Operator::Matches => format!(r"{not}{word}\s+{REGEX}"),
            Operator::In => {
                let value = operand(of, measure, operator, subjects);
                format!(r"{not}{word}\s+{value}(?:\s*,\s*{value})*")
            }
            _ => format!(r"{word}\s+{}", operand(of, measure, operator, subjects)),
        }
    }))
}

/// One value: a literal of the type, a fact, or a subject of a type that can be equal.
fn operand(of: SubjectType, measure: Measure, operator: Operator, subjects: &[Subject]) -> String {
    let of = if measure == Measure::Count { SubjectType::Integer(0, None) } else { of };
    let is_open = measure == Measure::Version || of.is_text() || of == SubjectType::Json;
    let literals = match of {
        // Text has no order, so these compare numbers.
        _ if is_open && measure != Measure::Version && operator.is_ordering() => vec![NUMBER.to_owned()],
        SubjectType::Region => quotable(REGION),
        // This also covers subjects.
        _ if is_open => return either([TEXT.to_owned(), FACT.to_owned()]),
        SubjectType::Duration => vec![DURATION.to_owned()],
        SubjectType::Bool => vec!["true".to_owned(), "false".to_owned()],
        SubjectType::OneOf(words) => words.iter().flat_map(|word| quotable(word)).collect(),
        _ if operator.is_ordering() => vec![NUMBER.to_owned()],
        _ => vec![NUMBER.to_owned(), RANGE.to_owned()],
    };
    let others = subjects.iter().filter(|other| of.compares_with(other.subject_type)).map(operand_term);
    either(literals.into_iter().chain(others).chain([FACT.to_owned()]))
}

/// A word, with or without quotation marks.
fn quotable(word: &str) -> Vec<String> {
    ["", "'", "\""].iter().map(|quote| format!("{quote}{word}{quote}")).collect()
}

pub fn either(alternatives: impl IntoIterator<Item = String>) -> String {
    format!("(?:{})", alternatives.into_iter().collect::<Vec<_>>().join("|"))
}
