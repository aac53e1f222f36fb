//! `tasks`: task sets and their tasks.

use std::time::SystemTime;

use greenlight_tests::{CaseGroup, HookCase};
use rehearsal::{
    Hook,
    world::{Change, TasksStop, World},
};

use super::support::{MINUTE, SECOND, next_task_definition};

/// Stops a task of the replacement `times` times, every half second. ECS starts another task in its place at once.
fn crash_tasks(world: &mut World, times: u32) {
    let set = world.green().unwrap().id.clone();
    let stop = TasksStop {
        code: "EssentialContainerExited".into(),
        reason: "Essential container in task exited".into(),
        exit_code: Some(1),
        container_reason: None,
    };
    for lap in 1..=times {
        world.schedule(
            SystemTime::now() + SECOND / 2 * lap,
            Change::TaskCrashes { set: set.clone(), stop: stop.clone() },
        );
    }
}

pub fn cases() -> CaseGroup {
    let case = |title: &str, gate| HookCase::new(Hook::AfterInstall, title).gate(gate);
    let stable =
        only!("after_install", "{ tasks: green, stable_for: 300ms, every: 100ms, expect: [running == desired] }");
    CaseGroup::from(vec![
        case("the condition stays true for the whole window", stable).succeeds(),
        case(
            "a task is replaced during the window",
            only!("after_install", "{ tasks: green, stable_for: 3s, every: 100ms, within: 0s, expect: [pending == 0] }"),
        )
        // 60 crashes cover the window even if the program starts late. The number of stopped tasks depends on timing,
        // so no condition reads it.
        .world(|world| crash_tasks(world, 60))
        .fails("TasksReplaced"),
        case(
            "a task is replaced, and then no task is replaced for a whole window",
            only!("after_install", "{ tasks: green, stable_for: 2s, every: 100ms, within: 20s, expect: [pending == 0] }"),
        )
        .world(|world| crash_tasks(world, 3))
        .succeeds(),
        case(
            "the service is scaled in during the window",
            only!(
                "after_install",
                "{ tasks: green, stable_for: 3s, every: 100ms, within: 0s, expect: [running == desired] }"
            ),
        )
        .world(|world| {
            let set = world.green().unwrap().id.clone();
            world.schedule(SystemTime::now() + SECOND, Change::ScaledIn { set, by: 1 });
        })
        .succeeds(),
        case(
            "the condition never becomes true",
            only!(
                "after_install",
                "{ tasks: green, stable_for: 300ms, every: 100ms, within: 300ms, expect: [running == desired] }"
            ),
        )
        .world(|world| world.green().unwrap().running = 1)
        .fails("NotRunning"),
        case(
            "both `for` and `stable_for`",
            only!("after_install", "{ tasks: green, stable_for: 1s, for: 1s, expect: [running == desired] }"),
        )
        .fails("GateInvalid"),
        case(
            "no health check, and one task is not running",
            only!(
                "after_install",
                "{ tasks: green, expect: [running == desired, pending == 0, unhealthy_containers == 0, crashed_since_start == 0] }"
            ),
        )
        .world(|world| {
            next_task_definition(world).containers[0].health_check = None;
            world.green().unwrap().running = 1;
        })
        .fails("NotRunning"),
        case(
            "no health check, and the other condition is true",
            only!("after_install", "{ name: mine, tasks: green, expect: [running == desired, unhealthy_containers == 0] }"),
        )
        .world(|world| next_task_definition(world).containers[0].health_check = None)
        .succeeds()
        .check_outcome("mine", "passed"),
        case(
            "no health check, and no other condition",
            only!("after_install", "{ name: mine, tasks: green, expect: [unhealthy_containers == 0] }"),
        )
        .world(|world| next_task_definition(world).containers[0].health_check = None)
        .fails("NothingChecked")
        .check_outcome("mine", "not_applicable"),
        case(
            "unhealthy containers of a task set without tasks",
            only!("after_install", "{ name: mine, tasks: green, expect: [unhealthy_containers == 0] }"),
        )
        .world(|world| {
            world.tasks.clear();
            world.green().unwrap().running = 0;
        })
        .fails("NotRunning")
        .check_outcome("mine", "no_data"),
        case(
            "a task is much younger than its task set, and ECS no longer lists a stopped task",
            only!("after_install", "{ tasks: green, expect: [crashed_since_start == 0] }"),
        )
        .world(|world| {
            let long_ago = SystemTime::now() - 70 * MINUTE;
            world.green().unwrap().created = long_ago;
            world.green_tasks().next().unwrap().created = long_ago;
        })
        .succeeds(),
        case(
            "all tasks are as old as their task set",
            only!("after_install", "{ tasks: green, expect: [crashed_since_start == 0] }"),
        )
        .world(|world| {
            let long_ago = SystemTime::now() - 70 * MINUTE;
            world.green().unwrap().created = long_ago;
            world.green_tasks().for_each(|task| task.created = long_ago);
        })
        .succeeds(),
    ])
    // The number of tasks that have crashed when an attempt runs depends on timing.
    .edit_text(|mut text| {
        let one = "task stopped: web exit code 1; Essential container in task exited; EssentialContainerExited (task 0a1b2c3d); ";
        while text.contains(&one.repeat(2)) {
            text = text.replace(&one.repeat(2), one);
        }
        text
    })
}
