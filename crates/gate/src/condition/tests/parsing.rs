//! What is a condition, and what the parser says about a text that is not.

use super::*;

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

/// The conditions in the two tables of the manual. All of the first are accepted; the left column of the second is
/// refused.
#[test]
fn the_manual_says_what_is_a_condition_and_what_is_not() {
    let manual = include_str!("../../../../../docs/GATE-FILE.md");
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
