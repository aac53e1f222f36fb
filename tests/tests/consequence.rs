//! A failure that follows from another one is logged at *info* with the name of its cause and without a hint.

use std::process::ExitCode;

use greenlight_tests::{HookCase, Suite, expect_eq};
use rehearsal::{
    Hook, HookRunReport,
    world::{Health, World},
};
use serde_json::Value;

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME")).cases("a_consequence_names_its_cause", a_consequence_names_its_cause).run()
}

fn case(title: &str, gate: &'static str) -> HookCase {
    HookCase::new(Hook::AfterInstall, title).gate(gate)
}

/// Checks a check's log line: its level, its cause, and a hint exactly if it has no cause.
fn log_line_has(
    name: &'static str,
    level: &'static str,
    cause: &'static str,
) -> impl Fn(&HookRunReport) -> Result<(), String> {
    move |played| {
        let line = played.log.iter().find(|line| line["check.name"] == name);
        let line = line.ok_or_else(|| format!("the log has no line for {name}"))?;
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

fn a_consequence_names_its_cause() -> Vec<HookCase> {
    // The check that sees the symptom ends before the check that finds the cause.
    const ALL: &str = "version: 1
hooks:
  after_install:
    built_in: none
    checks:
      - { name: targets, targets: green, expect: [healthy == registered] }
      - { name: tasks, tasks: green, expect: [running >= 99], within: 400ms, every: 200ms }
";
    vec![
        case("targets are unhealthy because tasks are not running", ALL)
            .world(targets_are_unhealthy)
            .fails("NotRunning")
            .assert(log_line_has("tasks", "ERROR", ""))
            .assert(log_line_has("targets", "INFO", "tasks")),
        case("targets are unhealthy for a reason that no other check explains", ALL_BUT_TASKS)
            .world(targets_are_unhealthy)
            .fails("TargetsUnhealthy")
            .assert(log_line_has("targets", "ERROR", "")),
        case("a cause that only warns does not explain a failure that decides", TASKS_WARN)
            .world(targets_are_unhealthy)
            .fails("TargetsUnhealthy")
            .assert(log_line_has("tasks", "WARN", ""))
            .assert(log_line_has("targets", "ERROR", "")),
    ]
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
