use super::*;
use crate::model::Action;

fn patterns(wildcards: &[&str]) -> Patterns {
    Patterns { wildcards: wildcards.iter().map(|text| (*text).to_owned()).collect(), regexes: Vec::new() }
}

fn regex(regex: &str) -> Patterns {
    Patterns { wildcards: Vec::new(), regexes: vec![regex.to_owned()] }
}

fn get(url: &str) -> RequestParts {
    let url: reqwest::Url = url.parse().unwrap();
    RequestParts {
        host: url.host_str().unwrap().to_owned(),
        method: "GET".into(),
        path: url.path().to_owned(),
        query: url.query().unwrap_or_default().to_owned(),
        headers: vec![("Cookie".into(), "beta=Yes".into())],
    }
}

fn meets(condition: RuleCondition, url: &str) -> ConditionMatch {
    condition.is_met_by(&get(url))
}

#[test]
fn hosts_are_compared_without_case_and_port() {
    let host = |own: &str, url| meets(RuleCondition::Host(patterns(&[own])), url);
    assert_eq!(host("Shop.Example.com", "http://shop.example.com:8443/"), ConditionMatch::Yes);
    assert_eq!(host("*.example.com", "http://shop.example.com/"), ConditionMatch::Yes);
    assert_eq!(host("*.example.com", "http://example.com/"), ConditionMatch::No);
    assert_eq!(host("shop?.example.com", "http://shop.example.com/"), ConditionMatch::No);
}

#[test]
fn paths_are_compared_with_case_and_without_the_query() {
    let path = |own: &str, url| meets(RuleCondition::Path(patterns(&[own])), url);
    assert_eq!(path("/*", "http://x/"), ConditionMatch::Yes);
    assert_eq!(path("/orders/*", "http://x/orders/health?deep=1"), ConditionMatch::Yes);
    assert_eq!(path("/Orders/*", "http://x/orders/health"), ConditionMatch::No);
    assert_eq!(path("/health", "http://x/health/"), ConditionMatch::No);
    assert_eq!(path("*/health", "http://x/a/b/health"), ConditionMatch::Yes);
    assert_eq!(path("/a b", "http://x/a%20b"), ConditionMatch::Maybe("how the path is decoded".into()));
}

#[test]
fn one_value_of_a_condition_is_enough() {
    assert_eq!(meets(RuleCondition::Path(patterns(&["/a", "/b"])), "http://x/b"), ConditionMatch::Yes);
    assert_eq!(meets(RuleCondition::Method(vec!["POST".into(), "GET".into()]), "http://x/"), ConditionMatch::Yes);
    assert_eq!(meets(RuleCondition::Method(vec!["get".into()]), "http://x/"), ConditionMatch::No);
}

#[test]
fn a_query_is_met_by_a_pair_or_by_a_value() {
    let query = |key: Option<&str>, value: &str, url| {
        meets(RuleCondition::Query(vec![(key.map(str::to_owned), value.to_owned())]), url)
    };
    assert_eq!(query(Some("Version"), "v1", "http://x/?a=b&version=V1"), ConditionMatch::Yes);
    assert_eq!(query(Some("version"), "v1", "http://x/?a=v1"), ConditionMatch::No);
    assert_eq!(query(None, "*example*", "http://x/?a=an-example-of"), ConditionMatch::Yes);
    assert_eq!(query(Some("a"), r"\*", "http://x/?a=b"), ConditionMatch::No);
    assert_eq!(query(Some("a"), r"\*", "http://x/?a=%2A"), ConditionMatch::Yes);
    assert_eq!(query(Some("a"), "%+f", "http://x/?a=%+f"), ConditionMatch::Yes, "not two hexadecimal digits");
    assert_eq!(query(Some("a"), "*", "http://x/"), ConditionMatch::No);
    assert!(matches!(query(None, "beta", "http://x/?beta"), ConditionMatch::Maybe(_)));
}

#[test]
fn a_header_is_met_by_what_is_sent_and_perhaps_by_what_is_added_on_its_way() {
    let header = |name: &str, value: &str| {
        meets(RuleCondition::Header { name: name.into(), values: patterns(&[value]) }, "http://x/")
    };
    assert_eq!(header("cookie", "*BETA=yes*"), ConditionMatch::Yes);
    assert_eq!(header("cookie", "beta"), ConditionMatch::No);
    assert_eq!(header("X-Team", "*"), ConditionMatch::No);
    assert!(matches!(header("X-Forwarded-For", "10.*"), ConditionMatch::Maybe(_)));
}

#[test]
fn where_a_request_comes_from_is_not_known() {
    let from = |blocks: &[&str]| {
        meets(RuleCondition::SourceIp(blocks.iter().map(|it| (*it).to_owned()).collect()), "http://x/")
    };
    assert!(matches!(from(&["10.0.0.0/8"]), ConditionMatch::Maybe(_)));
    assert!(matches!(from(&["0.0.0.0/0"]), ConditionMatch::Maybe(_)));
    assert_eq!(from(&["0.0.0.0/0", "::/0"]), ConditionMatch::Yes);
}

#[test]
fn a_regular_expression_is_certain_only_where_all_readings_agree() {
    let path = |own: &str, url| meets(RuleCondition::Path(regex(own)), url);
    assert_eq!(path("^/api/v[0-9]+$", "http://x/api/v2"), ConditionMatch::Yes);
    assert_eq!(path("^/api/", "http://x/health"), ConditionMatch::No);
    assert!(matches!(path("/api", "http://x/api/v2"), ConditionMatch::Maybe(_)));
    assert!(matches!(path("(?=x)", "http://x/api"), ConditionMatch::Maybe(_)));
}

#[test]
fn many_wildcards_take_no_more_time_than_few() {
    let pattern = "*a".repeat(60) + "b";
    assert!(!matches_wildcards(&pattern, &"a".repeat(20_000), CaseSensitivity::Sensitive, false));
}

#[test]
fn the_first_rule_whose_conditions_are_all_met_decides() {
    let rule = |priority: &str, conditions| Rule {
        priority: priority.into(),
        conditions,
        action: Action::FixedResponse("200".into()),
        authenticates: None,
    };
    let rules = [
        rule("1", vec![RuleCondition::Path(patterns(&["/health*"])), RuleCondition::Method(vec!["POST".into()])]),
        rule(
            "2",
            vec![RuleCondition::Path(patterns(&["/health*"])), RuleCondition::SourceIp(vec!["10.0.0.0/8".into()])],
        ),
        rule("3", vec![RuleCondition::Path(patterns(&["/health*"]))]),
        rule("default", Vec::new()),
    ];
    let of = |url| {
        let request = get(url);
        let matched = RuleMatch::for_request(&rules, &request);
        let perhaps: Vec<_> = matched.possible.iter().map(|(rule, _)| rule.priority.clone()).collect();
        (matched.rule.map(|rule| rule.priority.clone()), perhaps)
    };
    assert_eq!(of("http://x/health"), (Some("3".into()), vec!["2".into()]));
    assert_eq!(of("http://x/"), (Some("default".into()), Vec::new()));
}
