//! The truth table through the real programs: each kind of check × each outcome that it can have × each value of the
//! three policies × each mode. What has to come of it is read from the manual's table, and from nowhere else.

#[path = "../support/health.rs"]
mod health;
mod manual;
mod ways;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use greenlight_tests::{Case, play_at_once, same};
use rehearsal::{Answer, Played};

use self::{
    health::{NOT_SERVING, SERVING, server},
    manual::{Decides, POLICIES, VALUES, decides, decision},
    ways::{Way, all},
};

/// Most of them wait for a program to start.
const AT_ONCE: usize = 12;

/// What stands in the golden table, by row and column.
type Table = Arc<Mutex<BTreeMap<(usize, usize), String>>>;

/// The name of a check that has these policies.
fn name(policies: [usize; 3]) -> String {
    policies.map(|policy| VALUES[policy]).join("-")
}

/// A gate file with this check once for each set of policies, and no built-in ones.
fn gate(way: &Way, mode: &str, sets: &[[usize; 3]]) -> String {
    let mut text = format!("version: 1\nmode: {mode}\nhooks:\n  {}:\n    built_in: none\n", way.hook.key());
    if way.outcome == "timed_out" && way.code == "RanOutOfTime" {
        let _ = writeln!(text, "    deadline: {}s", ways::DEADLINE.as_secs());
    }
    text += "    checks:\n";
    if way.barrier {
        text += "      - { name: barrier, reach: green, settle: 0s, within: 0s, on_fail: ignore }\n";
    }
    if way.outcome == "not_applicable" {
        // Where no check at all passes, nothing was checked.
        text += "      - { name: beside, preflight: service }\n";
    }
    for policies in sets {
        let keys = POLICIES.iter().zip(policies).map(|(key, value)| format!("{key}: {}", VALUES[*value]));
        let keys = keys.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "      - {{ name: {}, {}, {keys} }}", name(*policies), way.check);
    }
    text
}

fn case(way: &Way, mode: &'static str, sets: Vec<[usize; 3]>) -> Case {
    let policies = if let [one] = sets[..] { name(one) } else { "all policies".to_owned() };
    let title = format!("{} {} {}: {mode}, {policies}", way.kind, way.outcome, way.code);
    let case = way.breaks.apply(Case::new(way.hook, &title).gate(gate(way, mode, &sets)));
    let (outcome, code) = (way.outcome, way.code);
    case.and(move |played| {
        for policies in &sets {
            let name = name(*policies);
            let check = played.checks.iter().find(|check| check.name == name);
            let check = check.ok_or_else(|| format!("there is no check {name}"))?;
            same(&format!("the outcome of {name}"), check.outcome.as_str(), outcome)?;
            same(&format!("the code of {name}"), check.code.as_str(), code)?;
            same(&format!("the decision of {name}"), check.decision.as_str(), decision(outcome, *policies))?;
        }
        let stops = sets.iter().any(|policies| decision(outcome, *policies) == "fail");
        let judged = if stops { "failed" } else { "succeeded" };
        let observes = mode == "observe";
        let answer = if stops && !observes { Answer::Failed } else { Answer::Succeeded };
        same("the answers", &played.answers[..], &[answer][..])?;
        same("what was observed", observed(played), if observes { judged } else { "" })?;
        same("the code of the verdict", played.code.as_str(), if stops { code } else { "" })
    })
}

fn observed(played: &Played) -> &str {
    let verdict = played.log.iter().find(|line| line.get("verdict").is_some());
    verdict.and_then(|line| line["verdict.observed"].as_str()).unwrap_or_default()
}

/// In each column the policy that decides has another value, and the two others say the opposite. Where none decides, all
/// three have that value.
fn policies(way: &Way, value: usize) -> [usize; 3] {
    let opposite = if value == 0 { 2 } else { 0 };
    match decides(way.outcome) {
        Decides::Policy(which) => {
            let mut policies = [opposite; 3];
            policies[which] = value;
            policies
        }
        Decides::Nobody | Decides::AlwaysWarns => [value; 3],
    }
}

/// What a reader of the golden table is to see of a run.
fn seen(played: &Played) -> String {
    match (&played.answers[..], observed(played)) {
        ([answer], "") => format!("{answer:?}"),
        ([answer], "failed") => format!("{answer:?}, not Failed"),
        ([answer], "succeeded") => format!("{answer:?}"),
        (answers, judged) => format!("{answers:?} {judged}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_outcome_of_every_kind_with_every_policy_in_every_mode() {
    let ways = all(server(SERVING, SERVING).await, server(NOT_SERVING, NOT_SERVING).await);
    let table = Table::default();
    let every: Vec<[usize; 3]> = (0..27).map(|n| [n / 9, n / 3 % 3, n % 3]).collect();
    let mut cases = Vec::new();
    for (row, way) in ways.iter().enumerate() {
        for (column, (mode, value)) in
            ["enforce", "observe"].iter().flat_map(|mode| (0..3).map(move |value| (*mode, value))).enumerate()
        {
            let table = table.clone();
            cases.push(case(way, mode, vec![policies(way, value)]).and(move |played| {
                table.lock().unwrap().insert((row, column), seen(played));
                Ok(())
            }));
        }
        cases.push(case(way, "enforce", every.clone()));
    }
    println!("{} runs", cases.len());
    play_at_once(AT_ONCE, cases).await;
    insta::assert_snapshot!(told(&ways, &table.lock().unwrap()));
}

/// One row for each outcome that came out in one way, with the kinds and the codes that it was played with.
fn told(ways: &[Way], table: &BTreeMap<(usize, usize), String>) -> String {
    let mut rows: Vec<(&str, Vec<&str>, Vec<String>)> = Vec::new();
    for (index, way) in ways.iter().enumerate() {
        let cells: Vec<_> = (0..6).map(|column| table.get(&(index, column)).map_or("", String::as_str)).collect();
        let played = format!("{} {}", way.kind, way.code).trim_end().to_owned();
        match rows.iter_mut().find(|(outcome, own, _)| *outcome == way.outcome && *own == cells) {
            Some((_, _, kinds)) if kinds.contains(&played) => {}
            Some((_, _, kinds)) => kinds.push(played),
            None => rows.push((way.outcome, cells, vec![played])),
        }
    }
    rows.sort_by_key(|(outcome, ..)| manual::table().iter().position(|(own, _)| own == outcome));
    let mut text = String::new();
    for (outcome, cells, kinds) in rows {
        let decided_by = match decides(outcome) {
            Decides::Nobody => "no policy: it passes".to_owned(),
            Decides::AlwaysWarns => "no policy: it warns".to_owned(),
            Decides::Policy(which) => POLICIES[which].to_owned(),
        };
        let _ = writeln!(text, "{outcome}, decided by {decided_by}");
        let _ = writeln!(text, "  {:<9} {:<24} {:<24} {}", "", VALUES[0], VALUES[1], VALUES[2]);
        for (mode, cells) in ["enforce", "observe"].iter().zip(cells.chunks(3)) {
            let _ = writeln!(text, "  {mode:<9} {:<20} {:<20} {:<20}", cells[0], cells[1], cells[2]);
        }
        let _ = writeln!(text, "  played with {}\n", kinds.join(", "));
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_kind_and_every_outcome_is_in_the_table() {
    let ways = all(1, 1);
    let schema = hook_core::gate_file::schema();
    let checks = schema["$defs"]["check"]["anyOf"].as_array().unwrap().iter();
    let kinds: BTreeSet<_> =
        checks.map(|check| check["required"][0].as_str().unwrap()).filter(|kind| *kind != "sabotage").collect();
    assert_eq!(ways.iter().map(|way| way.kind).collect::<BTreeSet<_>>(), kinds);
    let outcomes: BTreeSet<_> = manual::table().into_iter().map(|(outcome, _)| outcome).collect();
    assert_eq!(ways.iter().map(|way| way.outcome.to_owned()).collect::<BTreeSet<_>>(), outcomes);
}
