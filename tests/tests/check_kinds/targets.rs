//! `targets`.

use greenlight_tests::HookCase;
use rehearsal::{
    Hook,
    world::{Health, World},
};

use super::support::UNRELATED;

/// `targets` works on the original as it does on the replacement.
pub fn cases() -> Vec<HookCase> {
    let blue = only!("before_install", "{ name: mine, targets: blue, expect: [healthy == desired, registered >= 1] }");
    let case = |title: &str| HookCase::new(Hook::BeforeInstall, title).gate(blue);
    fn green_group(world: &mut World) -> &mut rehearsal::world::TargetGroup {
        let arn = world.blue().unwrap().target_group().unwrap().to_owned();
        world.target_group(&arn).unwrap()
    }
    fn unused(world: &mut World) {
        for target in &mut green_group(world).targets {
            target.health = Health::other("unused", "Target.NotInUse", "Target group is not used");
        }
    }
    fn no_listener(world: &mut World) {
        world.listeners.iter_mut().for_each(|listener| listener.default = vec![(UNRELATED.to_owned(), 1)]);
    }
    vec![
        case("the original's targets are healthy").succeeds(),
        case("a target of the original is unhealthy")
            .world(|world| {
                green_group(world).targets[0].health =
                    Health::other("unhealthy", "Target.Timeout", "Request timed out");
            })
            .fails("TargetsUnhealthy"),
        case("the targets are unused, and a listener names their group")
            .world(unused)
            .gate(only!("before_install", "{ name: mine, targets: blue, expect: [healthy == desired] }"))
            .fails("TargetsUnhealthy"),
        case("no listener names the group, and health is the only condition")
            .gate(only!("before_install", "{ name: mine, targets: blue, expect: [healthy == desired] }"))
            .world(unused)
            .world(no_listener)
            .fails("NothingChecked")
            .check_outcome("mine", "not_applicable"),
        case("no listener names the group, health is the only condition, and `no_data` only warns")
            .gate(only!("before_install", "{ name: mine, targets: blue, expect: [healthy == desired], no_data: warn }"))
            .world(unused)
            .world(no_listener)
            .succeeds()
            .check_outcome("mine", "not_applicable"),
        case("no listener names the group, and all targets are registered")
            .world(unused)
            .world(no_listener)
            .succeeds()
            .check_outcome("mine", "passed"),
        case("no listener names the group, and too few targets are registered")
            .world(unused)
            .world(no_listener)
            .world(|world| green_group(world).targets.truncate(1))
            .fails("NoTargets"),
        case("the original has no target").world(|world| green_group(world).targets.clear()).fails("NoTargets"),
    ]
}
