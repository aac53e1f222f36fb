//! Makes the changes that are due.

use std::time::{Duration, SystemTime};

use crate::world::{
    Change, DeploymentBehaviour, Health, RuleBehaviour, ScheduledChange, Target, Task, TasksStop, World, WorldEvent,
};

impl World {
    /// Makes the changes that are due by `now`, in the order of their times. Changes of the same time are made in the
    /// order in which they were planned.
    pub fn advance_to(&mut self, now: SystemTime) {
        // A change may plan further changes that are due as well.
        while self.scheduled.iter().any(|planned| planned.when <= now) {
            let (mut due, later) =
                std::mem::take(&mut self.scheduled).into_iter().partition::<Vec<_>, _>(|planned| planned.when <= now);
            self.scheduled = later;
            due.sort_by_key(|planned| planned.when);
            for ScheduledChange { when, change, event_text } in due {
                self.apply(change, when);
                self.pending_events.extend(event_text.map(|text| WorldEvent { at: when, text }));
            }
        }
    }

    /// Makes one change. Does nothing if the resource has been removed in the meantime.
    pub(crate) fn apply(&mut self, change: Change, now: SystemTime) {
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
                // A task may have ended since this was scheduled.
                if let Some(set) = self.task_set(&id) {
                    set.steady = set.running == set.desired && set.pending == 0;
                }
            }
            Change::TaskStarted(task) => {
                let set = task.started_by.clone();
                // The task set may have been deleted since this was scheduled.
                if self.task_set(&set).is_some() {
                    self.tasks.push(task);
                    self.recompute_counts(&set);
                }
            }
            Change::TaskRunning { arn } => self.change_task(&arn, |task| {
                task.last_status = "RUNNING".into();
                task.containers.iter_mut().for_each(|it| it.last_status = "RUNNING".into());
            }),
            Change::TaskHealth { arn, health } => self.change_task(&arn, |task| task.set_health(&health)),
            Change::TaskStopped { arn, stop: end } => self.change_task(&arn, |task| stop(task, now, &end)),
            Change::TaskLost { set, stop } => self.replace_task(&set, &stop, now),
            Change::TaskCrashes { set, stop } => self.crash_task(&set, &stop, now),
            Change::ScaledIn { set, by } => self.scale_in(&set, by, now),
            Change::ScaledOut { set, by } => self.scale_out(&set, by, now),
            Change::SidecarExits { set, exit_code } => {
                let alive = |task: &&mut Task| task.started_by == set && task.last_status == "RUNNING";
                let containers = self.tasks.iter_mut().filter(alive).flat_map(|task| &mut task.containers);
                for container in containers.filter(|container| !container.essential) {
                    container.last_status = "STOPPED".into();
                    container.exit_code = Some(exit_code);
                }
            }
            Change::TaskSetTargetHealth { set, health } => {
                let addresses = self.addresses(&set);
                if let Some(group) = self.target_group_of(&set).and_then(|group| self.target_group(&group)) {
                    let own = group.targets.iter_mut().filter(|target| addresses.contains(&target.id));
                    own.for_each(|target| target.health = health.clone());
                }
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
                self.forward_to(&listener, to);
            }
            Change::RuleAdded { listener, rule } => {
                if let Some(listener) = self.listener(&listener) {
                    listener.rules.push(rule);
                }
            }
            Change::ServiceEventAdded { message } => {
                self.add_service_event(message, now);
            }
            Change::AlarmDeleted { name } => self.alarms.retain(|alarm| alarm.name != name),
            Change::EventStatusChanged { event, status } => {
                if let Some(event) = self.deployments.last_mut().and_then(|deployment| deployment.event(&event)) {
                    event.status = status;
                    event.started.get_or_insert(now);
                }
            }
            Change::AlarmState { name, state, reason } => {
                if let Some(alarm) = self.alarms.iter_mut().find(|alarm| alarm.name == name) {
                    alarm.set_state(&state, &reason, now);
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
        self.recompute_counts(&set);
    }

    /// Switches a listener and its rules to `to`. Rules that forward to neither group of the pair stay: CodeDeploy does
    /// not change rules of other services.
    fn forward_to(&mut self, listener: &str, to: Vec<(String, i32)>) {
        let names = self.group.pair.iter().flat_map(|pair| &pair.target_groups);
        let groups = names.filter_map(|name| self.target_groups.iter().find(|group| group.name == *name));
        let pair: Vec<_> = groups.map(|group| group.arn.clone()).collect();
        let about = |forward: &[(String, i32)]| forward.iter().any(|(arn, _)| pair.contains(arn));
        let half: Vec<_> = pair.iter().map(|arn| (arn.clone(), 50)).collect();
        let stuck = self.rule_behaviours.clone();
        let Some(listener) = self.listener(listener) else { return };
        if about(&listener.default) {
            listener.default.clone_from(&to);
        }
        for rule in listener.rules.iter_mut().filter(|rule| about(&rule.forward)) {
            match stuck.get(&rule.priority) {
                None => rule.forward.clone_from(&to),
                Some(RuleBehaviour::Half) => rule.forward.clone_from(&half),
                Some(RuleBehaviour::Stays) => {}
            }
        }
    }

    fn addresses(&self, set: &str) -> Vec<String> {
        self.tasks.iter().filter(|task| task.started_by == set).map(|task| task.address.clone()).collect()
    }

    /// The ARN of a task set's target group.
    fn target_group_of(&mut self, set: &str) -> Option<String> {
        self.task_set(set)?.target_group().map(str::to_owned)
    }

    /// Stops the oldest running task of a set. Returns its address.
    fn stop_oldest_task(&mut self, set: &str, end: &TasksStop, now: SystemTime) -> Option<String> {
        let alive = |task: &&mut Task| task.started_by == set && task.last_status == "RUNNING";
        let task = self.tasks.iter_mut().find(alive)?;
        stop(task, now, end);
        let address = task.address.clone();
        self.recompute_counts(set);
        Some(address)
    }

    fn replace_task(&mut self, set: &str, end: &TasksStop, now: SystemTime) {
        let Some(address) = self.stop_oldest_task(set, end, now) else { return };
        let Some(known) = self.task_set(set) else { return };
        known.steady = false;
        let known = known.clone();
        let Some(group) = self.target_group_of(set) else { return };
        self.schedule(now, Change::TargetGone { group: group.clone(), id: address });
        let behaviour = DeploymentBehaviour::default();
        self.start_task(&known, &group, &behaviour, now);
        let up = now + behaviour.tasks_up + behaviour.targets_up + Duration::from_millis(50);
        self.schedule(up, Change::Steady { id: set.to_owned() });
    }

    fn crash_task(&mut self, set: &str, end: &TasksStop, now: SystemTime) {
        let Some(address) = self.stop_oldest_task(set, end, now) else { return };
        let Some(known) = self.task_set(set).cloned() else { return };
        let mut task = self.new_task(&known, now);
        task.become_running();
        let target = Target { id: task.address.clone(), port: self.container_port(), health: Health::healthy() };
        self.tasks.push(task);
        self.recompute_counts(set);
        if let Some(group) = self.target_group_of(set).and_then(|group| self.target_group(&group)) {
            group.targets.retain(|target| target.id != address);
            group.targets.push(target);
        }
    }

    fn scale_in(&mut self, set: &str, by: i32, now: SystemTime) {
        let Some(known) = self.task_set(set) else { return };
        let by = by.min(known.desired);
        known.desired -= by;
        let group = self.target_group_of(set);
        for _ in 0..by {
            let end = scaled_in(set);
            if let (Some(id), Some(group)) = (self.stop_oldest_task(set, &end, now), group.clone()) {
                let description = "Target deregistration is in progress";
                let health = Health::other("draining", "Target.DeregistrationInProgress", description);
                self.schedule(now, Change::TargetHealth { group: group.clone(), id: id.clone(), health });
                self.schedule(now + Duration::from_millis(500), Change::TargetGone { group, id });
            }
        }
    }

    fn scale_out(&mut self, set: &str, by: i32, now: SystemTime) {
        let Some(known) = self.task_set(set) else { return };
        known.desired += by;
        known.steady = false;
        let known = known.clone();
        let Some(group) = self.target_group_of(set) else { return };
        let behaviour = DeploymentBehaviour::default();
        for _ in 0..by {
            self.start_task(&known, &group, &behaviour, now);
        }
        let up = now + behaviour.tasks_up + behaviour.targets_up + Duration::from_millis(50);
        self.schedule(up, Change::Steady { id: set.to_owned() });
    }

    fn recompute_counts(&mut self, set: &str) {
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
            stop(task, now, &scaled_in("deleted"));
        }
        let addresses = self.addresses(id);
        if let Some(group) = gone.target_group().map(str::to_owned).and_then(|arn| self.target_group(&arn)) {
            group.targets.retain(|target| !addresses.contains(&target.id));
        }
    }
}

/// The stopped reason of a task that ECS's scheduler ended.
fn scaled_in(by: &str) -> TasksStop {
    TasksStop {
        code: "ServiceSchedulerInitiated".into(),
        reason: format!("Scaling activity initiated by (deployment {by})"),
        exit_code: Some(0),
        container_reason: None,
    }
}

fn stop(task: &mut Task, now: SystemTime, end: &TasksStop) {
    task.last_status = "STOPPED".into();
    task.desired_status = "STOPPED".into();
    task.health = "UNKNOWN".into();
    task.stop_code = Some(end.code.clone());
    task.stopped_reason = Some(end.reason.clone());
    task.stopped = Some(now);
    // A container that ended before its task keeps its own exit code.
    for container in task.containers.iter_mut().filter(|container| container.exit_code.is_none()) {
        container.last_status = "STOPPED".into();
        container.health = "UNKNOWN".into();
        container.exit_code = end.exit_code.map(|code| if container.essential { code } else { 0 });
        let unstarted = || end.exit_code.is_none().then(|| end.reason.clone());
        container.reason = end.container_reason.clone().filter(|_| container.essential).or_else(unstarted);
    }
}
