//! The results of conditions for sample values.

use super::*;

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
    assert_eq!(seen("running == desired"), "running 1 and desired 2");
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
