//! The patterns for editors accept what the parser accepts, and refuse wrong subjects, operators and values.

use proptest::prelude::*;
use regex_lite::Regex;

use super::*;
use crate::condition::pattern::patterns;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|why| panic!("{pattern}: {why}"))
}

/// Patterns of one subject: for the start of a condition, and for the whole of it.
fn compiled() -> Vec<(Regex, Regex)> {
    patterns(SUBJECTS).iter().map(|pattern| (regex(&pattern.start), regex(&pattern.whole))).collect()
}

thread_local! {
    static PATTERNS: Vec<(Regex, Regex)> = compiled();
}

fn is_accepted(text: &str) -> bool {
    PATTERNS.with(|all| {
        let starts: Vec<_> = all.iter().filter(|(start, _)| start.is_match(text)).collect();
        !starts.is_empty() && starts.iter().all(|(_, whole)| whole.is_match(text))
    })
}

#[test]
fn every_form_of_a_value_is_accepted() {
    for text in [
        "status == 200",
        "  status   in  200-299,301 , 2xx  ",
        "status not in 200, {{green.revision}}",
        "status == {{green.revision}}",
        "status == '{{green.revision}}'",
        "status == json.code",
        "running == desired",
        "running >= 2.0",
        "latency < 300ms",
        "latency < 1h 30m",
        "latency < 1.5s",
        "latency > 0",
        "latency < 1500 ms",
        "state in OK, 'ALARM', \"INSUFFICIENT_DATA\"",
        "state not exists",
        "state matches ^OK",
        "state == word",
        "steady == true",
        "steady exists",
        "region == eu-west-1",
        "region in us-gov-east-1, 'eu-west-1'",
        "region contains west",
        "region == word",
        "body == 'all is well'",
        "body contains it's",
        "body not matches '^a, b{2} (c)$'",
        "body matches ^v{{ green.image_tag }}[,]x",
        "header.x-version == {{ green.image_tag }}",
        "header.x count >= 2",
        "header.content-length > 10",
        "json == null",
        "json count > 1",
        "json[0].id exists",
        "json.items[*].status == UP",
        "json['a b'].c[\"d ]\"] in a, 'b, c', {{region}}",
        "json.a.b-c['length'] count in 1-3, 7",
        "version( json['a b'] ) >= 1.10.0",
        "version(header.v) in 1.0, v2.0-rc.1",
        "version(word) == version(json.v)",
        "word == {{env.STAGE}}-x",
        "word != 'x {{env.STAGE}}, y'",
        "status\n==\n200\n",
    ] {
        assert!(Condition::parse(text, SUBJECTS).is_ok(), "{text} is not a condition");
        assert!(is_accepted(text), "{text} does not match its pattern");
    }
}

#[test]
fn a_wrong_subject_operator_or_value_is_refused() {
    for text in [
        "",
        "status",
        "stauts == 200",
        "statuses == 200",
        "header == 1",
        "header. == 1",
        "status=200",
        "status = 200",
        "status === 200",
        "status == OK",
        "status == '200'",
        "status == 200ms",
        "status == 200, 300",
        "status < 2xx",
        "status contains 2",
        "status count == 1",
        "status not == 200",
        "status == latency",
        "status exists 3",
        "version(status) > 1",
        "running == stedy",
        "latency < 300",
        "latency < '300ms'",
        "latency == 200-300",
        "state == OKAY",
        "state != alarm",
        "state > OK",
        "steady == True",
        "steady == 'true'",
        "steady < true",
        "steady contains true",
        "region == EU_WEST_1",
        "body >= abc",
        "body == all is well",
        "body contains a, b",
        "json.version >= '1.10.0'",
        "json.a count contains 3",
        "json.a[ == 1",
        "version(json.a) exists",
        "not json.error exists",
        "state == 'OK",
    ] {
        assert!(Condition::parse(text, SUBJECTS).is_err(), "{text} is a condition");
        assert!(!is_accepted(text), "{text} matches its pattern");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_condition_is_refused(
        subject in prop::sample::select(vec!["status", "running", "latency", "state", "steady", "region", "body", "header.x", "json", "json.a[0]", "json.a[*].b", "json['a b']", "version(json.a)", "version( word )", "word"]),
        count in prop::sample::select(vec!["", " count", " not", " count not"]),
        operator in prop::sample::select(vec!["==", "!=", "<", ">=", "in", "contains", "matches", "exists"]),
        values in prop::collection::vec(prop_oneof![
            prop::sample::select(vec!["200", "2xx", "200-299", "+2", "-1.5e3", ".5", "99%", "300ms", "2min 3s", "0", "true", "null", "OK", "'ALARM'", "eu-west-1", "1.10.0", "desired", "json.b", "word", "version(json.b)", "{{green.revision}}", "'a {{region}}'", "\"x, y\"", "UP", "it's"]).prop_map(str::to_owned),
            "[a-z.*0-9 <>!'\\[\\](),%{}-]{0,12}",
        ], 0..3),
        comma in prop::sample::select(vec![",", ", ", " , "]),
    ) {
        let text = format!("{subject}{count} {operator} {}", values.join(comma));
        if Condition::parse(&text, SUBJECTS).is_ok() {
            prop_assert!(is_accepted(&text), "{text}");
        }
    }
}
