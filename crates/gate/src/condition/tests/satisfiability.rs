//! Conditions that can never be true, never be false, or not be true together.

use super::*;

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
