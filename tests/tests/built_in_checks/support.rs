//! What several groups of cases use.

use std::time::{Duration, SystemTime};

use rehearsal::world::{Health, Task, World};

pub const ONE_HOUR: Duration = Duration::from_secs(60 * 60);

pub fn alarm_fires(world: &mut World, since: SystemTime) {
    let alarm = &mut world.alarms[0];
    alarm.state = "ALARM".into();
    alarm.reason = "Threshold Crossed: 3 datapoints were greater than the threshold (5.0).".into();
    alarm.since = since;
}

/// Adds a stopped task of the replacement.
pub fn stop_tasks(world: &mut World, code: &str, reason: &str, exit_code: Option<i32>) {
    let mut task: Task = world.green_tasks().next().unwrap().clone();
    task.arn = format!("{}0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d", &task.arn[..task.arn.len() - 32]);
    task.last_status = "STOPPED".into();
    task.desired_status = "STOPPED".into();
    task.stop_code = Some(code.into());
    task.stopped_reason = Some(reason.into());
    task.containers[0].last_status = "STOPPED".into();
    task.containers[0].exit_code = exit_code;
    world.tasks.push(task);
}

pub fn targets(world: &mut World, health: &Health) {
    world.green_group().unwrap().targets.iter_mut().for_each(|target| target.health = health.clone());
}

pub fn blue_arn(world: &mut World) -> String {
    world.blue().unwrap().target_group().unwrap().to_owned()
}

pub fn green_arn(world: &mut World) -> String {
    world.green_group().unwrap().arn.clone()
}

/// The ARN of another service's target group.
pub fn unrelated_target_group(arn: &str) -> String {
    arn.replace("tg-shop-a", "tg-somebody-elses")
}
