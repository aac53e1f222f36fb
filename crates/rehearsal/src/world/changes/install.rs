//! The lifecycle event Install: a replacement comes up, or fails to.

use std::time::{Duration, SystemTime};

use crate::world::{Change, DeploymentBehaviour, Health, Target, TaskSet, World, digest_of};

/// A task that stopped is replaced after this time; ECS takes time for it as well.
const RESTART_DELAY: Duration = Duration::from_millis(400);
/// How many times it is replaced: often enough to show that it did not stop by chance.
const RESTARTS: u32 = 3;
/// How many times a repeated change happens: enough to outlast any rehearsal.
const FLAPS: u32 = 200;
/// ECS reports a task set as steady this long after its last target became healthy.
const STEADY_AFTER: Duration = Duration::from_millis(50);

impl World {
    /// Creates the replacement: a task set on the target group that the original does not use.
    pub(crate) fn install(&mut self, behaviour: &DeploymentBehaviour, now: SystemTime) {
        self.rule_behaviours.clone_from(&behaviour.rules);
        if !behaviour.task_set {
            return;
        }
        let Some(definition) = self.adjust_task_definition(behaviour) else { return };
        let Some(group) = self.idle_group() else { return };
        let deployment = self.deployment().id.clone();
        for _ in 0..behaviour.targets_left_over {
            let description = "Target deregistration is in progress";
            let health = Health::other("draining", "Target.DeregistrationInProgress", description);
            let target = Target { id: self.ids.address(), port: self.container_port(), health };
            self.schedule(now, Change::TargetRegistered { group: group.clone(), target });
        }
        let desired = behaviour.tasks.try_into().unwrap_or(i32::MAX);
        let set = self.new_task_set(deployment, definition, group.clone(), desired, now);
        self.schedule(now, Change::TaskSetCreated(set.clone()));
        if let Some(why) = &behaviour.no_room {
            let message = format!("{} was unable to place a task. Reason: {why}", self.describe_task_set(&set));
            let text = "there is no capacity for the tasks of the replacement".to_owned();
            return self.schedule_with_event(now, Change::ServiceEventAdded { message }, text);
        }
        let rounds = if behaviour.tasks_stop.is_some() { RESTARTS } else { 1 };
        for round in 0..rounds {
            for _ in 0..desired {
                self.start_task(&set, &group, behaviour, now + RESTART_DELAY * round);
            }
        }
        let runs = now + behaviour.tasks_up;
        let settled = runs + behaviour.targets_up + STEADY_AFTER;
        if let Some(crash) = &behaviour.tasks_crash {
            // The first crash comes before ECS reports the set as steady; the others follow until the end.
            self.schedule_with_event(
                runs + behaviour.targets_up,
                Change::TaskCrashes { set: set.id.clone(), stop: crash.end.clone() },
                format!("a task of the replacement ends ({}) and is replaced, again and again", crash.end.code),
            );
            for lap in 1..FLAPS {
                let stop = crash.end.clone();
                let change = Change::TaskCrashes { set: set.id.clone(), stop };
                self.schedule(runs + behaviour.targets_up + crash.every * lap, change);
            }
        }
        if let Some(exit_code) = behaviour.sidecar_exits {
            let text = format!("the container log-router ends with exit code {exit_code} in every task");
            self.schedule_with_event(runs, Change::SidecarExits { set: set.id.clone(), exit_code }, text);
        }
        self.add_service_events(&set, &group, behaviour, now);
        let fails =
            behaviour.tasks_stop.is_some() || behaviour.targets_unhealthy.is_some() || behaviour.containers_unhealthy;
        if !fails {
            self.schedule(settled, Change::Steady { id: set.id.clone() });
            let message = format!("{} has reached a steady state.", self.describe_task_set(&set));
            self.schedule(settled, Change::ServiceEventAdded { message });
        }
    }

    /// Adapts the task definition of the newest deployment to the scenario. Returns its ARN.
    fn adjust_task_definition(&mut self, behaviour: &DeploymentBehaviour) -> Option<String> {
        let requested = self.deployment().task_definition.clone();
        let mut definitions = self.definitions.iter_mut().rev();
        let definition = definitions.find(|it| requested.as_ref().is_none_or(|arn| *arn == it.arn))?;
        let inside = self.versions.iter_mut().find(|version| version.task_definition == definition.arn)?;
        if let (Some(version), Some(own)) = (&behaviour.version, definition.containers.first_mut()) {
            let image = own.image.rsplit_once(':').map_or(own.image.as_str(), |(name, _)| name);
            own.image = format!("{image}:{version}");
            let name = own.image.split_once('/').map_or(own.image.as_str(), |(_, name)| name);
            self.account.images.insert(name.to_owned(), digest_of(&own.image));
            inside.name.clone_from(version);
        }
        if let Some(other) = &behaviour.version_in_image {
            inside.name.clone_from(other);
        }
        inside.routes.clone_from(&behaviour.routes);
        Some(definition.arn.clone())
    }

    /// The target group of the pair that the original does not use.
    fn idle_group(&mut self) -> Option<String> {
        let taken = self.blue().and_then(|set| set.target_group().map(str::to_owned));
        let names = self.group.pair.iter().flat_map(|pair| &pair.target_groups);
        let mut pair = names.filter_map(|name| self.target_groups.iter().find(|group| group.name == *name));
        pair.find(|group| Some(&group.arn) != taken.as_ref()).map(|group| group.arn.clone())
    }

    fn describe_task_set(&self, set: &TaskSet) -> String {
        format!("(service {}, taskSet {})", self.group.name, set.id)
    }

    /// Schedules the events of the service, in ECS's words.
    fn add_service_events(&mut self, set: &TaskSet, group: &str, behaviour: &DeploymentBehaviour, now: SystemTime) {
        let (who, desired) = (self.describe_task_set(set), set.desired);
        self.schedule(now, Change::ServiceEventAdded { message: format!("{who} has started {desired} tasks.") });
        let runs = now + behaviour.tasks_up;
        if behaviour.tasks_stop.is_none() && behaviour.targets {
            let message = format!("{who} registered {desired} targets in (target-group {group})");
            self.schedule(runs, Change::ServiceEventAdded { message });
        }
        if let Some(ill) = &behaviour.targets_unhealthy {
            let why = &ill.description;
            let port = self.container_port();
            let message = format!("{who} (port {port}) is unhealthy in (target-group {group}) due to (reason {why})");
            self.schedule(runs + behaviour.targets_up, Change::ServiceEventAdded { message });
        }
        if let Some(stop) = &behaviour.tasks_stop {
            let message = format!("{who} is unable to consistently start tasks successfully.");
            let text = format!("the tasks of the replacement stop: {}", stop.code);
            self.schedule_with_event(runs, Change::ServiceEventAdded { message }, text);
        }
    }

    pub(crate) fn start_task(&mut self, set: &TaskSet, group: &str, behaviour: &DeploymentBehaviour, now: SystemTime) {
        let task = self.new_task(set, now);
        let (arn, id) = (task.arn.clone(), task.address.clone());
        self.schedule(now, Change::TaskStarted(task));
        let runs = now + behaviour.tasks_up;
        if let Some(stop) = &behaviour.tasks_stop {
            if stop.exit_code.is_some() {
                self.schedule(now + behaviour.tasks_up / 2, Change::TaskRunning { arn: arn.clone() });
            }
            return self.schedule(runs, Change::TaskStopped { arn, stop: stop.clone() });
        }
        self.schedule(runs, Change::TaskRunning { arn: arn.clone() });
        // The container's health is known before the target's, however long the load balancer takes.
        let known = runs + (behaviour.targets_up / 2).min(Duration::from_millis(500));
        let health = if behaviour.containers_unhealthy { "UNHEALTHY" } else { "HEALTHY" };
        self.schedule(known, Change::TaskHealth { arn: arn.clone(), health: health.into() });
        if let Some(every) = behaviour.containers_flap {
            for lap in 1..FLAPS {
                let health = if lap % 2 == 1 { "UNHEALTHY" } else { "HEALTHY" };
                self.schedule(known + every * lap, Change::TaskHealth { arn: arn.clone(), health: health.into() });
            }
        }
        if !behaviour.targets {
            return;
        }
        let initial = Health::other("initial", "Elb.RegistrationInProgress", "Target registration is in progress");
        let target = Target { id: id.clone(), port: self.container_port(), health: initial };
        self.schedule(runs, Change::TargetRegistered { group: group.to_owned(), target });
        let health = match &behaviour.targets_unhealthy {
            Some(ill) => Health::other("unhealthy", &ill.reason, &ill.description),
            None => Health::healthy(),
        };
        self.schedule(runs + behaviour.targets_up, Change::TargetHealth { group: group.to_owned(), id, health });
    }
}

/// `1.42.0` after `1.41.0`.
pub(crate) fn next_version(last: &str) -> String {
    let parts: Vec<_> = last.split('.').collect();
    match parts.as_slice() {
        [major, minor, _] => format!("{major}.{}.0", minor.parse::<u32>().unwrap_or(0) + 1),
        _ => format!("{last}-next"),
    }
}
