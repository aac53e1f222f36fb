//! Every scenario with the real programs, and the roles and operations that the scenarios need.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    sync::OnceLock,
};

use greenlight_tests::{
    Suite, binaries, check_models, iam_actions,
    iam_requests::iam_requests,
    infra::{
        ALL_PARAMETERS, PLATFORM_STATEMENTS, REQUIRED_PARAMETERS, SamTemplate, denied_requests, permission_differences,
    },
    max_allowed_operations, normalize, truncate_long_verdict,
};
use regex_lite::Regex;
use rehearsal::{
    AnsweredBy, CheckDecision, Exchange, FunctionName, Hook, HookRun, Options, Recorder, Report, Scenario, Status,
    rehearse,
};
use tokio::{
    sync::{OnceCell, Semaphore, mpsc},
    task::JoinSet,
};

fn main() -> ExitCode {
    let mut suite = Suite::new(env!("CARGO_CRATE_NAME"));
    for (index, scenario) in runs().scenarios.iter().enumerate() {
        suite = suite.async_text("scenarios", &scenario.name, move || ends_as_it_promises(index));
    }
    suite
        .async_test("all::rows_of_all_scenarios", rows_of_all_scenarios)
        .async_test("all::operations_are_in_the_permission_table", operations_are_in_the_permission_table)
        .async_test("all::roles_are_exact", roles_are_exact)
        .async_test("all::calls_fit_the_service_models", calls_fit_the_service_models)
        .run()
}

/// The scenarios mostly wait, so many can run at once.
const MAX_PARALLEL: usize = 8;

/// Actions that read the gate file, which a parameter of the template allows if the gate file is in one of these
/// stores.
const GATE_SOURCE_ACTIONS: [&str; 2] = ["s3:GetObject", "ssm:GetParameter"];

/// Each scenario runs once, for the test of the scenario and for the tests of all scenarios.
struct Runs {
    scenarios: Vec<Scenario>,
    reports: Vec<OnceCell<Report>>,
    permits: Semaphore,
    recorder: Recorder,
}

fn runs() -> &'static Runs {
    static RUNS: OnceLock<Runs> = OnceLock::new();
    RUNS.get_or_init(|| {
        let scenarios = Scenario::built_in();
        let reports = scenarios.iter().map(|_| OnceCell::new()).collect();
        Runs { scenarios, reports, permits: Semaphore::new(MAX_PARALLEL), recorder: Recorder::default() }
    })
}

impl Runs {
    async fn report(&self, index: usize) -> &Report {
        self.reports[index]
            .get_or_init(|| async {
                let _permit = self.permits.acquire().await;
                let recorder = Some(self.recorder.clone());
                let options = Options { binaries: binaries().to_owned(), recorder, ..Options::default() };
                let (events, _receiver) = mpsc::unbounded_channel();
                rehearse(&self.scenarios[index], &options, events).await.unwrap()
            })
            .await
    }

    /// The reports of all scenarios, in their order.
    async fn all_reports(&'static self) -> Vec<&'static Report> {
        let mut running = JoinSet::new();
        for index in 0..self.scenarios.len() {
            running.spawn(async move { (index, self.report(index).await) });
        }
        let mut reports = running.join_all().await;
        reports.sort_by_key(|(index, _)| *index);
        reports.into_iter().map(|(_, report)| report).collect()
    }
}

/// Checks that a scenario ends as its file promises. Returns what the file does not say.
async fn ends_as_it_promises(index: usize) -> String {
    let report = runs().report(index).await;
    let differences: Vec<_> = report.deployments.iter().flat_map(|one| &one.differences).collect();
    let logs: Vec<_> = report.logs.iter().map(|(hook, line)| format!("{hook}: {line}")).collect();
    assert!(report.met_expectations(), "{differences:?} {:?}\n{}", report.unknown_operations, logs.join("\n"));
    for (_, line) in &report.logs {
        assert!(!line.contains("eyJlbmNyeXB0ZWREYXRhIjoi"), "a log contains an execution id: {line}");
        assert!(line.starts_with('{'), "a log line is not JSON: {line}");
    }
    render_report(report)
}

/// Which version serves customers in the end, and the verdicts, except those of hooks where every check passed.
fn render_report(report: &Report) -> String {
    let mut text = String::new();
    for deployment in &report.deployments {
        text += &format!("{}\n", normalize(&deployment.final_state));
        for hook in deployment.hooks.iter().filter(|hook| !every_check_passed(hook)) {
            text += &match (hook.status, hook.code.as_str()) {
                // When the hook gave up depends on timing, so only the code is recorded.
                (None, code) if !code.is_empty() => format!("  {}: no status: {code}\n", hook.hook),
                // The process is killed right after it put its status, before or after it logs the verdict.
                _ if report.scenario == "killed-after-its-answer" && hook.hook == Hook::AfterInstall => {
                    format!("  {}: {:?}, with or without a verdict in the log\n", hook.hook, hook.status)
                }
                _ => format!("  {}\n", without_timing(&truncate_long_verdict(normalize(&hook.verdict)))),
            };
        }
    }
    text
}

fn every_check_passed(hook: &HookRun) -> bool {
    let checks_passed =
        !hook.checks.is_empty() && hook.checks.iter().all(|check| check.decision == CheckDecision::Pass);
    hook.status == Some(Status::Succeeded) && hook.code.is_empty() && checks_passed
}

/// One line for each hook: scenario, number of the deployment, hook, status, code, program that put the status.
/// Programs can rely on these lines, unlike on the sentences of a report.
fn rows(report: &Report) -> String {
    let row = |number: usize, hook: &HookRun| {
        let status = hook.status.map_or("none", |status| match status {
            Status::Succeeded => "succeeded",
            Status::Failed => "failed",
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

async fn rows_of_all_scenarios() {
    let reports = runs().all_reports().await;
    // Rows of a scenario that did not end as it promises must not be recorded.
    let broken: Vec<_> = reports.iter().filter(|report| !report.met_expectations()).map(|one| &one.scenario).collect();
    assert!(broken.is_empty(), "these scenarios did not end as they promise: {broken:?}");
    insta::assert_snapshot!("rows", reports.iter().map(|report| rows(report)).collect::<String>());
}

async fn operations_are_in_the_permission_table() {
    let reports = runs().all_reports().await;
    let called: BTreeSet<_> = reports.iter().flat_map(|report| report.calls.keys().cloned()).collect();
    // `wire.rs`, where every operation is called, checks that the table allows nothing else.
    let allowed = max_allowed_operations();
    let denied: Vec<_> = called.difference(&allowed).collect();
    assert!(denied.is_empty(), "the permission table lacks operations that the hooks call: {denied:?}");
}

async fn roles_are_exact() {
    runs().all_reports().await;
    assert_roles_are_exact(&runs().recorder.exchanges());
}

async fn calls_fit_the_service_models() {
    runs().all_reports().await;
    if let Err(faults) = check_models(&runs().recorder.exchanges()) {
        panic!("requests or replies do not fit AWS's service models:\n{faults}");
    }
}
