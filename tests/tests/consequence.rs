//! What follows from another failure is logged as information with the name of its cause, and has no remedy of its own.

use greenlight_tests::{HookCase, expect_eq, run_cases};
use rehearsal::{
    HookName, HookRunReport,
    world::{Health, World},
};
use serde_json::Value;

fn case(title: &str, gate: &'static str) -> HookCase {
    HookCase::new(HookName::AfterInstall, title).gate(gate)
}

/// A check's line has this level, names this cause, and has a hint or has none.
fn log_line_has(
    name: &'static str,
    level: &'static str,
    cause: &'static str,
) -> impl Fn(&HookRunReport) -> Result<(), String> {
    move |played| {
        let line = played.log.iter().find(|line| line["check.name"] == name);
        let line = line.ok_or_else(|| format!("there is no line of {name}"))?;
        let text = |field: &str| line.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        expect_eq(&format!("the level of {name}"), text("level").as_str(), level)?;
        expect_eq(&format!("the cause of {name}"), text("check.caused_by").as_str(), cause)?;
        expect_eq(&format!("whether {name} has a hint"), &!text("check.hint").is_empty(), &cause.is_empty())
    }
}

fn targets_are_unhealthy(world: &mut World) {
    let unhealthy = Health::other("unhealthy", "Target.Timeout", "Request timed out");
    world.green_group().unwrap().targets.iter_mut().for_each(|target| target.health = unhealthy.clone());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consequence_names_its_cause() {
    // The symptoms end before their cause is found.
    const ALL: &str = "version: 1
hooks:
  after_install:
    built_in: none
    checks:
      - { name: targets, targets: green, expect: [healthy == registered] }
      - { name: tasks, tasks: green, expect: [running >= 99], within: 400ms, every: 200ms }
";
    let transcript = run_cases(vec![
        case("targets that are unhealthy because tasks do not run", ALL)
            .world(targets_are_unhealthy)
            .fails("NotRunning")
            .assert(log_line_has("tasks", "ERROR", ""))
            .assert(log_line_has("targets", "INFO", "tasks")),
        case("targets that are unhealthy for a reason of their own", ALL_BUT_TASKS)
            .world(targets_are_unhealthy)
            .fails("TargetsUnhealthy")
            .assert(log_line_has("targets", "ERROR", "")),
        case("a cause that only warns explains nothing that decides", TASKS_WARN)
            .world(targets_are_unhealthy)
            .fails("TargetsUnhealthy")
            .assert(log_line_has("tasks", "WARN", ""))
            .assert(log_line_has("targets", "ERROR", "")),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

const ALL_BUT_TASKS: &str = "version: 1
hooks:
  after_install:
    built_in: none
    checks: [{ name: targets, targets: green, expect: [healthy == registered] }, { name: tasks, tasks: green, expect: [running > 0] }]
";

const TASKS_WARN: &str = "version: 1
hooks:
  after_install:
    built_in: none
    checks:
      - { name: targets, targets: green, expect: [healthy == registered] }
      - { name: tasks, tasks: green, expect: [running >= 99], on_fail: warn }
";
