//! Tests of conditions: their results for sample values, the errors of their parser, and that every accepted condition
//! can be true and can be false.

mod evaluation;
mod facts;
mod parsing;
mod patterns;
mod properties;
mod satisfiability;

use std::time::Duration;

use super::{satisfiability::review, *};
use crate::{JsonPath, reason_code::ReasonCode};

const SUBJECTS: &[Subject] = &[
    Subject::status("status", ReasonCode::UnexpectedStatus),
    Subject::count("running", ReasonCode::NotRunning),
    Subject::count("desired", ReasonCode::NotRunning),
    Subject::duration("latency", ReasonCode::TooSlow),
    Subject::one_of("state", ReasonCode::AlarmFiring, &["OK", "ALARM", "INSUFFICIENT_DATA"]).optional(),
    Subject::bool("steady", ReasonCode::NotSteady),
    Subject::region("region", ReasonCode::FactUnknown).optional(),
    Subject::text("body", ReasonCode::UnexpectedBody),
    Subject::headers("header", ReasonCode::UnexpectedHeader),
    Subject::json("json", ReasonCode::UnexpectedBody),
    Subject::name("word", ReasonCode::FactUnknown),
];

struct SampleValues;

fn texts(lines: &[&str]) -> Vec<Option<Value>> {
    lines.iter().map(|line| Some(Value::Text((*line).to_owned()))).collect()
}

impl SubjectValues for SampleValues {
    fn value_of(&self, subject: &str) -> Option<Value> {
        Some(match subject {
            "status" => Value::Number(204.0),
            "running" => Value::Number(1.0),
            "desired" => Value::Number(2.0),
            "latency" => Value::Duration(Duration::from_millis(412)),
            "state" => Value::Text("ALARM".into()),
            "steady" => Value::Bool(true),
            "region" => Value::Text("eu-west-1".into()),
            "body" => Value::Text("all is well".into()),
            "word" => Value::Text("true".into()),
            "header.location" => Value::Text("/api/orders/7".into()),
            "header.content-length" => Value::Text("12".into()),
            "header.ready" => Value::Text("true".into()),
            "header.x-version" => Value::Text("1.1".into()),
            "header.vary" => Value::Multiple(texts(&["origin", "accept"])),
            "header.same" => Value::Multiple(texts(&["a", "a"])),
            _ => return None,
        })
    }

    fn json_at(&self, path: &JsonPath) -> Option<Value> {
        Some(match path.to_string().as_str() {
            ".build" => Value::LargeInteger(20_261_101_123_045_124),
            ".number" => Value::Number(1.1),
            ".text" => Value::Text("1.1".into()),
            ".version" => Value::Text("1.10.0".into()),
            ".ok" => Value::Bool(true),
            ".nothing" => Value::Null,
            ".tags" => Value::List(vec![Value::Text("beta-old".into()), Value::Number(7.0)]),
            ".empty" => Value::List(Vec::new()),
            ".map" => Value::Map(2),
            ".items[*].status" => Value::Multiple(texts(&["UP", "UP"])),
            ".items[*].mixed" => Value::Multiple(texts(&["UP", "DOWN"])),
            ".items[*].some" => Value::Multiple(vec![Some(Value::Number(1.0)), None]),
            ".empty[*].id" => Value::Multiple(Vec::new()),
            ".broken" => Value::Unreadable("cannot be read: no JSON".into()),
            _ => return None,
        })
    }
}

fn parse(text: &str) -> Condition {
    Condition::parse(text, SUBJECTS).unwrap_or_else(|why| panic!("{why}"))
}

fn evaluated(text: &str) -> ConditionResult {
    parse(text).evaluate(&SampleValues)
}

fn is_false(result: &ConditionResult) -> bool {
    matches!(result, ConditionResult::NotTrue(failures) if failures.iter().all(|it| matches!(it, Failure::False { .. })))
}

/// The error of the parser for each list, or the findings of the review if the list parses.
fn refusals(lists: &[&[&str]]) -> String {
    let one = |list: &&[&str]| {
        let parsed: Result<Vec<_>, Message> = list.iter().map(|text| Condition::parse(text, SUBJECTS)).collect();
        let why = match parsed {
            Err(why) => why.to_string(),
            Ok(conditions) => match &review(&conditions)[..] {
                [] => "FINE".to_owned(),
                faults => faults.iter().map(|(_, why)| why.as_str()).collect::<Vec<_>>().join(" | "),
            },
        };
        format!("{}\n    {why}", list.join(" , "))
    };
    lists.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn each<'a>(texts: &'a [&'a str]) -> Vec<&'a [&'a str]> {
    texts.chunks(1).collect()
}
