//! What several groups of cases use.

use std::time::Duration;

use rehearsal::{HookRunReport, world::World};

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);

/// Another service's target group.
pub const UNRELATED: &str = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/tg-other/0123456789abcdef";

/// A gate file in which a hook runs one check and no built-in checks.
macro_rules! only {
    ($hook:literal, $check:expr) => {
        concat!("version: 1\nhooks: { ", $hook, ": { built_in: none, checks: [", $check, "] } }")
    };
}

/// The requests that the service received, one line each.
pub fn request_lines(played: &HookRunReport) -> Vec<String> {
    played.requests_to_service.iter().map(|request| format!("{} {}", request.method, request.path)).collect()
}

pub fn route<'a>(world: &'a mut World, path: &str) -> &'a mut rehearsal::world::RouteResponse {
    world.versions.last_mut().unwrap().routes.entry(path.to_owned()).or_default()
}

pub const PINNED_IMAGE: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Makes the replacement's task definition name its image by digest.
pub fn pin_image(world: &mut World) {
    world.definitions.last_mut().unwrap().containers[0].image = PINNED_IMAGE.into();
}

/// A gate file with one request, after a barrier that does not wait.
macro_rules! request {
    ($keys:literal) => {
        only!(
            "after_allow_test_traffic",
            concat!("{ name: forwards_to, forwards_to: green, settle: 0s }, { name: mine, ", $keys, " }")
        )
    };
}

/// The task definition that the deployment deploys.
pub fn next_task_definition(world: &mut World) -> &mut rehearsal::world::TaskDefinition {
    world.definitions.last_mut().unwrap()
}
