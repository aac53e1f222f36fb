//! The right side of a condition, read as the type of the left side.

use regex_lite::Regex;

use super::{Measure, Operator, Subject, SubjectType, Term, syntax};
use crate::{
    Message, Scope, Template, Value, VersionNumber, suggest,
    template::{FactResolver, UnresolvedFact},
    unit,
};

#[derive(Clone, Debug)]
pub enum Operand {
    Value(Value),
    /// A word without quotation marks after `contains`: a text or, in a list of numbers, a number.
    BareWord(String),
    /// `200-299`, with both ends.
    Range(f64, f64),
    Subject(Term),
    /// The regular expression after `matches`.
    Pattern(Regex),
    Version(VersionNumber),
    /// Facts without values yet. In quotation marks, the value is always a text.
    Template {
        template: Template,
        quoted: bool,
    },
    /// A regular expression with facts, without values yet.
    PatternTemplate(Template),
    /// The value of a fact. It takes the type of the value that it is compared with.
    FactValue(String),
}

/// The condition around an operand.
pub(super) struct OperandContext<'a> {
    pub term: &'a Term,
    pub measure: Measure,
    pub operator: Operator,
    pub subjects: &'a [Subject],
    pub scope: &'a Scope,
    /// The whole condition, for messages that suggest how to write it.
    pub text: &'a str,
}

impl Operand {
    /// Its facts without values yet.
    pub fn template(&self) -> Option<&Template> {
        match self {
            Self::Template { template, .. } | Self::PatternTemplate(template) => Some(template),
            _ => None,
        }
    }

    /// Replaces its facts with their values. Also returns the text that a log may show.
    pub fn bind(&self, known: &dyn FactResolver, operator: Operator) -> Result<(Self, Option<String>), UnresolvedFact> {
        let Some(template) = self.template() else { return Ok((self.clone(), None)) };
        let escape = |value: String| if operator == Operator::Matches { escape_regex(&value) } else { value };
        let rendered = template.render_escaped(known, escape)?;
        let shown = rendered.to_string();
        let shown = (shown != template.to_string()).then_some(shown);
        let text = rendered.expose_secret().to_owned();
        let operand = match self {
            Self::Template { quoted: true, .. } => Self::Value(Value::Text(text)),
            // The parser has checked that this is a valid regular expression for any text in place of its facts.
            Self::PatternTemplate(_) => Regex::new(&text).map_or_else(|_| self.clone(), Self::Pattern),
            _ => Self::FactValue(text),
        };
        Ok((operand, shown))
    }
}

/// Escapes a text so that a regular expression matches it literally. `\<` and `\>` would be word boundaries.
fn escape_regex(text: &str) -> String {
    let special = |c: char| c.is_ascii_punctuation() && !matches!(c, '<' | '>');
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// Parses the operands of one condition, which are separated by commas.
pub(super) fn parse_operands(text: &str, context: &OperandContext<'_>) -> Result<Vec<Operand>, Message> {
    if context.operator == Operator::Matches {
        return Ok(vec![parse_pattern(text, context)?]);
    }
    let parts = split_at_commas(text)?;
    if parts.len() > 1 && context.operator != Operator::In {
        return Err("only `in` takes several values".into());
    }
    parts.iter().map(|part| parse_operand(part.trim(), context)).collect()
}

/// Splits at the commas that are outside quotation marks and braces.
fn split_at_commas(text: &str) -> Result<Vec<String>, Message> {
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
        return Err("a quotation mark is not closed".into());
    }
    parts.push(part);
    Ok(parts)
}

/// The text without its quotation marks, and whether it had them. Without quotation marks it must be one word.
fn unquote<'a>(text: &'a str, context: &OperandContext<'_>) -> Result<(&'a str, bool), Message> {
    if text.is_empty() {
        return Err("a value is missing".into());
    }
    if let Some(quote) = text.chars().next().filter(|quote| matches!(quote, '\'' | '"')) {
        return match text[1..].split_once(quote) {
            Some((inner, "")) => Ok((inner, true)),
            Some((_, rest)) => Err(syntax::joined_conditions_hint(context.text, context.operator)
                .unwrap_or_else(|| format!("{rest:?} follows the closing quotation mark"))
                .into()),
            None => Err("a quotation mark is not closed".into()),
        };
    }
    let is_duration = context.left_type() == SubjectType::Duration && humantime::parse_duration(text).is_ok();
    if syntax::has_space(text) && !is_duration {
        return Err(syntax::joined_conditions_hint(context.text, context.operator).map_or_else(
            || Message::did_you_mean("a text with spaces needs quotation marks", &format!("'{text}'")),
            Message::from,
        ));
    }
    Ok((text, false))
}

/// Parses the regular expression after `matches`.
fn parse_pattern(text: &str, context: &OperandContext<'_>) -> Result<Operand, Message> {
    let (text, _) = unquote(text.trim(), context)?;
    let regex =
        |text: &str| Regex::new(text).map_err(|error| Message::from(format!("not a regular expression: {error}")));
    if !text.contains("{{") {
        let regex = regex(text)?;
        // These texts have nothing in common, so a pattern that matches all of them matches any text.
        if ["", "x", "\u{1}\n\u{2}", "7 Ä"].iter().all(|text| regex.is_match(text)) {
            return Err("this matches every text, so the condition can never be false; use a stricter one".into());
        }
        return Ok(Operand::Pattern(regex));
    }
    let template = Template::parse(text, context.scope)?;
    let example = template.facts().fold(text.to_owned(), |text, _| match (text.find("{{"), text.find("}}")) {
        (Some(from), Some(to)) if from < to => format!("{}x{}", &text[..from], &text[to + 2..]),
        _ => text,
    });
    regex(&example).map(|_| Operand::PatternTemplate(template))
}

fn parse_operand(text: &str, context: &OperandContext<'_>) -> Result<Operand, Message> {
    let (inner, is_quoted) = unquote(text, context)?;
    if inner.contains("{{") {
        let template = Template::parse(inner, context.scope)?;
        return Ok(Operand::Template { template, quoted: is_quoted });
    }
    if context.operator == Operator::Contains {
        // `contains` always looks for a text.
        return match (inner, is_quoted) {
            ("", _) => Err("every text contains an empty text; the condition can never be false".into()),
            (_, true) => Ok(Operand::Value(Value::Text(inner.to_owned()))),
            (_, false) => Ok(Operand::BareWord(inner.to_owned())),
        };
    }
    if !is_quoted && context.subjects.iter().any(|subject| subject.matches(syntax::strip_version(inner))) {
        return parse_subject(inner, context);
    }
    context.parse_literal(inner, is_quoted)
}

/// Parses a subject on the right side. The two subjects must have types that can be equal.
fn parse_subject(word: &str, context: &OperandContext<'_>) -> Result<Operand, Message> {
    let (term, measure) = Term::parse(word, context.subjects)?;
    if measure == Measure::Version && context.measure != Measure::Version {
        let own = &context.term.text;
        return Err(Message::did_you_mean("a version is compared with a version", &format!("version({own})")));
    }
    if !context.left_type().compares_with(term.subject_type) {
        let own = context.left_side();
        return Err(format!(
            "{own} is {}, and `{word}` is {}; a text is written in quotation marks",
            context.left_type(),
            term.subject_type
        )
        .into());
    }
    Ok(Operand::Subject(term))
}

impl OperandContext<'_> {
    /// The type of the left side.
    fn left_type(&self) -> SubjectType {
        match self.measure {
            Measure::Count => SubjectType::Integer(0, None),
            Measure::Value | Measure::Version => self.term.subject_type,
        }
    }

    /// The left side, for a message.
    fn left_side(&self) -> String {
        let text = &self.term.text;
        if self.measure == Measure::Count { format!("`{text} count`") } else { format!("`{text}`") }
    }

    fn type_error(&self, text: &str, near: Option<&str>) -> Message {
        // The word may be a misspelt subject.
        let others = self.subjects.iter().filter(|it| !it.prefixed && it.subject_type.compares_with(self.left_type()));
        let near = near.or_else(|| suggest(text, others.map(|it| it.name)));
        let why = format!("{} is {}, not {text:?}", self.left_side(), self.left_type());
        Message::maybe_did_you_mean(why, near)
    }

    fn parse_literal(&self, text: &str, quoted: bool) -> Result<Operand, Message> {
        if self.measure == Measure::Version {
            let version = VersionNumber::parse(text);
            return version
                .map(Operand::Version)
                .ok_or_else(|| format!("{text:?} is not a version such as 1.10.0").into());
        }
        let kind = self.left_type();
        if text == "null" && !quoted {
            return match (kind, self.operator) {
                (SubjectType::Json, Operator::Equal | Operator::Unequal) => Ok(Operand::Value(Value::Null)),
                (SubjectType::Json, _) => Err("only == and != compare with null".into()),
                _ => Err(Message::did_you_mean("only JSON has null", &format!("{} not exists", self.term.text))),
            };
        }
        if !quoted && let Some((low, high)) = range_bounds(text) {
            return self.parse_range(text, low, high);
        }
        match kind {
            SubjectType::Integer(..) => self.parse_number(text, quoted).map(Operand::Value),
            SubjectType::Duration => self.parse_duration(text, quoted).map(Operand::Value),
            SubjectType::Bool => self.parse_bool(text, quoted).map(Operand::Value),
            SubjectType::OneOf(words) => self.parse_one_of(words, text).map(Operand::Value),
            SubjectType::Region if !is_region(text) => {
                let near = text.to_ascii_lowercase().replace('_', "-");
                Err(self.type_error(text, Some(near.as_str()).filter(|near| is_region(near))))
            }
            _ if self.operator.is_ordering() => self.parse_ordered(text, quoted).map(Operand::Value),
            SubjectType::Text | SubjectType::Name | SubjectType::Header | SubjectType::Region => {
                Ok(Operand::Value(Value::Text(text.to_owned())))
            }
            SubjectType::Json if quoted => Ok(Operand::Value(Value::Text(text.to_owned()))),
            SubjectType::Json => self.parse_json(text).map(Operand::Value),
        }
    }

    fn parse_range(&self, text: &str, low: f64, high: f64) -> Result<Operand, Message> {
        match self.left_type() {
            SubjectType::Text | SubjectType::Name | SubjectType::Region => {
                Err(format!("`{text}` is a range of numbers; put a text in quotation marks: '{text}'").into())
            }
            SubjectType::Duration | SubjectType::Bool | SubjectType::OneOf(_) => Err(self.type_error(text, None)),
            _ if !matches!(self.operator, Operator::In | Operator::Equal | Operator::Unequal) => {
                Err("a range goes with ==, != and in".into())
            }
            _ if low > high => Err(format!("the range {text} is empty").into()),
            _ => Ok(Operand::Range(low, high)),
        }
    }

    fn parse_number(&self, text: &str, quoted: bool) -> Result<Value, Message> {
        let number = parse_number(text).filter(|_| !quoted);
        let whole = |number: &Value| {
            matches!(number, Value::LargeInteger(_)) || matches!(number, Value::Number(it) if it.fract() == 0.0)
        };
        // For `<` and the like, values out of range are reported later, by the review of all conditions.
        let in_range = |number: &Value| self.operator.is_ordering() || self.left_type().includes(number);
        let fits = |number: &Value| whole(number) && in_range(number);
        number.filter(fits).ok_or_else(|| {
            let digits: String = text.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '-')).collect();
            let near = self::parse_number(&digits).filter(fits).map(|_| digits);
            self.type_error(text, near.as_deref().filter(|near| quoted || *near != text))
        })
    }

    fn parse_duration(&self, text: &str, quoted: bool) -> Result<Value, Message> {
        if let (Ok(span), false) = (humantime::parse_duration(text), quoted) {
            return Ok(Value::Duration(span));
        }
        let near = match (humantime::parse_duration(text), text.parse::<f64>()) {
            (Ok(_), _) => Some(text.to_owned()),
            // Durations without a unit are usually milliseconds, unless the number is small.
            (_, Ok(number)) if number >= 50.0 => Some(format!("{text}ms")),
            (_, Ok(_)) => Some(format!("{text}s")),
            _ => {
                let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
                unit::suggest_unit(text).filter(|_| !digits.is_empty()).map(|unit| format!("{digits}{unit}"))
            }
        };
        Err(self.type_error(text, near.as_deref()))
    }

    fn parse_bool(&self, text: &str, quoted: bool) -> Result<Value, Message> {
        match text.to_ascii_lowercase().as_str() {
            lower @ ("true" | "false") if !quoted && lower == text => Ok(Value::Bool(lower == "true")),
            "true" | "yes" | "on" | "1" => Err(self.type_error(text, Some("true"))),
            "false" | "no" | "off" | "0" => Err(self.type_error(text, Some("false"))),
            _ => Err(self.type_error(text, None)),
        }
    }

    fn parse_one_of(&self, words: &[&'static str], text: &str) -> Result<Value, Message> {
        if words.contains(&text) {
            return Ok(Value::Text(text.to_owned()));
        }
        let near = suggest(&text.to_ascii_uppercase(), words.iter().copied());
        Err(self.type_error(text, near))
    }

    /// Parses the operand of `<` and the like when the left side is a text or a JSON value.
    fn parse_ordered(&self, text: &str, quoted: bool) -> Result<Value, Message> {
        if let (Some(number), false) = (parse_number(text), quoted) {
            return Ok(number);
        }
        let (own, operator) = (&self.term.text, self.operator.as_str());
        if VersionNumber::parse(text).is_some() {
            let version = if parse_number(text).is_some() {
                format!(" or, for a number, `{own} {operator} {text}`")
            } else {
                String::new()
            };
            return Err(format!(
                "`{operator}` compares numbers; versions are compared with `version({own}) {operator} {text}`{version}"
            )
            .into());
        }
        if humantime::parse_duration(text).is_ok() {
            return Err(
                format!("`{own}` has no unit; compare it with a number in the unit that the service uses").into()
            );
        }
        Err(format!("`{operator}` compares numbers and durations, not the text {text:?}").into())
    }

    fn parse_json(&self, text: &str) -> Result<Value, Message> {
        let near = match text.to_ascii_lowercase().as_str() {
            lower @ ("true" | "false") if lower == text => return Ok(Value::Bool(lower == "true")),
            "true" => Some("true"),
            "false" => Some("false"),
            "null" | "none" | "nil" | "undefined" => Some("null"),
            _ => None,
        };
        if let Some(near) = near {
            let why = format!("JSON has no {text}; did you mean `{near}`? A text is written '{text}'");
            return Err(Message::from(why).with_suggestion(near));
        }
        match parse_number(text) {
            Some(number) => Ok(number),
            None if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+')) => {
                let why = format!("`{text}` is not a number; a text is written in quotation marks");
                Err(Message::did_you_mean(why, &format!("'{text}'")))
            }
            None => Ok(Value::Text(text.to_owned())),
        }
    }
}

/// Whether a text looks like the name of an AWS Region: `eu-west-1`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let mut parts: Vec<&str> = text.split('-').collect();
    let number = parts.pop().unwrap_or_default();
    parts.len() >= 2
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && parts.iter().all(|part| part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// The ends of `2xx` or `200-299`.
fn range_bounds(text: &str) -> Option<(f64, f64)> {
    if let Some(class) = text.strip_suffix("xx") {
        let class = class.parse::<u8>().ok().filter(|digit| (1..=5).contains(digit))?;
        return Some((f64::from(class) * 100.0, f64::from(class).mul_add(100.0, 99.0)));
    }
    let (low, high) = text.split_once('-')?;
    Some((low.parse().ok()?, high.parse().ok()?))
}

/// Parses a number. Words such as `inf` and `NaN` are not numbers here.
pub(super) fn parse_number(text: &str) -> Option<Value> {
    if !text.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    match text.parse() {
        Ok(whole) => Some(Value::from_integer(whole)),
        Err(_) => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Number),
    }
}
