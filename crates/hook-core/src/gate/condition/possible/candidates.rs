//! The values of one subject that are worth a trial.

use std::time::Duration;

use super::{Comparison, Operand, Operator, Term, Type};
use crate::gate::{Value, VersionNumber, condition::operand::number};

/// A value, or that there is none.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub value: Option<Value>,
    /// Whether it stands for any text that no condition names.
    is_some_text: bool,
}

/// A text that nobody writes.
const SOME: &str = "\u{1}some\u{2}";

/// All combinations of so many parts of texts are tried, at most.
const MAX_PARTS: usize = 6;

/// Lists and headers of at most this length are made up.
const MAX_LENGTH: usize = 1000;

impl Candidate {
    const fn named(value: Value) -> Self {
        Self { value: Some(value), is_some_text: false }
    }

    const fn some_text(text: String) -> Self {
        Self { value: Some(Value::Text(text)), is_some_text: true }
    }

    pub const fn is_some_text(&self) -> bool {
        self.is_some_text
    }
}

/// What the conditions name.
#[derive(Default)]
struct Named {
    numbers: Vec<Value>,
    spans: Vec<Duration>,
    texts: Vec<String>,
    /// What has to be in a text or a list.
    parts: Vec<String>,
    versions: Vec<VersionNumber>,
}

impl Named {
    fn of(comparisons: &[&Comparison]) -> Self {
        let mut named = Self::default();
        for comparison in comparisons {
            for operand in &comparison.operands {
                named.add(operand, comparison.operator == Operator::Contains);
            }
            for term in super::terms(comparison) {
                if let Type::Whole(least, most) = term.of {
                    named.numbers.extend([Some(least), most].into_iter().flatten().map(|it| Value::whole(it.into())));
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
            Operand::Word(text) => self.parts.push(text.clone()),
            Operand::Value(Value::Text(text)) => self.texts.push(text.clone()),
            Operand::Value(number @ (Value::Number(_) | Value::Whole(_))) => self.numbers.push(number.clone()),
            Operand::Value(Value::Span(span)) => self.spans.push(*span),
            Operand::Range(low, high) => self.numbers.extend([*low, *high].map(Value::Number)),
            Operand::Version(version) => self.versions.push(version.clone()),
            _ => {}
        }
    }

    /// The numbers with `around` neighbours on each side, and what lies between them.
    fn around(&self, around: usize) -> Vec<Value> {
        let steps = i32::try_from(around).unwrap_or(8).min(8);
        let mut values = vec![Value::Number(0.0), Value::Number(1.0)];
        for number in &self.numbers {
            match number {
                Value::Number(number) => {
                    values.extend((-steps..=steps).map(|step| Value::Number(number + f64::from(step))));
                    values.extend([number - 0.5, number + 0.5].map(Value::Number));
                }
                Value::Whole(number) => {
                    values.extend((-steps..=steps).map(|step| Value::whole(number.saturating_add(step.into()))));
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

    /// The parts that have to be in a text, in every combination.
    fn combined(&self) -> Vec<Vec<String>> {
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

/// The candidates for one subject among these comparisons.
pub(super) fn of(term: &Term, comparisons: &[&Comparison], subjects: usize, may_be_missing: bool) -> Vec<Candidate> {
    let named = Named::of(comparisons);
    let mut all = match term.of {
        Type::Whole(..) | Type::Number | Type::Percent => {
            named.around(subjects).into_iter().filter(|value| term.of.includes(value)).map(Candidate::named).collect()
        }
        Type::Duration => spans(&named, subjects),
        Type::Flag => [true, false].map(|flag| Candidate::named(Value::Flag(flag))).to_vec(),
        Type::OneOf(words) => words.iter().map(|word| Candidate::named(Value::Text((*word).to_owned()))).collect(),
        Type::Text | Type::Name | Type::Region | Type::Header => texts(&named, term.of),
        Type::Json => json(&named, subjects),
    };
    if term.of == Type::Header {
        let lengths = lengths(&named).filter(|length| (2..=MAX_LENGTH).contains(length));
        all.extend(
            lengths.map(|length| Candidate::named(Value::Every(vec![Some(Value::Text(SOME.to_owned())); length]))),
        );
    }
    if term.path.as_ref().is_some_and(crate::gate::JsonPath::is_every) {
        let one = |it: Candidate| Candidate { value: Some(Value::Every(vec![it.value])), ..it };
        all = all.into_iter().map(one).collect();
        all.extend([Vec::new(), vec![None]].map(|values| Candidate::named(Value::Every(values))));
    } else if term.optional || may_be_missing {
        all.push(Candidate { value: None, is_some_text: false });
    }
    all
}

fn spans(named: &Named, around: usize) -> Vec<Candidate> {
    let steps = (1..=around.min(8)).map(|step| Duration::from_nanos(step as u64));
    let steps: Vec<_> = steps.collect();
    let near = named.spans.iter().flat_map(|span| {
        let less = steps.iter().filter_map(|step| span.checked_sub(*step));
        let more = steps.iter().filter_map(|step| span.checked_add(*step));
        less.chain([*span]).chain(more).collect::<Vec<_>>()
    });
    near.chain([Duration::ZERO, Duration::from_secs(1)]).map(|span| Candidate::named(Value::Span(span))).collect()
}

fn texts(named: &Named, of: Type) -> Vec<Candidate> {
    let text = |text: &str| Candidate::named(Value::Text(text.to_owned()));
    let mut all: Vec<Candidate> = named.texts.iter().map(|it| text(it)).collect();
    let may_be_empty = matches!(of, Type::Text | Type::Header | Type::Json);
    all.retain(|it| may_be_empty || it.value != Some(Value::Text(String::new())));
    if may_be_empty {
        all.push(text(""));
    }
    if of == Type::Region {
        all.push(Candidate::some_text("some-region-1".to_owned()));
    } else {
        all.extend(
            named.combined().into_iter().map(|parts| Candidate::some_text(format!("{}{SOME}", parts.join(SOME)))),
        );
        // The part alone, for who wants it to be equal to something.
        all.extend(named.parts.iter().map(|it| text(it)));
        all.extend(named.around(1).iter().map(|number| Candidate::some_text(number.to_string())));
        all.push(Candidate::some_text("0".to_owned()));
        for version in &named.versions {
            all.extend([version.to_string(), version.next(), version.previous()].map(Candidate::some_text));
        }
    }
    all
}

fn json(named: &Named, around: usize) -> Vec<Candidate> {
    let mut all = texts(named, Type::Json);
    all.extend(named.around(around).into_iter().map(Candidate::named));
    all.extend([Value::Flag(true), Value::Flag(false), Value::Null].map(Candidate::named));
    let item = |part: String| number(&part).unwrap_or(Value::Text(part));
    for parts in named.combined() {
        all.push(Candidate::named(Value::List(parts.iter().cloned().map(Value::Text).collect())));
        all.push(Candidate::named(Value::List(parts.into_iter().map(item).collect())));
    }
    for length in lengths(named) {
        all.push(Candidate::named(Value::Map(length)));
    }
    for length in lengths(named).filter(|length| *length <= MAX_LENGTH) {
        let mut items: Vec<Value> = named.parts.iter().cloned().map(Value::Text).collect();
        if length >= items.len() {
            items.resize(length, Value::Text(SOME.to_owned()));
            all.push(Candidate::named(Value::List(items)));
        }
    }
    all
}

/// The numbers that there can be of something.
fn lengths(named: &Named) -> impl Iterator<Item = usize> + use<> {
    let whole = |value: Value| match value {
        #[expect(clippy::cast_possible_truncation, reason = "it is a length, or is left out")]
        Value::Number(number) if number.fract() == 0.0 => Some(number as i128),
        Value::Whole(number) => Some(number),
        _ => None,
    };
    let lengths = named.around(1).into_iter().filter_map(whole);
    let mut lengths: Vec<usize> = lengths.filter_map(|length| usize::try_from(length).ok()).collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths.into_iter()
}
