//! `metric:`: a number computed from CloudWatch metrics of both versions, such as `100 * green.http_5xx /
//! green.requests`. It is parsed and validated, but rejected: this version cannot compute it.

use std::time::Duration;

use lifecycle::Colour;

use super::{Kind, KindReader, PollPolicy};
use crate::{MapReader, Message, Subject, reason_code::ReasonCode, suggest};

pub(super) const KIND: KindReader = KindReader { key: "metric", read };

const SUBJECTS: &[Subject] = &[Subject::number("value", ReasonCode::AlarmFiring)];

/// The metrics of a load balancer for a target group.
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

/// Deeper than any sensible formula. A limit is needed because parsing is recursive.
const MAX_DEPTH: usize = 20;

fn read(fields: &mut MapReader<'_>) -> Option<Kind> {
    let text = fields.string("metric").filter(|_| fields.has("metric")).unwrap_or_default();
    if fields.has("metric")
        && let Err(why) = parse_formula(&text)
    {
        fields.error(fields.position_of("metric"), why);
    }
    // CloudWatch has one data point per minute.
    PollPolicy::read(fields, &PollPolicy { every: Duration::from_secs(60), ..PollPolicy::SINGLE_ATTEMPT });
    fields.expect_required(SUBJECTS);
    fields.error_not_supported(KIND.key);
    None
}

/// Checks that a text is a formula over the metrics.
fn parse_formula(text: &str) -> Result<(), Message> {
    let mut tokens = FormulaTokens { rest: text };
    parse_sum(&mut tokens, 0)?;
    match tokens.next() {
        None => Ok(()),
        Some(word) => Err(format!(
            "`metric`: {word:?} is unexpected here; a formula consists of + - * / ( ), numbers and metrics"
        )
        .into()),
    }
}

struct FormulaTokens<'a> {
    rest: &'a str,
}

impl<'a> FormulaTokens<'a> {
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

fn parse_sum(tokens: &mut FormulaTokens<'_>, depth: usize) -> Result<(), Message> {
    if depth > MAX_DEPTH {
        return Err("`metric`: the formula is nested too deeply".into());
    }
    loop {
        parse_factor(tokens, depth)?;
        if !matches!(tokens.peek(), Some("+" | "-" | "*" | "/")) {
            return Ok(());
        }
        tokens.next();
    }
}

fn parse_factor(tokens: &mut FormulaTokens<'_>, depth: usize) -> Result<(), Message> {
    let Some(word) = tokens.next() else {
        return Err("`metric`: the formula ends where a number or a metric such as green.requests should be".into());
    };
    match word {
        "(" => {
            parse_sum(tokens, depth + 1)?;
            if tokens.next() == Some(")") { Ok(()) } else { Err("`metric`: a parenthesis is not closed".into()) }
        }
        number if number.starts_with(|c: char| c.is_ascii_digit()) => match number.parse::<f64>() {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("`metric`: {number:?} is not a number").into()),
        },
        name => parse_metric(name),
    }
}

fn parse_metric(name: &str) -> Result<(), Message> {
    let known: Vec<String> = Colour::VARIANTS
        .iter()
        .flat_map(|(colour, _)| METRICS.iter().map(move |metric| format!("{colour}.{metric}")))
        .collect();
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(match suggest(name, known.iter().map(String::as_str)) {
        Some(near) => {
            Message::from(format!("`metric`: {name:?} is not a metric; did you mean {near}?")).with_suggestion(near)
        }
        None => {
            format!("`metric`: {name:?} is not a metric; the metrics are green. or blue. with {}", METRICS.join(", "))
                .into()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_over_metrics() {
        for text in ["100 * green.http_5xx / green.requests", "(green.response_time - blue.response_time)*2", "1"] {
            assert_eq!(parse_formula(text), Ok(()), "{text}");
        }
        let faults = ["", "green.reqests", "1 +", "(1", "1 2", "1.2.3", "purple", "%", &"(".repeat(100)];
        insta::assert_snapshot!(faults.map(|text| parse_formula(text).unwrap_err().to_string()).join("\n"));
    }
}
