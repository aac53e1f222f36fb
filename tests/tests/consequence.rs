//! What follows from another failure is logged as information with the name of its cause, and has no remedy of its own.

use greenlight_tests::{Case, play, same};
use rehearsal::{
    HookName, Played,
    world::{Health, World},
};
use serde_json::Value;

fn case(title: &str, gate: &'static str) -> Case {
    Case::new(HookName::AfterInstall, title).gate(gate)
}

/// A check's line has this level, names this cause, and has a hint or has none.
fn line(name: &'static str, level: &'static str, cause: &'static str) -> impl Fn(&Played) -> Result<(), String> {
    move |played| {
        let line = played.log.iter().find(|line| line["check.name"] == name);
        let line = line.ok_or_else(|| format!("there is no line of {name}"))?;
        let text = |field: &str| line.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        same(&format!("the level of {name}"), text("level").as_str(), level)?;
        same(&format!("the cause of {name}"), text("check.caused_by").as_str(), cause)?;
        same(&format!("whether {name} has a hint"), &!text("check.hint").is_empty(), &cause.is_empty())
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
      - { name: tasks, ecs: green, expect: [running >= 99], within: 400ms, every: 200ms }
";
    let told = play(vec![
        case("targets that are unhealthy because tasks do not run", ALL)
            .world(targets_are_unhealthy)
            .fails("NotRunning")
            .and(line("tasks", "ERROR", ""))
            .and(line("targets", "INFO", "tasks")),
        case("targets that are unhealthy for a reason of their own", ALL_BUT_TASKS)
            .world(targets_are_unhealthy)
            .fails("TargetsUnhealthy")
            .and(line("targets", "ERROR", "")),
        case("a cause that only warns explains nothing that decides", WARNS)
            .world(targets_are_unhealthy)
            .fails("TargetsUnhealthy")
            .and(line("tasks", "WARN", ""))
            .and(line("targets", "ERROR", "")),
    ])
    .await;
    insta::assert_snapshot!(told);
}

const ALL_BUT_TASKS: &str = "version: 1
hooks:
  after_install:
    built_in: none
    checks: [{ name: targets, targets: green, expect: [healthy == registered] }, { name: tasks, ecs: green, expect: [running > 0] }]
";

const WARNS: &str = "version: 1
hooks:
  after_install:
    built_in: none
    checks:
      - { name: targets, targets: green, expect: [healthy == registered] }
      - { name: tasks, ecs: green, expect: [running >= 99], on_fail: warn }
";
