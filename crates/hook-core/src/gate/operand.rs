//! What stands on the right of a condition's operator.

use regex_lite::Regex;

use super::{
    Scope, Subject, Template, Value,
    condition::Operator,
    template::{Known, Unknown},
    unit,
};

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
    /// Facts, not known yet. What stood in quotation marks is a text in any case.
    Template {
        /// What to fill in.
        template: Template,
        /// Whether it stood in quotation marks.
        quoted: bool,
    },
    /// Facts in what `matches` compares with, not known yet.
    PatternOf(Template),
    /// The value of a fact, whose type is that of what it is compared with.
    Fact(String),
}

impl Operand {
    /// The facts in it that are not known yet.
    pub fn template(&self) -> Option<&Template> {
        match self {
            Self::Template { template, .. } | Self::PatternOf(template) => Some(template),
            _ => None,
        }
    }

    /// Itself with the values of its facts, and what may be told of them.
    pub fn rendered(&self, known: &dyn Known, operator: Operator) -> Result<(Self, Option<String>), Unknown> {
        let Some(template) = self.template() else { return Ok((self.clone(), None)) };
        let escape = |value: String| if operator == Operator::Matches { escaped(&value) } else { value };
        let rendered = template.render_as(known, escape)?;
        let shown = rendered.to_string();
        let shown = (shown != template.to_string()).then_some(shown);
        let text = rendered.reveal().to_owned();
        let operand = match self {
            Self::Template { quoted: true, .. } => Self::Value(Value::Text(text)),
            // That it is a regular expression with any text for its facts was seen when the file was read.
            Self::PatternOf(_) => Regex::new(&text).map_or_else(|_| self.clone(), Self::Pattern),
            // Greater and smaller are about numbers, also where a header brings its own as text.
            _ if operator.orders() => Self::Value(literal(&text).unwrap_or(Value::Text(text))),
            _ => Self::Fact(text),
        };
        Ok((operand, shown))
    }
}

/// A text that a regular expression takes literally.
fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            (!c.is_alphanumeric() && c.is_ascii() && !c.is_ascii_whitespace()).then_some('\\').into_iter().chain([c])
        })
        .collect()
}

/// The regular expression after `matches`.
pub fn pattern(text: &str, scope: &Scope) -> Result<Operand, String> {
    let text = unquote(text.trim()).unwrap_or(text);
    let regex = |text: &str| Regex::new(text).map_err(|error| format!("not a regular expression: {error}"));
    if !text.contains("{{") {
        return regex(text).map(Operand::Pattern);
    }
    let template = Template::parse(text, scope)?;
    let example = template.facts().fold(text.to_owned(), |text, _| match (text.find("{{"), text.find("}}")) {
        (Some(from), Some(to)) if from < to => format!("{}x{}", &text[..from], &text[to + 2..]),
        _ => text,
    });
    regex(&example).map(|_| Operand::PatternOf(template))
}

fn unquote(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    text.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.contains(quote))
}

/// Literals and subjects, separated by commas.
pub fn operands(text: &str, subjects: &[&Subject], scope: &Scope) -> Result<Vec<Operand>, String> {
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
    parts.iter().map(|part| operand(part.trim(), subjects, scope)).collect()
}

fn operand(text: &str, subjects: &[&Subject], scope: &Scope) -> Result<Operand, String> {
    if text.contains("{{") {
        let (text, quoted) = unquote(text).map_or((text, false), |inner| (inner, true));
        return Template::parse(text, scope).map(|template| Operand::Template { template, quoted });
    }
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
    literal(text).map(Operand::Value)
}

/// A literal without quotation marks.
pub fn literal(text: &str) -> Result<Value, String> {
    Ok(match text {
        "true" => Value::Flag(true),
        "false" => Value::Flag(false),
        _ => {
            let plain = text.strip_suffix('%').unwrap_or(text);
            let begins = plain.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+');
            match (plain.parse::<f64>(), humantime::parse_duration(text)) {
                (Ok(number), _) if begins => Value::Number(number),
                (_, Ok(span)) => Value::Span(span),
                _ if begins => return Err(no_literal(text)),
                _ => Value::Text(text.to_owned()),
            }
        }
    })
}

fn no_literal(text: &str) -> String {
    match unit::near(text) {
        Some(near) => format!("`{text}` has an unknown unit; did you mean `{near}`?"),
        None => format!("`{text}` is no number, length of time or range; put a text in quotation marks"),
    }
}
