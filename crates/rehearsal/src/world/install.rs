//! The lifecycle event Install: a replacement comes up, or does not.

use std::time::{Duration, SystemTime};

use super::{Change, Course, Health, Target, TaskSet, World, healthy::CONTAINER_PORT};

/// A task that stopped is replaced after this long; ECS takes its time as well.
const AGAIN: Duration = Duration::from_millis(400);
/// So many times. Enough to see that it is no accident.
const ROUNDS: u32 = 3;
/// What happens again and again happens so many times: for longer than any rehearsal.
const LAPS: u32 = 200;
/// ECS calls a task set steady this long after its last target has become healthy.
const SETTLED: Duration = Duration::from_millis(50);

impl World {
    /// The replacement: a task set on the target group that the original does not use.
    pub(super) fn install(&mut self, course: &Course, now: SystemTime) {
        self.stuck.clone_from(&course.rules);
        if !course.task_set {
            return;
        }
        let Some(definition) = self.specify(course) else { return };
        let Some(group) = self.idle_group() else { return };
        let deployment = self.deployment().id.clone();
        for _ in 0..course.targets_left_over {
            let words = "Target deregistration is in progress";
            let health = Health::other("draining", "Target.DeregistrationInProgress", words);
            let target = Target { id: self.ids.address(), port: CONTAINER_PORT, health };
            self.at(now, Change::TargetRegistered { group: group.clone(), target });
        }
        let desired = course.tasks.try_into().unwrap_or(i32::MAX);
        let set = self.new_task_set(deployment, definition, group.clone(), desired, now);
        self.at(now, Change::TaskSetCreated(set.clone()));
        if let Some(why) = &course.no_room {
            let message = format!("{} was unable to place a task. Reason: {why}", self.who(&set));
            let text = "there is no room for the tasks of the replacement".to_owned();
            return self.at_with_news(now, Change::ServiceSays { message }, text);
        }
        let rounds = if course.tasks_stop.is_some() { ROUNDS } else { 1 };
        for round in 0..rounds {
            for _ in 0..desired {
                self.start_task(&set, &group, course, now + AGAIN * round);
            }
        }
        let runs = now + course.tasks_up;
        let settled = runs + course.targets_up + SETTLED;
        if let Some(crash) = &course.tasks_crash {
            // The first one before ECS calls the set steady, and from then on for ever.
            self.at_with_news(
                runs + course.targets_up,
                Change::TaskCrashes { set: set.id.clone(), stop: crash.end.clone() },
                format!("a task of the replacement ends ({}) and is replaced, again and again", crash.end.code),
            );
            for lap in 1..LAPS {
                let stop = crash.end.clone();
                let change = Change::TaskCrashes { set: set.id.clone(), stop };
                self.at(runs + course.targets_up + crash.every * lap, change);
            }
        }
        if let Some(exit_code) = course.sidecar_exits {
            let text = format!("the container log-router ends with exit code {exit_code} in every task");
            self.at_with_news(runs, Change::SidecarExits { set: set.id.clone(), exit_code }, text);
        }
        self.say_what_happens(&set, &group, course, now);
        let fails = course.tasks_stop.is_some() || course.targets_unhealthy.is_some() || course.containers_unhealthy;
        if !fails {
            self.at(settled, Change::Steady { id: set.id.clone() });
            let message = format!("{} has reached a steady state.", self.who(&set));
            self.at(settled, Change::ServiceSays { message });
        }
    }

    /// The task definition of the newest deployment, as the course has it. Gives its ARN.
    fn specify(&mut self, course: &Course) -> Option<String> {
        let definition = self.definitions.last_mut()?;
        let inside = self.versions.iter_mut().find(|version| version.task_definition == definition.arn)?;
        if let (Some(version), Some(own)) = (&course.version, definition.containers.first_mut()) {
            let image = own.image.rsplit_once(':').map_or(own.image.as_str(), |(name, _)| name);
            own.image = format!("{image}:{version}");
            let name = own.image.split_once('/').map_or(own.image.as_str(), |(_, name)| name);
            self.account.images.insert(name.to_owned(), super::digest_of(&own.image));
            inside.name.clone_from(version);
        }
        if let Some(other) = &course.image_holds {
            inside.name.clone_from(other);
        }
        inside.routes.clone_from(&course.routes);
        Some(definition.arn.clone())
    }

    /// The target group of the pair that the original does not use.
    fn idle_group(&mut self) -> Option<String> {
        let taken = self.blue().and_then(|set| set.target_group().map(str::to_owned));
        let names = self.group.pair.iter().flat_map(|pair| &pair.target_groups);
        let mut pair = names.filter_map(|name| self.target_groups.iter().find(|group| group.name == *name));
        pair.find(|group| Some(&group.arn) != taken.as_ref()).map(|group| group.arn.clone())
    }

    fn who(&self, set: &TaskSet) -> String {
        format!("(service {}, taskSet {})", self.group.name, set.id)
    }

    /// The events of the service, in ECS's words.
    fn say_what_happens(&mut self, set: &TaskSet, group: &str, course: &Course, now: SystemTime) {
        let (who, desired) = (self.who(set), set.desired);
        self.at(now, Change::ServiceSays { message: format!("{who} has started {desired} tasks.") });
        let runs = now + course.tasks_up;
        if course.tasks_stop.is_none() && course.targets {
            let message = format!("{who} registered {desired} targets in (target-group {group})");
            self.at(runs, Change::ServiceSays { message });
        }
        if let Some(ill) = &course.targets_unhealthy {
            let why = &ill.description;
            let message =
                format!("{who} (port {CONTAINER_PORT}) is unhealthy in (target-group {group}) due to (reason {why})");
            self.at(runs + course.targets_up, Change::ServiceSays { message });
        }
        if let Some(stop) = &course.tasks_stop {
            let message = format!("{who} is unable to consistently start tasks successfully.");
            let told = format!("the tasks of the replacement stop: {}", stop.code);
            self.at_with_news(runs, Change::ServiceSays { message }, told);
        }
    }

    pub(super) fn start_task(&mut self, set: &TaskSet, group: &str, course: &Course, now: SystemTime) {
        let task = self.new_task(set, now);
        let (arn, id) = (task.arn.clone(), task.address.clone());
        self.at(now, Change::TaskStarted(task));
        let runs = now + course.tasks_up;
        if let Some(stop) = &course.tasks_stop {
            if stop.exit_code.is_some() {
                self.at(now + course.tasks_up / 2, Change::TaskRunning { arn: arn.clone() });
            }
            return self.at(runs, Change::TaskStopped { arn, stop: stop.clone() });
        }
        self.at(runs, Change::TaskRunning { arn: arn.clone() });
        // The container knows of itself before the load balancer does, however long that takes.
        let known = runs + (course.targets_up / 2).min(Duration::from_millis(500));
        let health = if course.containers_unhealthy { "UNHEALTHY" } else { "HEALTHY" };
        self.at(known, Change::TaskHealth { arn: arn.clone(), health: health.into() });
        if let Some(every) = course.containers_flap {
            for lap in 1..LAPS {
                let health = if lap % 2 == 1 { "UNHEALTHY" } else { "HEALTHY" };
                self.at(known + every * lap, Change::TaskHealth { arn: arn.clone(), health: health.into() });
            }
        }
        if !course.targets {
            return;
        }
        let initial = Health::other("initial", "Elb.RegistrationInProgress", "Target registration is in progress");
        let target = Target { id: id.clone(), port: CONTAINER_PORT, health: initial };
        self.at(runs, Change::TargetRegistered { group: group.to_owned(), target });
        let health = match &course.targets_unhealthy {
            Some(ill) => Health::other("unhealthy", &ill.reason, &ill.description),
            None => Health::healthy(),
        };
        self.at(runs + course.targets_up, Change::TargetHealth { group: group.to_owned(), id, health });
    }
}

/// `1.42.0` after `1.41.0`.
pub(super) fn next_version(last: &str) -> String {
    let parts: Vec<_> = last.split('.').collect();
    match parts.as_slice() {
        [major, minor, _] => format!("{major}.{}.0", minor.parse::<u32>().unwrap_or(0) + 1),
        _ => format!("{last}-next"),
    }
}
