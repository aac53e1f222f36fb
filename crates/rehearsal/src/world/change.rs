//! Everything that can change in the world by itself, as time passes.

use std::time::SystemTime;

use super::{Health, Service, ServiceEvent, Target, Task, TaskSet, World};

/// One change.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are what the variant's name says")]
pub enum Change {
    /// A task set appears.
    TaskSetCreated(TaskSet),
    /// A task set goes, and its tasks stop.
    TaskSetDeleted { id: String },
    /// A task set becomes `PRIMARY`, all others `ACTIVE`.
    Primary { id: String },
    /// A task set reaches its steady state.
    Steady { id: String },
    /// A task appears.
    TaskStarted(Task),
    /// A task and its containers run.
    TaskRunning { arn: String },
    /// The health of a task and its containers is known.
    TaskHealth { arn: String, health: String },
    /// A task stops.
    TaskStopped { arn: String, code: String, reason: String, exit_code: Option<i32> },
    /// A target is registered.
    TargetRegistered { group: String, target: Target },
    /// A target's health changes.
    TargetHealth { group: String, id: String, health: Health },
    /// A target is gone.
    TargetGone { group: String, id: String },
    /// A listener forwards elsewhere: target groups with weights.
    ListenerForwards { listener: String, to: Vec<(String, i32)> },
    /// The service says something.
    ServiceSays { message: String },
    /// An alarm changes its state.
    AlarmState { name: String, state: String, reason: String },
}

impl World {
    /// Makes one change. What it is about may have gone by now; then there is nothing to change.
    pub(super) fn apply(&mut self, change: Change, now: SystemTime) {
        match change {
            Change::TaskSetCreated(set) => {
                if let Some(service) = &mut self.service {
                    service.task_sets.push(set);
                }
            }
            Change::TaskSetDeleted { id } => self.delete_task_set(&id, now),
            Change::Primary { id } => {
                for set in self.service.iter_mut().flat_map(|service| &mut service.task_sets) {
                    set.status = if set.id == id { "PRIMARY" } else { "ACTIVE" }.to_owned();
                }
            }
            Change::Steady { id } => {
                if let Some(set) = self.task_set(&id) {
                    set.steady = true;
                }
            }
            Change::TaskStarted(task) => {
                let set = task.started_by.clone();
                // The task set may have gone while this was on its way.
                if self.task_set(&set).is_some() {
                    self.tasks.push(task);
                    self.recount(&set);
                }
            }
            Change::TaskRunning { arn } => self.change_task(&arn, |task| {
                task.last_status = "RUNNING".into();
                task.containers.iter_mut().for_each(|it| it.last_status = "RUNNING".into());
            }),
            Change::TaskHealth { arn, health } => self.change_task(&arn, |task| {
                task.containers.iter_mut().for_each(|it| it.health.clone_from(&health));
                task.health = health;
            }),
            Change::TaskStopped { arn, code, reason, exit_code } => {
                self.change_task(&arn, |task| stop(task, now, &code, &reason, exit_code))
            }
            Change::TargetRegistered { group, target } => {
                if let Some(group) = self.target_group(&group) {
                    group.targets.push(target);
                }
            }
            Change::TargetHealth { group, id, health } => {
                let group = self.target_group(&group);
                if let Some(target) = group.and_then(|group| group.targets.iter_mut().find(|target| target.id == id)) {
                    target.health = health;
                }
            }
            Change::TargetGone { group, id } => {
                if let Some(group) = self.target_group(&group) {
                    group.targets.retain(|target| target.id != id);
                }
            }
            Change::ListenerForwards { listener, to } => {
                if let Some(listener) = self.listener(&listener) {
                    listener.default = to;
                }
            }
            Change::ServiceSays { message } => {
                let id = self.ids.hex(36);
                if let Some(service) = &mut self.service {
                    service.events.insert(0, ServiceEvent { id, at: now, message });
                }
            }
            Change::AlarmState { name, state, reason } => {
                if let Some(alarm) = self.alarms.iter_mut().find(|alarm| alarm.name == name) {
                    alarm.state = state;
                    alarm.reason = reason;
                    alarm.since = now;
                }
            }
        }
    }

    fn change_task(&mut self, arn: &str, change: impl FnOnce(&mut Task)) {
        let Some(task) = self.tasks.iter_mut().find(|task| task.arn == arn && task.last_status != "STOPPED") else {
            return;
        };
        change(task);
        let set = task.started_by.clone();
        self.recount(&set);
    }

    fn recount(&mut self, set: &str) {
        let of_set = || self.tasks.iter().filter(|task| task.started_by == set);
        let running = of_set().filter(|task| task.last_status == "RUNNING").count();
        let stopped = of_set().filter(|task| task.last_status == "STOPPED").count();
        let pending = of_set().count() - running - stopped;
        if let Some(set) = self.task_set(set) {
            set.running = running.try_into().unwrap_or(i32::MAX);
            set.pending = pending.try_into().unwrap_or(i32::MAX);
        }
    }

    fn delete_task_set(&mut self, id: &str, now: SystemTime) {
        let Some(service) = &mut self.service else { return };
        let Some(at) = service.task_sets.iter().position(|set| set.id == id) else { return };
        let gone = service.task_sets.remove(at);
        for task in self.tasks.iter_mut().filter(|task| task.started_by == id && task.last_status != "STOPPED") {
            stop(task, now, "ServiceSchedulerInitiated", "Scaling activity initiated by (deployment deleted)", Some(0));
        }
        let addresses: Vec<_> =
            self.tasks.iter().filter(|task| task.started_by == id).map(|task| task.address.clone()).collect();
        if let Some(group) = gone.target_group().map(str::to_owned).and_then(|arn| self.target_group(&arn)) {
            group.targets.retain(|target| !addresses.contains(&target.id));
        }
    }

    pub(super) fn task_set(&mut self, id: &str) -> Option<&mut TaskSet> {
        self.service.as_mut().and_then(|service: &mut Service| service.task_sets.iter_mut().find(|set| set.id == id))
    }
}

fn stop(task: &mut Task, now: SystemTime, code: &str, reason: &str, exit_code: Option<i32>) {
    task.last_status = "STOPPED".into();
    task.desired_status = "STOPPED".into();
    task.health = "UNKNOWN".into();
    task.stop_code = Some(code.into());
    task.stopped_reason = Some(reason.into());
    task.stopped = Some(now);
    for container in &mut task.containers {
        container.last_status = "STOPPED".into();
        container.health = "UNKNOWN".into();
        container.exit_code = exit_code;
        container.reason = exit_code.is_none().then(|| reason.to_owned());
    }
}
