//! Tests of conditions: their results for sample values, the errors of their parser, and that every accepted condition
//! can be true and can be false.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::JsonPath;

const SUBJECTS: &[Subject] = &[
    Subject::status("status", ReasonCode::UnexpectedStatus),
    Subject::count("running", ReasonCode::NotRunning),
    Subject::count("desired", ReasonCode::NotRunning),
    Subject::duration("latency", ReasonCode::TooSlow),
    Subject::one_of("state", ReasonCode::AlarmFiring, &["OK", "ALARM", "INSUFFICIENT_DATA"]).optional(),
    Subject::bool("steady", ReasonCode::NotSteady),
    Subject::percent("success_rate", ReasonCode::UnexpectedStatus),
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
            "success_rate" => Value::Number(99.6),
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

fn undecided(text: &str) -> String {
    match evaluated(text) {
        ConditionResult::NotTrue(failures) => match &failures[..] {
            [Failure::Undecided { reason: why, .. }] => why.clone(),
            other => panic!("{text}: {other:?}"),
        },
        ConditionResult::True => panic!("{text} is true"),
    }
}

#[test]
fn what_is_true_holds() {
    for text in [
        "status == 204",
        "status in 200, 204",
        "status in 200-299",
        "status == 2xx",
        "status != 5xx",
        "status not in 200, 500-599",
        "running < desired",
        "latency < 1s",
        "latency < 1s 20ms",
        "latency >= 412ms",
        "success_rate >= 99.5%",
        "state == ALARM",
        "state == 'ALARM'",
        "state in OK, ALARM",
        "state != OK",
        "steady == true",
        "region in eu-west-1, us-gov-east-1",
        "body == 'all is well'",
        "body not contains error",
        "header.location matches '^/api/orders/'",
        "header.location contains orders",
        "header.location exists",
        "header.x not exists",
        "header.content-length > 10",
        "header.content-length == 12",
        "header.content-length in 10-19",
        "header.content-length contains 2",
        "header.ready == true",
        "header.vary contains accept",
        "header.vary not contains cookie",
        "header.vary count == 2",
        "header.location count == 1",
        "header.same == a",
        "json.build == 20261101123045124",
        "json.build != 20261101123045123",
        "json.build > 20261101123045123",
        "json.build > 204",
        "json.number == 1.10",
        "json.text == '1.1'",
        "json.text > 1",
        "json.ok == true",
        "json.nothing == null",
        "json.nothing not exists",
        "json.missing not exists",
        "json.text != null",
        "json.tags contains beta-old",
        "json.tags contains 7",
        "json.tags not contains beta",
        "json.tags count >= 2",
        "json.map count == 2",
        "json.empty count == 0",
        "json.items[*].status == UP",
        "json.items[*].status exists",
        "version(json.version) >= 1.9",
        "version( json.version ) < v2",
        "version(json.version) in 1.9.0, 1.10",
        "version(json.version) != '1.1.0'",
        "version(header.x-version) <= json.version",
        "word == true",
        "word in 30s, 2, true",
        "word != 30s",
        "  status   ==  204 ",
    ] {
        assert_eq!(evaluated(text), ConditionResult::True, "{text}");
    }
}

#[test]
fn what_is_false_says_what_was_seen() {
    let seen = |text| match evaluated(text) {
        ConditionResult::NotTrue(failures) => match &failures[..] {
            [Failure::False { actual: seen, .. }] => seen.clone(),
            other => panic!("{text}: {other:?}"),
        },
        ConditionResult::True => panic!("{text} is true"),
    };
    assert_eq!(seen("latency < 300ms"), "412ms");
    assert_eq!(seen("running == desired"), "1 and 2");
    assert_eq!(seen("state == OK"), "'ALARM'");
    assert_eq!(seen("status in 200, 201"), "204");
    assert_eq!(seen("status == 5xx"), "204");
    assert_eq!(seen("status not in 200-299"), "204");
    assert_eq!(seen("header.x exists"), "nothing");
    assert_eq!(seen("header.location not exists"), "'/api/orders/7'");
    assert_eq!(seen("json.nothing exists"), "null");
    assert_eq!(seen("json.tags count > 2"), "2");
    assert_eq!(seen("json.items[*].mixed == UP"), "'DOWN' in item 2 of 2");
    assert_eq!(seen("header.vary == origin"), "'accept' in item 2 of 2");
    assert_eq!(seen("json.empty[*].id exists"), "an empty list");
    assert_eq!(seen("version(json.version) >= 1.11"), "'1.10.0'");
}

#[test]
fn of_an_empty_list_nothing_is_true() {
    for text in ["== 1", "!= 1", "exists", "not exists", "contains x", "not contains x", "not in 1, 2", "count == 0"] {
        assert!(is_false(&evaluated(&format!("json.empty[*].id {text}"))), "{text}");
    }
}

#[test]
fn values_of_different_types_never_compare_as_true() {
    for text in [
        "json.text == 1.1",
        "json.text == 1.10",
        "json.text != 1.10",
        "json.text in 1-2",
        "json.text not in 1, 2",
        "json.build == 20261101123045123",
        "json.build == 2e16",
        "json.ok == 'true'",
        "json.ok != 'no'",
        "json.tags == 7",
        "json.map != 7",
        "json.nothing != null",
        "header.x-version == 1.10",
        "header.location in 1-2",
        "header.location not in 1-2",
        "word == 'True'",
    ] {
        assert!(is_false(&evaluated(text)), "{text}");
    }
}

#[test]
fn what_cannot_be_compared_like_this_is_an_error_and_says_what_to_write() {
    let texts = [
        "json.version >= 1",
        "json.ok > 1",
        "json.tags < 3",
        "header.location > 3",
        "word < 30",
        "json.map contains x",
        "json.number contains 1",
        "json.number matches 1",
        "json.text count > 1",
        "version(json.number) >= 1.0",
        "version(body) >= 1.0",
        "json.broken exists",
        "json.broken not exists",
        "json.broken != null",
        "json.broken count >= 1",
    ];
    let all = texts.map(|text| format!("{text:<28} → {}", undecided(text)));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_value_that_is_not_there_is_neither_true_nor_false() {
    for text in [
        "header.x == 1",
        "header.x != 1",
        "header.x not in 1, 2",
        "json.missing == null",
        "json.missing != null",
        "json.nothing == 1",
        "json.items[*].some == 1",
        "json.missing count == 0",
        "version(json.missing) < 2",
    ] {
        let absent = |failures: &[Failure]| matches!(failures, [Failure::Missing { .. }]);
        assert!(matches!(evaluated(text), ConditionResult::NotTrue(failures) if absent(&failures)), "{text}");
    }
}

#[test]
fn of_several_conditions_one_has_to_be_true() {
    let any = |texts: &[&str]| Condition::any_of(texts.iter().map(|text| parse(text)).collect());
    assert_eq!(any(&["status == 404", "status == 204"]).evaluate(&SampleValues), ConditionResult::True);
    assert_eq!(any(&["json.broken == 1", "status == 204"]).evaluate(&SampleValues), ConditionResult::True);
    assert!(is_false(&any(&["status == 404", "running == 7"]).evaluate(&SampleValues)));
    let all = any(&["status == 404", "json.missing == 1", "json.broken == 1"]);
    assert!(matches!(all.evaluate(&SampleValues), ConditionResult::NotTrue(failures) if failures.len() == 3));
    assert_eq!(all.to_string(), "any: [status == 404, json.missing == 1, json.broken == 1]");
    assert_eq!(all.without_subjects(&["json"]).unwrap().to_string(), "status == 404");
    assert!(all.without_subjects(&["json", "status"]).is_none());
}

/// Binds sample facts: the tag of an image, a variable, a secret.
fn bound(text: &str) -> Result<Condition, String> {
    let scope = Scope { secrets: vec!["token".into()], ..Scope::default() };
    let condition = Condition::parse_in(text, &[SUBJECTS], &scope).unwrap();
    struct FixedFacts;
    impl FactResolver for FixedFacts {
        fn resolve(&self, fact: &Fact) -> Result<String, UnresolvedFact> {
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
                _ => Err(UnresolvedFact::new(fact, "the image is pinned by digest")),
            }
        }
    }
    condition.bind(&FixedFacts).map_err(|unknown| unknown.message)
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
        "version(json.version) == {{env.HUNDREDTH}}",
        "version(json.version) > {{env.POINT}}",
        "json.tags not contains {{env.POINT}}",
    ] {
        assert_eq!(bound(text).unwrap().evaluate(&SampleValues), ConditionResult::True, "{text}");
    }
    // The value of a fact is escaped in a pattern, so a dot matches only a dot. A fact in quotation marks is a text,
    // which never equals a number.
    for text in [
        "header.location matches {{env.DOT}}",
        "word matches '^{{env.WORDS}}$'",
        "status == '{{green.revision}}'",
        "status == {{service}}",
        "json.build == {{env.BUILD}}",
        "json.text == {{env.HUNDREDTH}}",
        "json.number == {{env.HUNDREDTH}}",
        // The JSON number may have been written as 1.10.
        "json.number == {{env.POINT}}",
    ] {
        assert!(is_false(&bound(text).unwrap().evaluate(&SampleValues)), "{text}");
    }
    for text in ["version(json.version) == {{service}}", "json.number > {{service}}", "latency < {{env.POINT}}"] {
        let held = bound(text).unwrap().evaluate(&SampleValues);
        assert!(
            matches!(held, ConditionResult::NotTrue(failures) if matches!(failures[..], [Failure::Undecided { .. }])),
            "{text}"
        );
    }
}

#[test]
fn a_fact_is_told_with_its_condition_unless_it_is_a_secret() {
    let told = |text| bound(text).unwrap().to_string();
    assert_eq!(told("header.x == {{service}}"), "header.x == {{service}} (/api/orders/7)");
    assert_eq!(told("header.x == {{secret.token}}"), "header.x == {{secret.token}}");
}

#[test]
fn a_fact_that_is_not_known_is_an_error_and_never_false() {
    let why = bound("header.location != {{green.image_tag}}").unwrap_err();
    assert_eq!(why, "{{green.image_tag}} is not known: the image is pinned by digest");
    let unrendered = evaluated("header.location != {{service}}");
    assert!(
        matches!(unrendered, ConditionResult::NotTrue(failures) if matches!(failures[..], [Failure::Missing { .. }]))
    );
}

/// The error of the parser for each list, or the findings of the review if the list parses.
fn refusals(lists: &[&[&str]]) -> String {
    let one = |list: &&[&str]| {
        let parsed: Result<Vec<_>, String> = list.iter().map(|text| Condition::parse(text, SUBJECTS)).collect();
        let why = match parsed {
            Err(why) => why,
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

#[test]
fn faults_of_the_language_are_told_with_a_suggestion() {
    insta::assert_snapshot!(refusals(&each(&[
        "",
        "status",
        "status =",
        "status ==",
        "status = 200",
        "status==200",
        "stauts == 200",
        "purple == 200",
        "header == 1",
        "header. == 1",
        "status is 200",
        "status exists 3",
        "status == 1, 2",
        "status < 200-299",
        "status in 299-200",
        "state == 'ALARM",
        "state in 'OK', ",
        "header.x matches '('",
        "header.x == {{gren.image_tag}}",
        "header.x == {{secret.x}}",
        "word == 1-2",
        "json.a[ == 1",
        "json.items.length > 0",
        "json.items.size() > 0",
        "status count == 1",
        "version(status) > 1",
        "version(json.a) exists",
        "json.a == version(json.b)",
    ])));
}

#[test]
fn a_value_of_another_type_is_a_fault() {
    insta::assert_snapshot!(refusals(&each(&[
        "status == OK",
        "status == '200'",
        "status == 200ms",
        "status == 2x0",
        "status == 200.5",
        "status == 600",
        "status in 200, 600",
        "status == 20%",
        "status contains 2",
        "status matches 2",
        "status == true",
        "status == latency",
        "status == null",
        "running == -1",
        "running >= 1.5",
        "success_rate >= 101%",
        "success_rate == 101%",
        "latency < 300",
        "latency < 2",
        "latency < 3sm",
        "latency < '300ms'",
        "latency == body",
        "state != alarm",
        "state == OKAY",
        "state == fine",
        "state > OK",
        "steady == True",
        "steady == 1",
        "steady == 'true'",
        "steady > false",
        "region == EU_WEST_1",
        "region == europe",
        "body >= 'a'",
        "word >= 1.10.0",
        "word >= '1.10.0'",
        "json.version >= '1.10.0'",
        "json.version >= 1.10.0",
        "json.version == 1.10.0",
        "json.uptime > 30s",
        "json.name > abc",
        "json.ok == True",
        "json.ok == None",
        "json.ok in null, 1",
        "json.items count == many",
        "json.items count contains 3",
        "version(json.version) >= latest",
        "body contains ''",
        "body matches '.*'",
        "json.a not == 1",
        "not json.a exists",
        "!json.ok",
    ])));
}

#[test]
fn words_between_conditions_and_texts_with_spaces_are_faults() {
    insta::assert_snapshot!(refusals(&each(&[
        "region == eu-west-1 or region == us-east-1",
        "region == 'eu-west-1' or region == 'us-east-1'",
        "status == 200 || status == 204",
        "status == 200 or 204",
        "status == 200 and latency < 1s",
        "json.a exists && json.b exists",
        "body contains this or that",
        "json.a exists or json.b exists and json.c exists",
        "word == not true",
        "body contains all is well",
        "header.x matches ^text/html; charset",
        "word == 'a' b",
    ])));
}

#[test]
fn what_can_never_be_true_or_never_be_false_is_a_fault() {
    insta::assert_snapshot!(refusals(&each(&[
        "status > 599",
        "status == 600-700",
        "status < 600",
        "status in 100-599",
        "status not exists",
        "running >= 0",
        "running < 0",
        "running == running",
        "running < running",
        "success_rate > 100%",
        "success_rate >= 0%",
        "latency >= 0s",
        "latency < 0s",
        "steady in true, false",
        "state in OK, ALARM, INSUFFICIENT_DATA",
        "state contains OKAY",
        "state matches '^alarm$'",
        "word != ''",
        "json.items count >= 0",
        "json.items count < 0",
    ])));
}

#[test]
fn conditions_that_exclude_each_other_are_a_fault() {
    insta::assert_snapshot!(refusals(&[
        &["status == 200", "status == 201"],
        &["latency < 1s", "status == 2xx", "status >= 300"],
        &["running > 5", "running < 3"],
        &["running > 5", "running < 6"],
        &["running < desired", "desired < running"],
        &["running == desired", "running == 2", "desired == 3"],
        &["latency < 1s", "latency > 1s"],
        &["state == OK", "state != OK"],
        &["state != OK", "state != ALARM", "state != INSUFFICIENT_DATA"],
        &["steady == true", "steady == false"],
        &["region == eu-west-1", "region == us-east-1"],
        &["header.x exists", "header.x not exists"],
        &["header.x == a", "header.x not exists"],
        &["json.a == 1", "json.a == 'x'"],
        &["json.a == null", "json.a count > 1"],
        &["json.a > 1", "json.a < 1"],
        &["json.items count > 3", "json.items count <= 3"],
        &["body contains a", "body not contains a"],
        &["body == abc", "body contains x"],
        &["version(json.v) >= 1.10", "version(json.v) < 1.9"],
        &["version(json.v) >= 1.10", "json.v == '1.9.0'"],
    ]));
}

#[test]
fn conditions_that_can_be_true_together_are_fine() {
    let lists: [&[&str]; 16] = [
        &["status == 2xx", "status != 204", "status < 210"],
        &["running > 5", "running < 7"],
        &["running == desired", "running >= 1"],
        &["running < desired", "desired < 3", "running > 0"],
        &["latency > 1s", "latency < 2s"],
        &["state exists", "state != ALARM"],
        &["header.x exists", "header.x matches '^a'", "header.x contains b", "header.x != abc"],
        &["body contains a", "body contains b", "body not contains ab"],
        &["json.a == 1", "json.b == 1", "json.a < json.c"],
        &["json.items count > 3", "json.items contains x", "json.items count < 5"],
        &["json.items[*].id exists", "json.items[*].id > 3"],
        &["json.a >= 1", "json.a < 1.5", "json.a != 1"],
        &["version(json.v) >= 1.9", "version(json.v) < 1.10", "json.v != '1.9.0'"],
        &["version(json.v) > 1.9.0", "version(json.v) < 1.9.1"],
        &["json.v == {{green.image_tag}}", "json.v matches '^1'"],
        &["header.retry-after > 3", "header.retry-after < 4"],
    ];
    for list in lists {
        let conditions: Vec<_> = list.iter().map(|text| parse(text)).collect();
        assert_eq!(review(&conditions), [], "{list:?}");
    }
}

#[test]
fn one_of_several_may_not_always_be_true() {
    let any = |texts: [&str; 2]| review(&[Condition::any_of(texts.map(parse).to_vec())]);
    assert_eq!(any(["status == 200", "status == 404"]), []);
    assert_eq!(any(["json.a not exists", "json.a == 1"]), []);
    let always = any(["status == 200", "status != 200"]);
    assert!(matches!(&always[..], [(0, why)] if why.contains("always true")), "{always:?}");
    let list = [Condition::any_of(["status == 200", "status == 404"].map(parse).to_vec()), parse("status == 500")];
    assert!(matches!(&review(&list)[..], [(1, why)] if why.contains("never true together")));
}

/// A long list without contradictions is reviewed quickly. A contradiction in a long list may remain undetected.
#[test]
fn a_long_list_is_reviewed_within_its_trials() {
    let list: Vec<_> = (0..500).map(|number| parse(&format!("json.a != {number}"))).collect();
    assert_eq!(review(&list), []);
    let list: Vec<_> = ["running", "desired"]
        .iter()
        .flat_map(|name| (0..60).map(move |n| parse(&format!("{name} != {n}"))))
        .chain([parse("running != desired")])
        .collect();
    assert_eq!(review(&list), []);
}

fn any_condition() -> impl Strategy<Value = String> {
    let number = || (0_u32..7).prop_map(|it| it.to_string());
    let order = || prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let word = || prop::sample::select(vec!["a", "b", "'a b'", "x1"]);
    let text = || prop::sample::select(vec!["header.a", "json.a", "json.b", "body", "word", "json.items[*].id"]);
    prop_oneof![
        (order(), 198_u32..203).prop_map(|(order, it)| format!("status {order} {it}")),
        (prop::sample::select(vec!["running", "desired", "json.a", "json.items count"]), order(), number())
            .prop_map(|(name, order, it)| format!("{name} {order} {it}")),
        order().prop_map(|order| format!("running {order} desired")),
        (order(), number()).prop_map(|(order, it)| format!("latency {order} {it}s")),
        (prop::sample::select(vec!["==", "!="]), prop::sample::select(vec!["OK", "ALARM"]))
            .prop_map(|(order, it)| format!("state {order} {it}")),
        (text(), prop::sample::select(vec!["==", "!=", "contains", "not contains", "matches"]), word())
            .prop_map(|(name, order, it)| format!("{name} {order} {it}")),
        (text(), prop::sample::select(vec!["exists", "not exists"]))
            .prop_map(|(name, order)| format!("{name} {order}")),
        (order(), number(), number()).prop_map(|(order, a, b)| format!("version(json.v) {order} {a}.{b}")),
        (number(), number()).prop_map(|(a, b)| format!("json.a in {a}, {b}")),
    ]
}

/// Chosen values, used to search for assignments that the review calls impossible.
struct ChosenValues(u32, u32, u32);

impl SubjectValues for ChosenValues {
    fn value_of(&self, subject: &str) -> Option<Value> {
        let Self(a, b, c) = *self;
        Some(match subject {
            "status" => Value::Number(f64::from(198 + a % 6)),
            "running" => Value::Number(f64::from(a % 8)),
            "desired" => Value::Number(f64::from(b % 8)),
            "latency" => Value::Duration(Duration::from_millis(u64::from(c) * 500)),
            "state" => Value::Text(["OK", "ALARM", "INSUFFICIENT_DATA"][a as usize % 3].into()),
            _ => Value::Text(["a", "b", "a b", "x1", "ab", "other"][c as usize % 6].into()),
        })
    }

    fn json_at(&self, path: &JsonPath) -> Option<Value> {
        let Self(a, b, c) = *self;
        match (path.to_string().as_str(), c % 5) {
            (".v", _) => Some(Value::Text(format!("{}.{}", a % 8, b % 8))),
            (_, 0) => None,
            (_, 1) => Some(Value::Number(f64::from(b % 8))),
            (path, _) if path.contains('*') => Some(Value::Multiple(vec![self.value_of("body")])),
            (_, 2) => Some(Value::List(vec![Value::Text("a".into()); b as usize % 8])),
            (..) => self.value_of("body"),
        }
    }
}

/// The conditions in the two tables of the manual. All of the first are accepted; the left column of the second is
/// refused.
#[test]
fn the_manual_says_what_is_a_condition_and_what_is_not() {
    let manual = include_str!("../../../../docs/GATE-FILE.md");
    let (_, section) = manual.split_once("\n## Conditions\n").unwrap();
    let rows = |head: &str| -> Vec<(String, String)> {
        let (_, table) = section.split_once(head).unwrap();
        let lines = table.lines().skip(2).take_while(|line| line.starts_with("| "));
        lines
            .map(|line| {
                line.trim_matches(['|', ' ']).split_once(" | ").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap()
            })
            .collect()
    };
    let conditions = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let is_fine = |text: &str| {
        let texts: Vec<&str> = match text.strip_prefix("any: [").and_then(|list| list.strip_suffix(']')) {
            Some(list) => list.split(", ").collect(),
            None => vec![text],
        };
        texts.iter().all(|text| Condition::parse(text, SUBJECTS).is_ok_and(|condition| review(&[condition]).is_empty()))
    };
    let (good, bad) = (rows("| condition | true when |"), rows("| not | but |"));
    assert!(good.len() > 10 && bad.len() > 5, "{} and {} rows", good.len(), bad.len());
    let fine = good.iter().map(|(cell, _)| cell).chain(bad.iter().map(|(_, cell)| cell));
    for text in fine.flat_map(|cell| conditions(cell)) {
        assert!(is_fine(&text), "{text} is refused");
    }
    for text in bad.iter().flat_map(|(cell, _)| conditions(cell)) {
        assert!(!is_fine(&text), "{text} is taken");
    }
}

proptest! {
    /// Every condition of an accepted list can be true and can be false, and all of them can be true together.
    #[test]
    fn what_is_refused_is_true_nowhere(texts in prop::collection::vec(any_condition(), 1..4), worlds in prop::collection::vec((0_u32..60, 0_u32..60, 0_u32..60), 60)) {
        let parsed: Result<Vec<_>, _> = texts.iter().map(|text| Condition::parse(text, SUBJECTS)).collect();
        // `word` is never empty, so `word exists` is refused although these values do not show why.
        let Ok(conditions) = parsed else { return Ok(()) };
        let faults = review(&conditions);
        let somewhere = worlds.iter().any(|(a, b, c)| conditions.iter().all(|it| it.evaluate(&ChosenValues(*a, *b, *c)) == ConditionResult::True));
        let alone = faults.iter().any(|(_, why)| why.contains("always true"));
        prop_assert!(!somewhere || faults.is_empty() || alone, "{texts:?} is refused ({faults:?}) and can be true");
        for (index, condition) in conditions.iter().enumerate() {
            let both = [false, true].map(|wanted| worlds.iter().any(|(a, b, c)| (condition.evaluate(&ChosenValues(*a, *b, *c)) == ConditionResult::True) == wanted));
            let alone = review(std::slice::from_ref(condition));
            prop_assert!(both != [true, true] || alone.is_empty() || condition.uses_subject("json.items"), "{} at {index}: {alone:?}", condition);
        }
    }

    #[test]
    fn a_condition_is_printed_as_it_is_parsed(text in any_condition()) {
        let condition = Condition::parse(&text, SUBJECTS);
        prop_assume!(condition.is_ok());
        let printed = condition.unwrap().to_string();
        prop_assert_eq!(&printed, &text);
        prop_assert_eq!(parse(&printed).to_string(), printed);
    }

    #[test]
    fn any_text_is_a_condition_or_a_fault(text in "[a-z.*0-9 =<>!'\\[\\](),%{}-]{0,40}", word in prop::sample::select(vec!["status", "json", "json.a[*]", "version(json.a)", "header.x", "region", "state"])) {
        let _ = Condition::parse(&text, SUBJECTS).map(|it| review(&[it]));
        let _ = Condition::parse(&format!("{word} {text}"), SUBJECTS).map(|it| review(&[it]));
    }
}
