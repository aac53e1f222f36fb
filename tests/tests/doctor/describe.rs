//! `greenlight describe`: the description of a service, read back from a simulation of that service, is the same.

use std::fs;

use greenlight_tests::greenlight;
use rehearsal::{
    FaultKind, InjectedFault, RunningTestBed, Scenario, ServiceDescription,
    world::{World, WorldOptions},
};
use tokio::process::Command;

use super::{open, read_command, text};

/// Everything that a description can say and AWS knows.
const API: &str = "
containers:
  - { name: api, port: 3000, health_check: false }
  - { name: envoy }
  - { name: log-router, essential: false, health_check: false }
tasks: 3
load_balancer: { internal: true, certificate: good, tls_only_on: production }
default_rule: false
rules:
  - { priority: 5, listener: production, hosts: [shop.example.com] }
  - { priority: 6, methods: [GET], query: { v: '2' }, headers: { x-team: [blue] } }
  - { priority: 7, paths: [/blog/*], to: another }
  - { priority: 8, paths: [/down], fixed_response: 503 }
  - { priority: 9, listener: test, source_ips: [127.0.0.0/8] }
health_path: /healthz
alarms: [api-errors, api-latency]
auto_rollback: false
";

const NETWORK: &str = "{ load_balancer: { kind: network, certificate: good }, test_listener: false, alarms: [] }";

fn description(yaml: &str) -> ServiceDescription {
    ServiceDescription::from_yaml(yaml, "service.yaml").unwrap()
}

/// An account with this service, in the middle of its first deployment.
async fn account_with(service: &ServiceDescription, fault: Option<InjectedFault>) -> RunningTestBed {
    let initial = Scenario::named("healthy").unwrap().with_service(service).unwrap().initial;
    open(None, fault, |world| {
        let [production, test] = [&world.listeners[0], &world.listeners[1]].map(|listener| listener.port);
        let now = world.deployment().created;
        *world = World::new(now, WorldOptions { production, test, seed: 1 }, &initial);
        world.create_deployment(now, "user");
    })
    .await
}

#[tokio::test]
async fn a_description_of_a_simulated_service_is_the_service() {
    let with_health_port = format!("{API}health_port: 9090\n");
    for yaml in [&with_health_port, NETWORK, "{}"] {
        let mut service = description(yaml);
        let account = account_with(&service, None).await;
        let output = read_command("describe", &account, &[]).output().await.unwrap();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
        // The rules of a service come after those of a scenario.
        service.rules.iter_mut().for_each(|rule| rule.priority += 1000);
        assert_eq!(description(&text(&output.stdout)), service, "{}", text(&output.stdout));
        assert!(!text(&output.stdout).contains("arn:"), "no id is in a file that is kept in a repository");
    }
}

#[tokio::test]
async fn the_file_is_short_and_says_what_it_cannot_describe() {
    let account = account_with(&description(NETWORK), None).await;
    let output = read_command("describe", &account, &[]).output().await.unwrap();
    insta::assert_snapshot!("described_network_service", text(&output.stdout));
}

#[tokio::test]
async fn without_a_permission_nothing_is_written_and_the_permission_is_named() {
    for operation in [
        "codedeploy:GetDeploymentGroup",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTargetGroups",
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
    ] {
        let account = account_with(&description("{}"), Some(InjectedFault::always(operation, FaultKind::Deny))).await;
        let output = read_command("describe", &account, &[]).output().await.unwrap();
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""), "{operation}");
        assert!(text(&output.stderr).contains(operation), "{operation}: {}", text(&output.stderr));
    }
}

/// Plays real windows of up to 10 seconds: this is the whole way from an account to the table.
#[tokio::test]
async fn the_scenarios_play_with_the_described_service() {
    let account = account_with(&description(API), None).await;
    let described = read_command("describe", &account, &[]).output().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [service, gate] = ["service.yaml", "greenlight.yaml"].map(|name| folder.path().join(name));
    fs::write(&service, &described.stdout).unwrap();
    let file = "version: 1
hooks:
  after_install:
    checks: [{ name: proxy, image: green, containers: [envoy] }]
";
    fs::write(&gate, file).unwrap();
    let mut rehearse = Command::new(greenlight());
    rehearse.args(["rehearse", "--why", "--service"]).arg(&service).arg("--gate").arg(&gate);
    for scenario in ["h?althy", "tasks-crash-loop", "alarm-after-shift", "health-path-redirects", "two-at-once"] {
        rehearse.args(["--filter", scenario]);
    }
    let output = rehearse.env("NO_COLOR", "1").kill_on_drop(true).output().await.unwrap();
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{table}{}", text(&output.stderr));
    assert!(table.contains("3 of 3 failures caught, none of 1 healthy deployment stopped by mistake"), "{table}");
    assert!(table.contains("does not have a second service: two-at-once"), "{table}");
    assert!(table.contains("api-errors") && table.contains("/healthz"), "{table}");
    // One scenario that the service cannot play is bad usage.
    let mut rehearse = Command::new(greenlight());
    rehearse.args(["rehearse", "--scenario", "two-at-once", "--service"]).arg(&service);
    let output = rehearse.output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("a second service"), "{}", text(&output.stderr));
}
