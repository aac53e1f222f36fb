//! Every scenario through the real programs, and what the README and the matrix promise of them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use greenlight_tests::{binaries, tidy};
use rehearsal::{Options, Report, Scenario, rehearse};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

async fn all() -> Vec<Report> {
    let gate = Arc::new(Semaphore::new(4));
    let reports = Arc::new(Mutex::new(Vec::new()));
    let mut playing = JoinSet::new();
    for (index, scenario) in Scenario::all().into_iter().enumerate() {
        let (gate, reports) = (gate.clone(), reports.clone());
        playing.spawn(async move {
            let _permit = gate.acquire_owned().await;
            let options = Options { binaries: binaries().to_owned(), gate: None };
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

fn told(report: &Report) -> String {
    let mut text = format!("== {}\n", report.scenario);
    for deployment in &report.deployments {
        text += &format!("{:?}: {}\n", deployment.outcome, tidy(&deployment.ending));
        for hook in &deployment.hooks {
            text += &format!("  {}\n", tidy(&hook.verdict));
        }
    }
    text
}

/// The actions that the README's policy allows.
fn allowed() -> BTreeSet<String> {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```json\n").unwrap();
    let (policy, _) = rest.split_once("```").unwrap();
    let policy: serde_json::Value = serde_json::from_str(policy).unwrap();
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_ends_as_it_promises() {
    let reports = all().await;
    let broken: Vec<_> = reports
        .iter()
        .filter(|report| !report.held())
        .map(|report| {
            let differences: Vec<_> = report.deployments.iter().flat_map(|one| &one.differences).collect();
            let logs: Vec<_> = report.logs.iter().map(|(hook, line)| format!("{hook}: {line}")).collect();
            format!("{}: {differences:?} {:?}\n{}", report.scenario, report.unknown_operations, logs.join("\n"))
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
    for line in reports.iter().flat_map(|report| &report.logs).map(|(_, line)| line) {
        assert!(!line.contains("eyJlbmNyeXB0ZWREYXRhIjoi"), "an execution id in a log: {line}");
        assert!(line.starts_with('{'), "a line of a log that is not JSON: {line}");
    }
    let called: BTreeSet<_> = reports.iter().flat_map(|report| report.calls.keys().cloned()).collect();
    assert_eq!(called, allowed(), "the README's policy allows what the hooks call, and nothing else");
    insta::assert_snapshot!(reports.iter().map(told).collect::<Vec<_>>().join("\n"));
}
