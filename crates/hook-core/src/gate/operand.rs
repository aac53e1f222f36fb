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

/// A text that a regular expression takes literally. `\<` and `\>` would be the bounds of a word.
fn escaped(text: &str) -> String {
    let special = |c: char| c.is_ascii_punctuation() && !matches!(c, '<' | '>');
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
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

/// Literals and subjects, separated by commas. With `is_text` every literal is a text.
pub fn operands(text: &str, subjects: &[&Subject], scope: &Scope, is_text: bool) -> Result<Vec<Operand>, String> {
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
    parts.iter().map(|part| operand(part.trim(), subjects, scope, is_text)).collect()
}

fn operand(text: &str, subjects: &[&Subject], scope: &Scope, is_text: bool) -> Result<Operand, String> {
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
    match range(text) {
        Some(_) if is_text => Err(format!("`{text}` is a range of numbers; put a text in quotation marks")),
        Some((low, high)) if low > high => Err(format!("the range {text} is empty")),
        Some((low, high)) => Ok(Operand::Range(low, high)),
        None if is_text => Ok(Operand::Value(Value::Text(text.to_owned()))),
        None => literal(text).map(Operand::Value),
    }
}

/// `2xx` or `200-299`.
fn range(text: &str) -> Option<(f64, f64)> {
    if let Some(class) = text.strip_suffix("xx") {
        let class = class.parse::<u8>().ok().filter(|digit| (1..=5).contains(digit))?;
        return Some((f64::from(class) * 100.0, f64::from(class).mul_add(100.0, 99.0)));
    }
    let (low, high) = text.split_once('-')?;
    Some((low.parse().ok()?, high.parse().ok()?))
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
                _ if let Ok(whole) = plain.parse() => Value::whole(whole),
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
