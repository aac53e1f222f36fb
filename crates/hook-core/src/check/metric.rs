//! `metric:`: a number that CloudWatch's metrics of the two versions make together, such as `100 * green.http_5xx /
//! green.requests`. Read and validated, and refused: this version cannot make it.

use std::{sync::Arc, time::Duration};

use super::{Check, Colour, Kind, poll::Pace};
use crate::{
    code::Code,
    gate::{Fields, Subject, suggest},
};

pub const KIND: Kind = Kind { key: "metric", read };

const SUBJECTS: &[Subject] = &[Subject::number("value", Code::AlarmFiring)];

/// What a load balancer counts for a target group.
const METRICS: [&str; 8] = [
    "requests",
    "http_2xx",
    "http_3xx",
    "http_4xx",
    "http_5xx",
    "connection_errors",
    "response_time",
    "requests_per_target",
];

/// Deeper than any sensible formula; it is read by recursion.
const MAX_DEPTH: usize = 20;

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let text = fields.text("metric").filter(|_| fields.has("metric")).unwrap_or_default();
    if fields.has("metric")
        && let Err(why) = formula(&text)
    {
        fields.fault(fields.place_of("metric"), why);
    }
    // CloudWatch has a point a minute.
    Pace::read(fields, &Pace { every: Duration::from_secs(60), ..Pace::ONCE });
    fields.expect_some(SUBJECTS);
    fields.not_supported(KIND.key);
    None
}

/// Whether a text is a formula over the metrics.
fn formula(text: &str) -> Result<(), String> {
    let mut words = Words { rest: text };
    sum(&mut words, 0)?;
    match words.next() {
        None => Ok(()),
        Some(word) => {
            Err(format!("`metric`: {word:?} does not follow here; a formula has + - * / ( ), numbers and metrics"))
        }
    }
}

struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        let first = rest.chars().next()?;
        let word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_');
        let end = if word(first) { rest.find(|c| !word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        Some(&rest[..end])
    }

    fn next(&mut self) -> Option<&'a str> {
        let word = self.peek()?;
        self.rest = &self.rest.trim_start()[word.len()..];
        Some(word)
    }
}

fn sum(words: &mut Words<'_>, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("`metric`: the formula is nested too deeply".to_owned());
    }
    loop {
        factor(words, depth)?;
        if !matches!(words.peek(), Some("+" | "-" | "*" | "/")) {
            return Ok(());
        }
        words.next();
    }
}

fn factor(words: &mut Words<'_>, depth: usize) -> Result<(), String> {
    let Some(word) = words.next() else {
        return Err("`metric`: the formula ends where a number or a metric such as green.requests should be".to_owned());
    };
    match word {
        "(" => {
            sum(words, depth + 1)?;
            if words.next() == Some(")") { Ok(()) } else { Err("`metric`: a parenthesis is not closed".to_owned()) }
        }
        number if number.starts_with(|c: char| c.is_ascii_digit()) => match number.parse::<f64>() {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("`metric`: {number:?} is no number")),
        },
        name => metric(name),
    }
}

fn metric(name: &str) -> Result<(), String> {
    let known: Vec<String> = Colour::WORDS
        .iter()
        .flat_map(|(colour, _)| METRICS.iter().map(move |metric| format!("{colour}.{metric}")))
        .collect();
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(match suggest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("`metric`: {name:?} is not a metric; did you mean {near}?"),
        None => format!("`metric`: {name:?} is not a metric; there are green. and blue. with {}", METRICS.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_over_metrics() {
        for text in ["100 * green.http_5xx / green.requests", "(green.response_time - blue.response_time)*2", "1"] {
            assert_eq!(formula(text), Ok(()), "{text}");
        }
        let faults = ["", "green.reqests", "1 +", "(1", "1 2", "1.2.3", "purple", "%", &"(".repeat(100)];
        insta::assert_snapshot!(faults.map(|text| formula(text).unwrap_err()).join("\n"));
    }
}
