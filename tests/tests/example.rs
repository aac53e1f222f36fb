//! The worked example of a gate file, run in full by the real programs: a deployment that passes, and deployments that
//! the example stops, each for a different reason.

use greenlight_tests::binaries;
use rehearsal::{DeploymentOutcome, Options, Report, Scenario, rehearse};
use tokio::sync::mpsc;

const EXAMPLE: &str = include_str!("../../docs/examples/greenlight.yaml");

/// The example with shorter windows. Nothing else differs.
fn gate() -> String {
    let mut text = EXAMPLE.to_owned();
    for (patient, impatient) in [
        ("        consecutive: 3\n", "        consecutive: 3\n        within: 5s\n        every: 100ms\n"),
        ("stable_for: 30s\n", "stable_for: 1s\n        every: 100ms\n"),
        ("        for: 8m\n        every: 30s\n", "        for: 1s\n        every: 100ms\n"),
        // The file does not change the built-in checks of this hook, which would watch for minutes.
        (
            "  after_allow_traffic:\n",
            "  after_allow_traffic:\n    built_in: { forwards_to: { settle: 100ms, every: 100ms }, tasks: { for: 300ms, every: 100ms }, targets: { for: 300ms, every: 100ms }, alarms: { for: 1s, every: 100ms } }\n",
        ),
        (
            "  after_allow_test_traffic:\n",
            "  after_allow_test_traffic:\n    built_in: { forwards_to: { settle: 100ms, every: 100ms } }\n",
        ),
        (
            "      - tasks: green\n        expect: [\"running == desired\", \"crashed_since_start == 0\"]\n",
            "      - tasks: green\n        expect: [\"running == desired\", \"crashed_since_start == 0\"]\n        within: 5s\n        every: 100ms\n",
        ),
    ] {
        assert_eq!(text.matches(patient).count(), 1, "the example does not contain {patient}");
        text = text.replace(patient, impatient);
    }
    text
}

/// Rehearses a deployment in the world of the example, with the changes in `world`.
async fn rehearse_example(given: &str, world: &str, expect: &str) -> Report {
    let scenario = format!(
        "name: worked-example
about: The worked example.
initial:
  alarms: [shop-prod-5xx, shop-db-connections, shop-queue-age]
  alarm_tags: {{ gate: 'true' }}
  parameters: {{ /shop/smoke/token: sesame }}
  {given}
deployments:
  - behaviour: {{ {world} }}
    expect: {{ {expect} }}
gate: {}
",
        // JSON is YAML.
        serde_json::to_string(&gate()).unwrap()
    );
    let scenario = Scenario::from_yaml(&scenario, "the worked example").unwrap();
    let options = Options { binaries: binaries().to_owned(), ..Options::default() };
    let (moments, _told) = mpsc::unbounded_channel();
    let report = rehearse(&scenario, &options, moments).await.unwrap();
    let logs: Vec<_> = report.logs.iter().map(|(hook, line)| format!("{hook}: {line}")).collect();
    let differences: Vec<_> = report.deployments.iter().flat_map(|one| &one.differences).collect();
    assert!(report.met_expectations(), "{differences:?} {:?}\n{}", report.unknown_operations, logs.join("\n"));
    report
}

const HEALTHY: &str =
    r#"routes: { /health: { body: '{"status":"ok"}' }, /api/items: { body: '{"items":[{"id":7}]}' } }"#;

#[test]
fn test_gate_differs_from_the_example_only_in_windows() {
    for line in EXAMPLE.lines().filter(|line| !gate().contains(line.trim())) {
        assert!(line.contains("30s") || line.contains("8m"), "the test changes a line that is not a window: {line:?}");
    }
    assert_eq!(hook_core::gate_file::check(&gate()), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_release_passes_every_check_of_it() {
    let report = rehearse_example("", HEALTHY, "outcome: succeeded").await;
    let [deployment] = &report.deployments[..] else { panic!("the report does not have exactly one deployment") };
    assert_eq!(deployment.outcome, DeploymentOutcome::Succeeded);
    let leak = report.logs.iter().find(|(_, line)| line.contains("sesame"));
    assert!(leak.is_none(), "a log contains the secret: {leak:?}");
    let mut golden_text = String::new();
    for hook in &deployment.hooks {
        let mut checks: Vec<_> =
            hook.checks.iter().map(|check| format!("  {:<14} {}\n", check.outcome, check.name)).collect();
        checks.sort();
        golden_text += &format!("{}\n{}", hook.hook, checks.concat());
    }
    insta::assert_snapshot!(golden_text);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_release_is_stopped_by_the_hook_that_the_example_names() {
    let stopped = |by: &str, code: &str| format!("outcome: rolled-back, stopped_by: {by}, code: {code}");
    let fires = |after: &str| format!("alarms: [{{ name: shop-queue-age, fires_after: {after}, reason: too old }}]");
    tokio::join!(
        rehearse_example(
            "",
            "tasks_stop: { code: EssentialContainerExited, reason: Essential container in task exited, exit_code: 1 }",
            "outcome: rolled-back, stopped_by: after_install, code: TasksStopped"
        ),
        rehearse_example(
            "",
            "version_in_image: 1.41.0",
            "outcome: rolled-back, stopped_by: after_allow_test_traffic, code: WrongVersionServed"
        ),
        rehearse_example(
            "",
            r#"routes: { /health: { body: '{"status":"starting"}' } }"#,
            "outcome: rolled-back, stopped_by: after_allow_test_traffic, code: UnexpectedBody"
        ),
    );
    let before = format!("{HEALTHY}, {}", fires("AllowTestTraffic"));
    let after = format!("{HEALTHY}, {}", fires("AllowTraffic"));
    let (early, late) = (stopped("before_allow_traffic", "AlarmFiring"), stopped("after_allow_traffic", "AlarmFiring"));
    tokio::join!(
        rehearse_example("", &before, &early),
        rehearse_example("", &after, &late),
        // An alarm that already fires must not block the release that fixes its cause: it only warns before the
        // deployment, and later it is not a new alarm.
        rehearse_example("firing: [shop-prod-5xx]", HEALTHY, "outcome: succeeded, warns: [AlarmFiring]"),
        // An alarm of the database has no data: before the shift this only warns, and after it the deployment stops.
        rehearse_example(
            "silent: [shop-db-connections]",
            HEALTHY,
            "outcome: rolled-back, stopped_by: after_allow_traffic, code: AlarmNoData, warns: [AlarmNoData]"
        ),
    );
}
