use std::time::Duration;

use super::*;

const SUBJECTS: &[Subject] = &[
    Subject::new("status", Code::UnexpectedStatus),
    Subject::new("running", Code::NotRunning),
    Subject::new("desired", Code::NotRunning),
    Subject::new("latency", Code::TooSlow),
    Subject::new("state", Code::AlarmFiring),
    Subject::new("steady", Code::NotSteady),
    Subject::family("header", Code::UnexpectedHeader),
    Subject::family("json", Code::UnexpectedBody),
    Subject::new("word", Code::FactUnknown).always_text(),
];

struct World;

impl Facts for World {
    fn fact(&self, subject: &str) -> Option<Value> {
        Some(match subject {
            "status" => Value::Number(204.0),
            "running" => Value::Number(1.0),
            "desired" => Value::Number(2.0),
            "latency" => Value::Span(Duration::from_millis(412)),
            "state" => Value::Text("ALARM".into()),
            "steady" => Value::Flag(true),
            "word" => Value::Text("true".into()),
            "header.location" => Value::Text("/api/orders/7".into()),
            "header.content-length" => Value::Text("12".into()),
            "json.build" => Value::Whole(20_261_101_123_045_124),
            "json.number" => Value::Number(1.1),
            "json.text" => Value::Text("1.1".into()),
            _ => return None,
        })
    }
}

fn held(text: &str) -> Held {
    Condition::parse(text, SUBJECTS).unwrap().check(&World)
}

#[test]
fn what_is_true_holds() {
    for text in [
        "status == 204",
        "status in 200, 204",
        "status in 200-299",
        "status == 2xx",
        "status != 5xx",
        "running < desired",
        "latency < 1s",
        "latency >= 412ms",
        "state == ALARM",
        "state == 'ALARM'",
        "state in OK, ALARM",
        "state != OK",
        "steady == true",
        "header.location matches '^/api/orders/'",
        "header.location contains orders",
        "header.location exists",
        "header.content-length > 10",
        "header.content-length == 12",
        "header.content-length in 10-19",
        "header.content-length contains 2",
        "json.build == 20261101123045124",
        "json.build != 20261101123045123",
        "json.build > 20261101123045123",
        "json.build > 204",
        "json.number == 1.10",
        "json.text == '1.1'",
        "json.text > 1",
        "word == true",
        "word in 30s, 2, true",
        "word != 30s",
        "  status   ==  204 ",
    ] {
        assert_eq!(held(text), Held::True, "{text}");
    }
}

#[test]
fn what_is_false_says_what_was_seen() {
    let seen = |text| match held(text) {
        Held::False { seen, .. } => seen,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(seen("latency < 300ms"), "412ms");
    assert_eq!(seen("running == desired"), "1 and 2");
    assert_eq!(seen("state == OK"), "'ALARM'");
    assert_eq!(seen("status in 200, 201"), "204");
    assert_eq!(seen("status == 5xx"), "204");
    assert_eq!(seen("header.x exists"), "nothing");
}

#[test]
fn values_of_different_types_never_compare_as_true() {
    for text in [
        "steady == 1",
        "steady != 1",
        "steady != 'no'",
        "latency != 3",
        "state < 3",
        "status contains 2",
        "status matches 2",
        "status != x",
        "json.text == 1.1",
        "json.text == 1.10",
        "json.text in 1-2",
        "json.build == 20261101123045123",
        "json.build == 2e16",
        "word == 'True'",
        "word < 30s",
    ] {
        assert!(matches!(held(text), Held::False { .. }), "{text}");
    }
}

#[test]
fn a_value_that_is_not_there_is_neither_true_nor_false() {
    assert!(matches!(held("header.x == 1"), Held::Absent { .. }));
    assert!(matches!(held("header.x != 1"), Held::Absent { .. }));
}

/// What is known: an image's tag, a variable, a secret.
fn rendered(text: &str) -> Result<Condition, String> {
    let scope = Scope { secrets: vec!["token".into()], ..Scope::default() };
    let condition = Condition::parse_in(text, &[SUBJECTS], &scope).unwrap();
    struct Facts;
    impl Known for Facts {
        fn known(&self, fact: &Fact) -> Result<String, Unknown> {
            match fact.to_string().as_str() {
                "service" => Ok("/api/orders/7".into()),
                "green.revision" => Ok("204".into()),
                "env.SLOW" => Ok("1s".into()),
                "env.DOT" => Ok("a.b".into()),
                "env.WORDS" => Ok("<true>".into()),
                "env.BUILD" => Ok("20261101123045123".into()),
                "env.NEXT" => Ok("20261101123045124".into()),
                "env.POINT" => Ok("1.1".into()),
                "env.HUNDREDTH" => Ok("1.10".into()),
                "secret.token" => Ok("sesame".into()),
                _ => Err(Unknown::of(fact, "the image is pinned by digest")),
            }
        }
    }
    condition.rendered(&Facts).map_err(|unknown| unknown.why)
}

#[test]
fn a_fact_is_compared_as_what_it_is_compared_with() {
    for text in [
        "header.location == {{service}}",
        "header.location == '{{service}}'",
        "header.location in /x, {{ service }}",
        "header.location matches '^{{service}}$'",
        "status == {{green.revision}}",
        "latency < {{env.SLOW}}",
        "header.location != {{secret.token}}",
        "json.build == {{env.NEXT}}",
        "json.build != {{env.BUILD}}",
        "running != {{green.revision}}",
        "json.text == {{env.POINT}}",
        "json.text != {{env.HUNDREDTH}}",
        "json.number <= {{env.HUNDREDTH}}",
    ] {
        assert_eq!(rendered(text).unwrap().check(&World), Held::True, "{text}");
    }
    // Escaped, a dot is a dot; and a quoted fact is a text, which no number equals.
    for text in [
        "header.location matches {{env.DOT}}",
        "word matches '^{{env.WORDS}}$'",
        "status == '{{green.revision}}'",
        "status == {{service}}",
        "json.build == {{env.BUILD}}",
        "json.text == {{env.HUNDREDTH}}",
        "json.number == {{env.HUNDREDTH}}",
        // What stood there may have been 1.10.
        "json.number == {{env.POINT}}",
    ] {
        assert!(matches!(rendered(text).unwrap().check(&World), Held::False { .. }), "{text}");
    }
}

#[test]
fn a_fact_is_told_with_its_condition_unless_it_is_a_secret() {
    let told = |text| rendered(text).unwrap().to_string();
    assert_eq!(told("header.x == {{service}}"), "header.x == {{service}} (/api/orders/7)");
    assert_eq!(told("header.x == {{secret.token}}"), "header.x == {{secret.token}}");
}

#[test]
fn a_fact_that_is_not_known_is_an_error_and_never_false() {
    let why = rendered("header.location != {{green.image_tag}}").unwrap_err();
    assert_eq!(why, "{{green.image_tag}} is not known: the image is pinned by digest");
    assert!(matches!(held("header.location != {{service}}"), Held::Absent { .. }), "nobody rendered it");
}

#[test]
fn faults_of_the_language_are_told_with_a_suggestion() {
    let texts = [
        "",
        "status",
        "status =",
        "status ==",
        "status = 200",
        "stauts == 200",
        "purple == 200",
        "header == 1",
        "header. == 1",
        "status is 200",
        "status exists 3",
        "status == 1, 2",
        "status < 200-299",
        "status in 299-200",
        "status == 2x0",
        "state == 'ALARM",
        "state in 'OK', ",
        "header.x matches '('",
        "header.x == {{gren.image_tag}}",
        "header.x == {{secret.x}}",
        "latency < 3sm",
        "word == 1-2",
        "state contains 2xx",
    ];
    let told = texts.map(|text| format!("{text:<24} → {}", Condition::parse(text, SUBJECTS).unwrap_err()));
    insta::assert_snapshot!(told.join("\n"));
}
