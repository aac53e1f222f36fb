//! What stands on the right of a condition's operator.

use regex_lite::Regex;

use super::{Subject, Value};

/// One of them.
#[derive(Clone, Debug)]
pub enum Operand {
    /// A literal.
    Value(Value),
    /// `200-299`, both ends included.
    Range(f64, f64),
    /// Another subject.
    Subject(String),
    /// What `matches` compares with.
    Pattern(Regex),
}

/// The regular expression after `matches`.
pub fn pattern(text: &str) -> Result<Operand, String> {
    let text = unquote(text.trim()).unwrap_or(text);
    Regex::new(text).map(Operand::Pattern).map_err(|error| format!("not a regular expression: {error}"))
}

fn unquote(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    text.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.contains(quote))
}

/// Literals and subjects, separated by commas.
pub fn operands(text: &str, subjects: &[Subject]) -> Result<Vec<Operand>, String> {
    let mut parts = Vec::new();
    let (mut quote, mut part) = (None, String::new());
    for c in text.chars() {
        match (quote, c) {
            (None, ',') => parts.push(std::mem::take(&mut part)),
            (None, '\'' | '"') if part.trim().is_empty() => {
                quote = Some(c);
                part.push(c);
            }
            (Some(open), _) if open == c => {
                quote = None;
                part.push(c);
            }
            _ => part.push(c),
        }
    }
    if quote.is_some() {
        return Err("a quotation mark is not closed".to_owned());
    }
    parts.push(part);
    parts.iter().map(|part| operand(part.trim(), subjects)).collect()
}

fn operand(text: &str, subjects: &[Subject]) -> Result<Operand, String> {
    if let Some(inner) = unquote(text) {
        return Ok(Operand::Value(Value::Text(inner.to_owned())));
    }
    if text.is_empty() {
        return Err("a value is missing".to_owned());
    }
    if subjects.iter().any(|subject| subject.is(text)) {
        return Ok(Operand::Subject(text.to_owned()));
    }
    if let Some(class) =
        text.strip_suffix("xx").and_then(|digit| digit.parse::<u8>().ok()).filter(|digit| (1..=5).contains(digit))
    {
        return Ok(Operand::Range(f64::from(class) * 100.0, f64::from(class).mul_add(100.0, 99.0)));
    }
    if let Some((low, high)) =
        text.split_once('-').and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)))
    {
        return if low <= high { Ok(Operand::Range(low, high)) } else { Err(format!("the range {text} is empty")) };
    }
    Ok(Operand::Value(match text {
        "true" => Value::Flag(true),
        "false" => Value::Flag(false),
        _ => {
            let plain = text.strip_suffix('%').unwrap_or(text);
            let begins = plain.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+');
            match (plain.parse::<f64>(), humantime::parse_duration(text)) {
                (Ok(number), _) if begins => Value::Number(number),
                (_, Ok(span)) => Value::Span(span),
                _ if begins => {
                    return Err(format!(
                        "`{text}` is no number, length of time or range; put a text in quotation marks"
                    ));
                }
                _ => Value::Text(text.to_owned()),
            }
        }
    }))
}
