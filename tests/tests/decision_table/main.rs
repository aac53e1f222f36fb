//! The decision table in the real programs: each kind of check × each outcome that it can have × each value of the
//! three policies × each mode. The expected decisions come from the manual's table alone.

mod documented_table;
#[path = "../support/health_server.rs"]
mod health_server;
mod outcome_cases;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use greenlight_tests::{HookCase, Suite, expect_eq, run_cases_in_parallel};
use rehearsal::{HookRunReport, Status};

use self::{
    documented_table::{DecidedBy, POLICY_KEYS, POLICY_VALUES, decided_by, decision},
    health_server::{NOT_SERVING, SERVING, start_health_server},
    outcome_cases::{OutcomeCase, all_outcome_cases},
};

fn main() -> ExitCode {
    let kinds: BTreeSet<_> = all_outcome_cases(1, 1).iter().map(|way| way.kind).collect();
    let suite = Suite::new(env!("CARGO_CRATE_NAME"))
        .test("every_kind_and_every_outcome_is_in_the_table", every_kind_and_every_outcome_is_in_the_table);
    kinds.into_iter().fold(suite, |suite, kind| suite.async_text("kinds", kind, move || decisions(kind))).run()
}

/// Concurrent runs of one kind: several kinds run at the same time.
const MAX_PARALLEL: usize = 1;

/// The cells of the golden table, by row and column.
type GoldenTable = Arc<Mutex<BTreeMap<(usize, usize), String>>>;

/// The name of a check that has these policies.
fn policy_name(policies: [usize; 3]) -> String {
    policies.map(|policy| POLICY_VALUES[policy]).join("-")
}

/// A gate file with this check once for each set of policies, and without built-in checks.
fn gate_file(way: &OutcomeCase, mode: &str, sets: &[[usize; 3]]) -> String {
    let mut text = format!("version: 1\nmode: {mode}\nhooks:\n  {}:\n    built_in: none\n", way.hook.key());
    if way.outcome == "timed_out" && way.code == "RanOutOfTime" {
        let _ = writeln!(text, "    deadline: {}s", outcome_cases::DEADLINE.as_secs());
    }
    text += "    checks:\n";
    if way.needs_barrier {
        text += "      - { name: barrier, forwards_to: green, settle: 0s, within: 0s, on_fail: ignore }\n";
    }
    if way.outcome == "not_applicable" {
        // If every check is not applicable, the hook fails with `NothingChecked`. So one other check passes.
        text += "      - { name: other, preflight: service }\n";
    }
    for policies in sets {
        let keys = POLICY_KEYS.iter().zip(policies).map(|(key, value)| format!("{key}: {}", POLICY_VALUES[*value]));
        let keys = keys.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "      - {{ name: {}, {}, {keys} }}", policy_name(*policies), way.check);
    }
    text
}

fn hook_case(way: &OutcomeCase, mode: &'static str, sets: Vec<[usize; 3]>) -> HookCase {
    let policies = if let [one] = sets[..] { policy_name(one) } else { "all policies".to_owned() };
    let title = format!("{} {} {}: {mode}, {policies}", way.kind, way.outcome, way.code);
    let case = way.setup.apply(HookCase::new(way.hook, &title).gate(gate_file(way, mode, &sets)));
    let (outcome, code) = (way.outcome, way.code);
    case.assert(move |played| {
        for policies in &sets {
            let name = policy_name(*policies);
            let check = played.checks.iter().find(|check| check.name == name);
            let check = check.ok_or_else(|| format!("the hook ran no check {name}"))?;
            expect_eq(&format!("the outcome of {name}"), check.outcome.as_str(), outcome)?;
            expect_eq(&format!("the code of {name}"), check.code.as_str(), code)?;
            expect_eq(&format!("the decision of {name}"), check.decision.as_str(), decision(outcome, *policies))?;
        }
        let stops = sets.iter().any(|policies| decision(outcome, *policies) == "fail");
        let judged = if stops { "failed" } else { "succeeded" };
        let observes = mode == "observe";
        let answer = if stops && !observes { Status::Failed } else { Status::Succeeded };
        expect_eq("the statuses", &played.statuses[..], &[answer][..])?;
        expect_eq("the observed verdict", observed_verdict(played), if observes { judged } else { "" })?;
        expect_eq("the code of the verdict", played.code.as_str(), if stops { code } else { "" })
    })
}

fn observed_verdict(played: &HookRunReport) -> &str {
    let verdict = played.log.iter().find(|line| line.get("verdict").is_some());
    verdict.and_then(|line| line["verdict.observed"].as_str()).unwrap_or_default()
}

/// The policies of one column: the policy that decides has this value, and the two others have the opposite. If no
/// policy decides, all three have this value.
fn policies_for(way: &OutcomeCase, value: usize) -> [usize; 3] {
    let opposite = if value == 0 { 2 } else { 0 };
    match decided_by(way.outcome) {
        DecidedBy::Policy(which) => {
            let mut policies = [opposite; 3];
            policies[which] = value;
            policies
        }
        DecidedBy::Nobody | DecidedBy::AlwaysWarns => [value; 3],
    }
}

/// The cell of the golden table for a run.
fn describe_run(played: &HookRunReport) -> String {
    match (&played.statuses[..], observed_verdict(played)) {
        ([answer], "") => format!("{answer:?}"),
        ([answer], "failed") => format!("{answer:?}, not Failed"),
        ([answer], "succeeded") => format!("{answer:?}"),
        (answers, judged) => format!("{answers:?} {judged}"),
    }
}

/// Runs a kind with each of its outcomes, and returns its golden table. This takes as long as a few hundred hooks do, so
/// each kind is one test.
async fn decisions(kind: &'static str) -> String {
    let mut ways = all_outcome_cases(
        start_health_server(SERVING, SERVING).await,
        start_health_server(NOT_SERVING, NOT_SERVING).await,
    );
    ways.retain(|way| way.kind == kind);
    let table = GoldenTable::default();
    let every: Vec<[usize; 3]> = (0..27).map(|n| [n / 9, n / 3 % 3, n % 3]).collect();
    let mut cases = Vec::new();
    for (row, way) in ways.iter().enumerate() {
        for (column, (mode, value)) in
            ["enforce", "observe"].iter().flat_map(|mode| (0..3).map(move |value| (*mode, value))).enumerate()
        {
            let table = table.clone();
            cases.push(hook_case(way, mode, vec![policies_for(way, value)]).assert(move |played| {
                table.lock().unwrap().insert((row, column), describe_run(played));
                Ok(())
            }));
        }
        cases.push(hook_case(way, "enforce", every.clone()));
    }
    run_cases_in_parallel(MAX_PARALLEL, cases).await;
    render_table(&ways, &table.lock().unwrap())
}

/// One row for each outcome and each set of decisions, with the kinds and codes of the runs that had them.
fn render_table(ways: &[OutcomeCase], table: &BTreeMap<(usize, usize), String>) -> String {
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
    rows.sort_by_key(|(outcome, ..)| documented_table::documented_rows().iter().position(|(own, _)| own == outcome));
    let mut text = String::new();
    for (outcome, cells, kinds) in rows {
        let decided_by = match decided_by(outcome) {
            DecidedBy::Nobody => "no policy: it passes".to_owned(),
            DecidedBy::AlwaysWarns => "no policy: it warns".to_owned(),
            DecidedBy::Policy(which) => POLICY_KEYS[which].to_owned(),
        };
        let _ = writeln!(text, "{outcome}, decided by {decided_by}");
        let _ = writeln!(text, "  {:<9} {:<24} {:<24} {}", "", POLICY_VALUES[0], POLICY_VALUES[1], POLICY_VALUES[2]);
        for (mode, cells) in ["enforce", "observe"].iter().zip(cells.chunks(3)) {
            let _ = writeln!(text, "  {mode:<9} {:<20} {:<20} {:<20}", cells[0], cells[1], cells[2]);
        }
        let _ = writeln!(text, "  kinds and codes: {}\n", kinds.join(", "));
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn every_kind_and_every_outcome_is_in_the_table() {
    let ways = all_outcome_cases(1, 1);
    let schema = hook_core::gate_file::schema();
    let checks = schema["$defs"]["check"]["anyOf"].as_array().unwrap().iter();
    let kinds: BTreeSet<_> =
        checks.map(|check| check["required"][0].as_str().unwrap()).filter(|kind| *kind != "sabotage").collect();
    assert_eq!(ways.iter().map(|way| way.kind).collect::<BTreeSet<_>>(), kinds);
    let outcomes: BTreeSet<_> = documented_table::documented_rows().into_iter().map(|(outcome, _)| outcome).collect();
    assert_eq!(ways.iter().map(|way| way.outcome.to_owned()).collect::<BTreeSet<_>>(), outcomes);
}
