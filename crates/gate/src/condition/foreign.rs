//! Conditions as other tools write them. `foreign_words` does the same for keys.

use super::{Comparison, Subject, operator::synonym, syntax};
use crate::{Message, Scope, YamlValue, yaml_writer::to_flow_line};

/// A subject of another tool.
struct ForeignSubject {
    word: &'static str,
    /// The end of a sentence that starts with the word.
    why: &'static str,
    /// Our subject, if the word stands alone.
    alone: Option<&'static str>,
    /// Our subject, if a path follows.
    with_path: Option<&'static str>,
}

const GATUS: &str = "is a placeholder of Gatus";
const K6: &str = "is JavaScript, as in k6";
const OTHER: &str = "is the word of other tools";

const FOREIGN_SUBJECTS: &[ForeignSubject] = &[
    row("[STATUS]", GATUS, Some("status"), None),
    row("[RESPONSE_TIME]", GATUS, Some("latency"), None),
    row("[BODY]", GATUS, Some("body"), Some("json")),
    row("body", "is a text without parts; its JSON is `json`", None, Some("json")),
    row("headers", "is not a subject; one header is `header.NAME`", None, Some("header")),
    row("result", "is the word of Argo Rollouts", Some("json"), Some("json")),
    row("r.status", K6, Some("status"), None),
    row("r.timings.duration", K6, Some("latency"), None),
    row("r.json()", K6, Some("json"), Some("json")),
    row("r.body", K6, Some("body"), Some("json")),
    row("r.headers", K6, None, Some("header")),
    row("http_req_duration", "is a metric of k6", Some("latency"), None),
    row("status_code", OTHER, Some("status"), None),
    row("statusCode", OTHER, Some("status"), None),
    row("response_time", OTHER, Some("latency"), None),
    row("responseTime", OTHER, Some("latency"), None),
    row("duration", OTHER, Some("latency"), None),
];

/// Names of a response in JavaScript. The table has the first one.
const RESPONSE_NAMES: [&str; 3] = ["r.", "res.", "response."];

/// Whole conditions without an equivalent subject.
const FOREIGN_CONDITIONS: [(&str, &str, &str); 1] = [("[CONNECTED] == true", GATUS, "latency < 5s")];

const fn row(
    word: &'static str,
    why: &'static str,
    alone: Option<&'static str>,
    with_path: Option<&'static str>,
) -> ForeignSubject {
    ForeignSubject { word, why, alone, with_path }
}

/// Explains a condition of another tool, if it has a translation on these subjects.
pub fn explain(text: &str, subjects: &[Subject], scope: &Scope) -> Option<Message> {
    let (why, condition) = translate_in(text, subjects, scope)?;
    // In a list between brackets, a comma or a brace needs quotation marks.
    Some(Message::write_instead(why, &to_flow_line(&YamlValue::Text(condition))))
}

/// What is not ours in a condition, and the same condition in our words.
pub fn translate(text: &str, subjects: &'static [Subject]) -> Option<(String, String)> {
    translate_in(text, subjects, &Scope::default())
}

fn translate_in(text: &str, subjects: &[Subject], scope: &Scope) -> Option<(String, String)> {
    let text = text.trim();
    let is_ours = |condition: &String| Comparison::parse(condition, subjects, scope).is_ok();
    let whole = FOREIGN_CONDITIONS.iter().find(|(theirs, ..)| text == *theirs);
    let (why, condition) = match whole {
        Some((theirs, why, ours)) => {
            (format!("`{}` {why}", theirs.split(' ').next().unwrap_or_default()), (*ours).to_owned())
        }
        None => translate_comparison(text)?,
    };
    is_ours(&condition).then(|| (format!("`{text}`: {why}"), condition))
}

fn translate_comparison(text: &str) -> Option<(String, String)> {
    let (left, rest) = syntax::split_subject(text);
    let (symbol, value) = syntax::split_word(rest);
    let symbol = synonym(symbol).unwrap_or(symbol);
    let is_negated = symbol == "!=";
    let argument = |function: &str| left.strip_prefix(function)?.strip_prefix('(')?.strip_suffix(')');
    let (inner, of) = match (argument("len"), argument("has")) {
        (Some(inner), _) => (inner, "len"),
        (_, Some(inner)) => (inner, "has"),
        _ => (left, ""),
    };
    let (word, row, subject) = translate_subject(inner.trim())?;
    let why = format!("`{word}` {}", row.why);
    let not = |is_negated: bool| if is_negated { "not " } else { "" };
    let condition = match of {
        "len" => format!("{subject} count {symbol} {value}"),
        "has" => format!("{subject} {}exists", not((value == "false") != is_negated)),
        _ => {
            let call = |function: &str| value.strip_prefix(function)?.strip_prefix('(')?.strip_suffix(')');
            if let Some(values) = call("any") {
                format!("{subject} {}in {values}", not(is_negated))
            } else if let Some(pattern) = call("pat") {
                format!("{subject} {}{}", not(is_negated), translate_pattern(pattern))
            } else {
                format!("{subject} {symbol} {}", translate_value(value, &subject))
            }
        }
    };
    Some((why, condition.trim().to_owned()))
}

/// The row of a subject of another tool, the word in the text, and the subject in our words.
fn translate_subject(text: &str) -> Option<(&str, &'static ForeignSubject, String)> {
    let response = RESPONSE_NAMES.iter().find_map(|name| text.strip_prefix(name));
    let plain = response.map_or_else(|| text.to_owned(), |rest| format!("{}{rest}", RESPONSE_NAMES[0]));
    let split = |row: &'static ForeignSubject| {
        let path = plain.strip_prefix(row.word)?;
        let ours = match path.chars().next() {
            None => row.alone,
            Some('.' | '[') => row.with_path,
            Some(_) => None,
        }?;
        let word = text.strip_suffix(path).unwrap_or(text);
        Some((word, row, format!("{ours}{path}")))
    };
    FOREIGN_SUBJECTS.iter().find_map(split)
}

/// Gatus's pattern, in which a star stands for any text.
fn translate_pattern(pattern: &str) -> String {
    let inner = pattern.trim_matches('*');
    let is_quoted = |text: &str| format!("'{}'", text.replace('\'', "."));
    if pattern.len() == inner.len() + 2 && !inner.contains('*') {
        return format!("contains {}", is_quoted(inner));
    }
    let escaped = |c: char| match c {
        '*' => ".*".to_owned(),
        c if c.is_ascii_punctuation() && !matches!(c, '<' | '>' | '\'') => format!("\\{c}"),
        c => c.to_string(),
    };
    format!("matches {}", is_quoted(&format!("^{}$", pattern.chars().map(escaped).collect::<String>())))
}

fn translate_value(value: &str, subject: &str) -> String {
    if let Some((.., ours)) = translate_subject(value) {
        return ours;
    }
    // Other tools count milliseconds.
    if subject == "latency" && value.parse::<u32>().is_ok() {
        return format!("{value}ms");
    }
    let is_quoted = value.starts_with(['\'', '"']);
    if syntax::has_space(value) && !is_quoted { format!("'{value}'") } else { value.to_owned() }
}

/// A placeholder of Gatus in a line that is not YAML because of its brackets, and our subject.
pub fn find_placeholder(line: &str) -> Option<(&'static str, &'static str)> {
    let placeholders = FOREIGN_SUBJECTS.iter().filter(|row| row.word.starts_with('['));
    placeholders.filter(|row| line.contains(row.word)).find_map(|row| Some((row.word, row.with_path.or(row.alone)?)))
}
