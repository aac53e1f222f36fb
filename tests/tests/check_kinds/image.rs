//! `image`.

use greenlight_tests::HookCase;
use rehearsal::{Hook, world::World};

use super::support::{PINNED_IMAGE, next_task_definition, pin_image};

fn set_running_digest(world: &mut World, digest: Option<&str>) {
    world.green_tasks().for_each(|task| task.containers[0].digest = digest.map(str::to_owned));
}

pub fn cases() -> Vec<HookCase> {
    let case = |title: &str| {
        HookCase::new(Hook::AfterInstall, title).gate(only!("after_install", "{ name: image, image: green }"))
    };
    let digest = PINNED_IMAGE.split_once('@').unwrap().1;
    vec![
        case("by tag, and all tasks run the same image").succeeds().check_outcome("image", "passed"),
        case("the tag was moved while ECS started the tasks")
            .world(|world| {
                let task = world.green_tasks().next().unwrap();
                task.containers[0].digest = Some(format!("sha256:{}", "b".repeat(64)));
            })
            .fails("ImagesDiffer"),
        case("by digest, and that image runs")
            .world(move |world| {
                pin_image(world);
                set_running_digest(world, Some(digest));
            })
            .succeeds(),
        case("by digest, and another image runs").world(pin_image).fails("WrongImage"),
        case("ECS reports no digest yet")
            .world(|world| set_running_digest(world, None))
            .fails("ImageUnknown")
            .check_outcome("image", "no_data"),
        case("no task runs").world(|world| world.tasks.clear()).fails("NotRunning").check_outcome("image", "no_data"),
        case("not every task is listed")
            .world(|world| {
                let last = world.green_tasks().last().unwrap().arn.clone();
                world.tasks.retain(|task| task.arn != last);
            })
            .fails("ImageUnknown")
            .check_outcome("image", "no_data"),
        case("a fact that needs all tasks, and not every task is listed")
            .gate(only!(
                "after_install",
                "{ name: image, http: 'http://shop.invalid/{{green.image_digest}}', expect: [status == 200] }"
            ))
            .world(|world| {
                let last = world.green_tasks().last().unwrap().arn.clone();
                world.tasks.retain(|task| task.arn != last);
            })
            .fails("FactUnknown"),
        case("the task definition has no container")
            .world(|world| next_task_definition(world).containers.clear())
            .fails("ImageUnknown")
            .check_outcome("image", "no_data"),
        case("ECS reports no digest for an image from another registry")
            .world(|world| {
                next_task_definition(world).containers[0].image = "public.ecr.aws/nginx/nginx:1.29".into();
                set_running_digest(world, None);
            })
            .fails("ImageUnknown"),
        case("no replacement task set")
            .world(|world| world.service.as_mut().unwrap().task_sets.truncate(1))
            .fails("ReplacementMissing"),
        case("a container that does not exist")
            .gate(only!("after_install", "{ name: image, image: green, containers: [wbe] }"))
            .fails("ImageUnknown"),
        case("only one named container")
            .gate(only!("after_install", "{ name: image, image: green, containers: web }"))
            .succeeds(),
        case("the original's image").gate(only!("after_install", "{ name: image, image: blue }")).succeeds(),
    ]
}
