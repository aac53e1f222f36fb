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
            "header.location" => Value::Text("/api/orders/7".into()),
            "header.content-length" => Value::Text("12".into()),
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
    ] {
        assert_eq!(rendered(text).unwrap().check(&World), Held::True, "{text}");
    }
    // Escaped, a dot is a dot; and a quoted fact is a text, which no number equals.
    for text in ["header.location matches {{env.DOT}}", "status == '{{green.revision}}'", "status == {{service}}"] {
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
    ];
    let told = texts.map(|text| format!("{text:<24} → {}", Condition::parse(text, SUBJECTS).unwrap_err()));
    insta::assert_snapshot!(told.join("\n"));
}
