//! The values of one subject that the search tries.

use std::time::Duration;

use super::{Comparison, Operand, Operator, SubjectType, Term};
use crate::{Value, VersionNumber, condition::operand::parse_number};

/// A value, or no value.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub value: Option<Value>,
    /// Whether it represents every text that no condition names.
    is_some_text: bool,
}

/// A text that nobody writes in a gate file.
const FILLER: &str = "\u{1}some\u{2}";

/// At most this many parts of texts are tried in all combinations.
const MAX_PARTS: usize = 6;

/// The longest list or header that is tried.
const MAX_LENGTH: usize = 1000;

impl Candidate {
    const fn exact(value: Value) -> Self {
        Self { value: Some(value), is_some_text: false }
    }

    const fn some_text(text: String) -> Self {
        Self { value: Some(Value::Text(text)), is_some_text: true }
    }

    pub const fn is_some_text(&self) -> bool {
        self.is_some_text
    }
}

/// The values in the conditions.
#[derive(Default)]
struct NamedValues {
    numbers: Vec<Value>,
    durations: Vec<Duration>,
    texts: Vec<String>,
    /// What a text or a list must contain.
    parts: Vec<String>,
    versions: Vec<VersionNumber>,
}

impl NamedValues {
    fn from_comparisons(comparisons: &[&Comparison]) -> Self {
        let mut named = Self::default();
        for comparison in comparisons {
            for operand in &comparison.operands {
                named.add(operand, comparison.operator == Operator::Contains);
            }
            for term in super::terms(comparison) {
                if let SubjectType::Integer(least, most) = term.subject_type {
                    named
                        .numbers
                        .extend([Some(least), most].into_iter().flatten().map(|it| Value::from_integer(it.into())));
                }
            }
        }
        named.texts.sort();
        named.texts.dedup();
        named.parts.sort();
        named.parts.dedup();
        named
    }

    fn add(&mut self, operand: &Operand, is_part: bool) {
        match operand {
            Operand::Value(Value::Text(text)) if is_part => self.parts.push(text.clone()),
            Operand::BareWord(text) => self.parts.push(text.clone()),
            Operand::Value(Value::Text(text)) => self.texts.push(text.clone()),
            Operand::Value(number @ (Value::Number(_) | Value::LargeInteger(_))) => self.numbers.push(number.clone()),
            Operand::Value(Value::Duration(span)) => self.durations.push(*span),
            Operand::Range(low, high) => self.numbers.extend([*low, *high].map(Value::Number)),
            Operand::Version(version) => self.versions.push(version.clone()),
            _ => {}
        }
    }

    /// The numbers with `around` neighbours on each side, and a number between each two of them.
    fn numbers_near(&self, around: usize) -> Vec<Value> {
        let steps = i32::try_from(around).unwrap_or(8).min(8);
        let mut values = vec![Value::Number(0.0), Value::Number(1.0)];
        for number in &self.numbers {
            match number {
                Value::Number(number) => {
                    values.extend((-steps..=steps).map(|step| Value::Number(number + f64::from(step))));
                    values.extend([number - 0.5, number + 0.5].map(Value::Number));
                }
                Value::LargeInteger(number) => {
                    values.extend((-steps..=steps).map(|step| Value::from_integer(number.saturating_add(step.into()))));
                }
                _ => {}
            }
        }
        let mut points: Vec<f64> =
            self.numbers.iter().filter_map(|it| if let Value::Number(it) = it { Some(*it) } else { None }).collect();
        points.sort_by(f64::total_cmp);
        values.extend(points.windows(2).map(|pair| Value::Number(f64::midpoint(pair[0], pair[1]))));
        values
    }

    /// The parts that a text must contain, in every combination.
    fn part_combinations(&self) -> Vec<Vec<String>> {
        let parts = &self.parts[..self.parts.len().min(MAX_PARTS)];
        let mut all: Vec<Vec<String>> = (0..1_usize << parts.len())
            .map(|set| {
                parts.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1).map(|(_, part)| part.clone()).collect()
            })
            .collect();
        if self.parts.len() > MAX_PARTS {
            all.extend(self.parts.iter().map(|part| vec![part.clone()]));
            all.push(self.parts.clone());
        }
        all
    }
}

/// The candidates for one subject of these comparisons.
pub(super) fn candidates_for(
    term: &Term,
    comparisons: &[&Comparison],
    subjects: usize,
    may_be_missing: bool,
) -> Vec<Candidate> {
    let named = NamedValues::from_comparisons(comparisons);
    let mut all = match term.subject_type {
        SubjectType::Integer(..) => named
            .numbers_near(subjects)
            .into_iter()
            .filter(|value| term.subject_type.includes(value))
            .map(Candidate::exact)
            .collect(),
        SubjectType::Duration => duration_candidates(&named, subjects),
        SubjectType::Bool => [true, false].map(|flag| Candidate::exact(Value::Bool(flag))).to_vec(),
        SubjectType::OneOf(words) => {
            words.iter().map(|word| Candidate::exact(Value::Text((*word).to_owned()))).collect()
        }
        SubjectType::Text | SubjectType::Name | SubjectType::Region | SubjectType::Header => {
            text_candidates(&named, term.subject_type)
        }
        SubjectType::Json => json_candidates(&named, subjects),
    };
    if term.subject_type == SubjectType::Header {
        let lengths = lengths(&named).filter(|length| (2..=MAX_LENGTH).contains(length));
        all.extend(
            lengths.map(|length| Candidate::exact(Value::Multiple(vec![Some(Value::Text(FILLER.to_owned())); length]))),
        );
    }
    if term.path.as_ref().is_some_and(crate::JsonPath::is_wildcard) {
        let one = |it: Candidate| Candidate { value: Some(Value::Multiple(vec![it.value])), ..it };
        all = all.into_iter().map(one).collect();
        all.extend([Vec::new(), vec![None]].map(|values| Candidate::exact(Value::Multiple(values))));
    } else if term.optional || may_be_missing {
        all.push(Candidate { value: None, is_some_text: false });
    }
    all
}

fn duration_candidates(named: &NamedValues, around: usize) -> Vec<Candidate> {
    let steps = (1..=around.min(8)).map(|step| Duration::from_nanos(step as u64));
    let steps: Vec<_> = steps.collect();
    let near = named.durations.iter().flat_map(|span| {
        let less = steps.iter().filter_map(|step| span.checked_sub(*step));
        let more = steps.iter().filter_map(|step| span.checked_add(*step));
        less.chain([*span]).chain(more).collect::<Vec<_>>()
    });
    near.chain([Duration::ZERO, Duration::from_secs(1)]).map(|span| Candidate::exact(Value::Duration(span))).collect()
}

fn text_candidates(named: &NamedValues, of: SubjectType) -> Vec<Candidate> {
    let text = |text: &str| Candidate::exact(Value::Text(text.to_owned()));
    let mut all: Vec<Candidate> = named.texts.iter().map(|it| text(it)).collect();
    let may_be_empty = matches!(of, SubjectType::Text | SubjectType::Header | SubjectType::Json);
    all.retain(|it| may_be_empty || it.value != Some(Value::Text(String::new())));
    if may_be_empty {
        all.push(text(""));
    }
    if of == SubjectType::Region {
        all.push(Candidate::some_text("some-region-1".to_owned()));
    } else {
        all.extend(
            named
                .part_combinations()
                .into_iter()
                .map(|parts| Candidate::some_text(format!("{}{FILLER}", parts.join(FILLER)))),
        );
        // The part alone, because a condition may compare it for equality.
        all.extend(named.parts.iter().map(|it| text(it)));
        all.extend(named.numbers_near(1).iter().map(|number| Candidate::some_text(number.to_string())));
        all.push(Candidate::some_text("0".to_owned()));
        for version in &named.versions {
            all.extend([version.to_string(), version.next(), version.previous()].map(Candidate::some_text));
        }
    }
    all
}

fn json_candidates(named: &NamedValues, around: usize) -> Vec<Candidate> {
    let mut all = text_candidates(named, SubjectType::Json);
    all.extend(named.numbers_near(around).into_iter().map(Candidate::exact));
    all.extend([Value::Bool(true), Value::Bool(false), Value::Null].map(Candidate::exact));
    let item = |part: String| parse_number(&part).unwrap_or(Value::Text(part));
    for parts in named.part_combinations() {
        all.push(Candidate::exact(Value::List(parts.iter().cloned().map(Value::Text).collect())));
        all.push(Candidate::exact(Value::List(parts.into_iter().map(item).collect())));
    }
    for length in lengths(named) {
        all.push(Candidate::exact(Value::Map(length)));
    }
    for length in lengths(named).filter(|length| *length <= MAX_LENGTH) {
        let mut items: Vec<Value> = named.parts.iter().cloned().map(Value::Text).collect();
        if length >= items.len() {
            items.resize(length, Value::Text(FILLER.to_owned()));
            all.push(Candidate::exact(Value::List(items)));
        }
    }
    all
}

/// The lengths that a list, a map or a header is tried with.
fn lengths(named: &NamedValues) -> impl Iterator<Item = usize> + use<> {
    let whole = |value: Value| match value {
        #[expect(clippy::cast_possible_truncation, reason = "a length fits, and any other number is dropped")]
        Value::Number(number) if number.fract() == 0.0 => Some(number as i128),
        Value::LargeInteger(number) => Some(number),
        _ => None,
    };
    let lengths = named.numbers_near(1).into_iter().filter_map(whole);
    let mut lengths: Vec<usize> = lengths.filter_map(|length| usize::try_from(length).ok()).collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths.into_iter()
}
