//! Every scenario with the real programs, and the roles and operations that the scenarios need.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use greenlight_tests::{
    binaries, check_models, iam_actions,
    iam_requests::iam_requests,
    infra::{
        ALL_PARAMETERS, PLATFORM_STATEMENTS, REQUIRED_PARAMETERS, SamTemplate, denied_requests, permission_differences,
    },
    max_allowed_operations, normalize,
};
use regex_lite::Regex;
use rehearsal::{
    AnsweredBy, Exchange, FunctionName, HookName, HookRun, HookStatus, Options, Recorder, Report, Scenario, rehearse,
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

/// The scenarios mostly wait, so many can run at once.
const MAX_PARALLEL: usize = 8;

/// Actions that read the gate file, which a parameter of the template allows if the gate file is in one of these
/// stores.
const GATE_SOURCE_ACTIONS: [&str; 2] = ["s3:GetObject", "ssm:GetParameter"];

async fn run_all(recorder: &Recorder) -> Vec<Report> {
    let permits = Arc::new(Semaphore::new(MAX_PARALLEL));
    let reports = Arc::new(Mutex::new(Vec::new()));
    let mut playing = JoinSet::new();
    for (index, scenario) in Scenario::built_in().into_iter().enumerate() {
        let (permits, reports, recorder) = (permits.clone(), reports.clone(), recorder.clone());
        playing.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let options = Options { binaries: binaries().to_owned(), recorder: Some(recorder), ..Options::default() };
            let (moments, _told) = mpsc::unbounded_channel();
            let report = rehearse(&scenario, &options, moments).await.unwrap();
            reports.lock().unwrap().push((index, report));
        });
    }
    while let Some(ended) = playing.join_next().await {
        ended.unwrap();
    }
    let mut reports = std::mem::take(&mut *reports.lock().unwrap());
    reports.sort_by_key(|(index, _)| *index);
    reports.into_iter().map(|(_, report)| report).collect()
}

fn render_report(report: &Report) -> String {
    let mut text = format!("== {}\n", report.scenario);
    for deployment in &report.deployments {
        text += &format!("{:?}: {}\n", deployment.outcome, normalize(&deployment.final_state));
        for hook in &deployment.hooks {
            text += &match (hook.status, hook.code.as_str()) {
                // When the hook gave up depends on timing, so only the code is recorded.
                (None, code) if !code.is_empty() => format!("  {}: no status: {code}\n", hook.hook),
                // The process is killed right after it put its status, before or after it logs the verdict.
                _ if report.scenario == "killed-after-its-answer" && hook.hook == HookName::AfterInstall => {
                    format!("  {}: {:?}, with or without a verdict in the log\n", hook.hook, hook.status)
                }
                _ => format!("  {}\n", without_timing(&normalize(&hook.verdict))),
            };
        }
    }
    text
}

/// One line for each hook: scenario, number of the deployment, hook, status, code, program that put the status.
/// Programs can rely on these lines, unlike on the sentences of a report.
fn rows(report: &Report) -> String {
    let row = |number: usize, hook: &HookRun| {
        let status = hook.status.map_or("none", |status| match status {
            HookStatus::Succeeded => "succeeded",
            HookStatus::Failed => "failed",
        });
        let by = match hook.answered_by {
            AnsweredBy::Hook => "hook",
            AnsweredBy::OnFailureHandler => "on-failure",
            AnsweredBy::Nobody => "nobody",
        };
        let code = if hook.code.is_empty() { "-" } else { &hook.code };
        format!("{} {number} {} {status} {code} {by}\n", report.scenario, hook.hook)
    };
    let deployments = report.deployments.iter().enumerate();
    deployments.flat_map(|(index, one)| one.hooks.iter().map(move |hook| row(index + 1, hook))).collect()
}

/// Removes what depends on timing: the number of crashed tasks, and which of two timeouts ended first.
fn without_timing(verdict: &str) -> String {
    let crashed = Regex::new(r"(crashed_since_start == 0, was) [0-9]+").unwrap();
    let clocks = Regex::new(r"\((operation timed out|deadline has elapsed)\)").unwrap();
    clocks.replace(&crashed.replace(verdict, "$1 N"), "(timed out)").into_owned()
}

/// Checks that the roles of the template allow every recorded call, and that each of their statements is needed. The
/// tests in `infra` compare what parameters add.
fn assert_roles_are_exact(exchanges: &[Exchange]) {
    let template = SamTemplate::read();
    let stack = |template: &SamTemplate| template.instantiate(REQUIRED_PARAMETERS).unwrap();
    let (usual, most) = (stack(&template), template.instantiate(ALL_PARAMETERS).unwrap());
    let mut seen: BTreeMap<FunctionName, BTreeSet<String>> = iam_actions(exchanges);
    for (function, seen) in &mut seen {
        let (usual, most) = (usual.allowed_actions(*function), most.allowed_actions(*function));
        seen.retain(|action| {
            usual.contains(action) || !most.contains(action) && !GATE_SOURCE_ACTIONS.contains(&&**action)
        });
    }
    assert_eq!(permission_differences(&usual, &seen), [""; 0]);
    // The roles also allow the resources that the requests name.
    let may = |by: FunctionName, one: &Exchange| {
        iam_requests(one).iter().all(|it| usual.allowed_actions(by).contains(&it.action))
    };
    let usual_calls = exchanges.iter().filter(|one| one.by.is_some_and(|by| may(by, one)));
    assert_eq!(denied_requests(&usual, usual_calls), BTreeSet::new());
    for place in template.statement_locations() {
        if !place.is_conditional && place.sid != "Trust" && !PLATFORM_STATEMENTS.contains(&&*place.sid) {
            let faults = permission_differences(&stack(&template.without(&place)), &seen);
            assert!(!faults.is_empty(), "no recorded call needs the statement {place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_ends_as_it_promises() {
    let recorder = Recorder::default();
    let reports = run_all(&recorder).await;
    let broken: Vec<_> = reports
        .iter()
        .filter(|report| !report.met_expectations())
        .map(|report| {
            let differences: Vec<_> = report.deployments.iter().flat_map(|one| &one.differences).collect();
            let logs: Vec<_> = report.logs.iter().map(|(hook, line)| format!("{hook}: {line}")).collect();
            format!("{}: {differences:?} {:?}\n{}", report.scenario, report.unknown_operations, logs.join("\n"))
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
    for line in reports.iter().flat_map(|report| &report.logs).map(|(_, line)| line) {
        assert!(!line.contains("eyJlbmNyeXB0ZWREYXRhIjoi"), "a log contains an execution id: {line}");
        assert!(line.starts_with('{'), "a log line is not JSON: {line}");
    }
    insta::assert_snapshot!("rows", reports.iter().map(rows).collect::<String>());
    let called: BTreeSet<_> = reports.iter().flat_map(|report| report.calls.keys().cloned()).collect();
    // `wire.rs`, where every operation is called, checks that the table allows nothing else.
    let allowed = max_allowed_operations();
    let denied: Vec<_> = called.difference(&allowed).collect();
    assert!(denied.is_empty(), "the permission table lacks operations that the hooks call: {denied:?}");
    assert_roles_are_exact(&recorder.exchanges());
    if let Err(faults) = check_models(&recorder.exchanges()) {
        panic!("requests or replies do not fit AWS's service models:\n{faults}");
    }
    insta::assert_snapshot!(reports.iter().map(render_report).collect::<Vec<_>>().join("\n"));
}
