//! What CodeDeploy does to the world, step by step. When it does it is the director's business.

use std::time::{Duration, SystemTime};

use super::{
    AlarmFires, Change, Course, Deployment, DeploymentStatus, EVENTS, EventStatus, Execution, Health, LifecycleEvent,
    RollbackInfo, Switch, Target, TaskSet, World, healthy::CONTAINER_PORT,
};

/// How long a lifecycle event without a hook takes here. CodeDeploy would wait in Install for the replacement to come
/// up; not waiting lets AfterInstall see it come up, which is what that hook is for.
const STEP: Duration = Duration::from_millis(250);
/// A crashed task is replaced after this long; ECS takes its time as well.
const AGAIN: Duration = Duration::from_millis(400);
/// So many times. Enough to see that it is no accident.
const ROUNDS: u32 = 3;

impl World {
    /// Creates a deployment and gives its id.
    pub fn begin(&mut self, now: SystemTime, creator: &str) -> String {
        let id = self.ids.deployment();
        let has_test = self.group.pair.as_ref().is_some_and(|pair| pair.test.is_some());
        let event = |name: &&str| LifecycleEvent {
            name: (*name).to_owned(),
            status: if has_test || !name.contains("TestTraffic") { EventStatus::Pending } else { EventStatus::Skipped },
            started: None,
            ended: None,
        };
        self.deployments.push(Deployment {
            id: id.clone(),
            application: self.group.application.clone(),
            group: self.group.name.clone(),
            target: self
                .group
                .services
                .first()
                .map(|(cluster, service)| format!("{cluster}:{service}"))
                .unwrap_or_default(),
            platform: "ECS".into(),
            creator: creator.into(),
            status: DeploymentStatus::InProgress,
            created: now,
            completed: None,
            events: EVENTS.iter().map(event).collect(),
            override_alarms: None,
            auto_rollback: self.group.auto_rollback.clone(),
            pair: self.group.pair.clone(),
            rollback: None,
            error: None,
        });
        id
    }

    /// A lifecycle event of the newest deployment begins. One that is skipped does not: false.
    pub fn enter(&mut self, event: &str, now: SystemTime) -> bool {
        match self.deployment().event(event) {
            Some(it) if it.status != EventStatus::Skipped => {
                it.status = EventStatus::InProgress;
                it.started = Some(now);
                true
            }
            _ => false,
        }
    }

    /// A lifecycle event of the newest deployment ends, unless it is over already.
    pub fn leave(&mut self, event: &str, status: EventStatus, now: SystemTime) {
        if let Some(it) = self.deployment().event(event).filter(|it| it.status == EventStatus::InProgress) {
            it.status = status;
            it.ended = Some(now);
        }
    }

    /// A hook of the newest deployment is about to be invoked: the id to answer with.
    pub fn execution(&mut self, event: &str) -> String {
        let (id, deployment) = (self.ids.execution(), self.deployment().id.clone());
        self.executions.push(Execution { id: id.clone(), deployment, event: event.to_owned(), answer: None });
        id
    }

    /// Does what a lifecycle event without a hook does, and gives how long that takes.
    pub fn carry_out(&mut self, event: &str, course: &Course, now: SystemTime) -> Duration {
        match event {
            "Install" => self.install(course, now),
            "AllowTestTraffic" => self.allow(
                self.group.pair.as_ref().and_then(|pair| pair.test.clone()),
                course.test_listener,
                now,
                false,
            ),
            "AllowTraffic" => {
                self.allow(
                    self.group.pair.as_ref().and_then(|pair| pair.production.clone()),
                    course.production_listener,
                    now,
                    true,
                );
                if let Some(id) = self.green().map(|set| set.id.clone()) {
                    self.at(now, Change::Primary { id });
                }
            }
            _ => {}
        }
        STEP
    }

    /// A lifecycle event is over: plans the alarms that fire after it.
    pub fn plan_alarms(&mut self, course: &Course, event: &str, now: SystemTime) {
        for AlarmFires { name, delay, reason, .. } in course.alarms.iter().filter(|alarm| alarm.fires_after == event) {
            let change = Change::AlarmState { name: name.clone(), state: "ALARM".into(), reason: reason.clone() };
            self.at_with_news(now + *delay, change, format!("alarm {name} begins to fire"));
        }
    }

    /// The replacement: a task set on the target group that the original does not use.
    fn install(&mut self, course: &Course, now: SystemTime) {
        let Some(version) =
            course.version.clone().or_else(|| self.versions.last().map(|last| next_version(&last.name)))
        else {
            return;
        };
        let definition = self.define(&version, course.routes.clone());
        let taken = self.blue().and_then(|set| set.target_group().map(str::to_owned));
        let names = self.group.pair.iter().flat_map(|pair| &pair.target_groups);
        let pair: Vec<_> =
            names.filter_map(|name| self.target_groups.iter().find(|group| group.name == *name)).collect();
        let Some(group) = pair.iter().find(|group| Some(&group.arn) != taken.as_ref()).map(|group| group.arn.clone())
        else {
            return;
        };
        let deployment = self.deployment().id.clone();
        let desired = course.tasks.try_into().unwrap_or(i32::MAX);
        let set = self.new_task_set(deployment, definition, group.clone(), desired, now);
        self.at(now, Change::TaskSetCreated(set.clone()));
        let rounds = if course.tasks_stop.is_some() { ROUNDS } else { 1 };
        for round in 0..rounds {
            for _ in 0..desired {
                self.start_task(&set, &group, course, now + AGAIN * round);
            }
        }
        let who = format!("(service web, taskSet {})", set.id);
        self.at(now, Change::ServiceSays { message: format!("{who} has started {desired} tasks.") });
        if course.tasks_stop.is_none() {
            let message = format!("{who} registered {desired} targets in (target-group {group})");
            self.at(now + course.tasks_up, Change::ServiceSays { message });
        }
        if let Some(ill) = &course.targets_unhealthy {
            let why = &ill.description;
            let message =
                format!("{who} (port {CONTAINER_PORT}) is unhealthy in (target-group {group}) due to (reason {why})");
            self.at(now + course.tasks_up + course.targets_up, Change::ServiceSays { message });
        }
        if let Some(stop) = &course.tasks_stop {
            let message = format!("{who} is unable to consistently start tasks successfully.");
            let told = format!("the tasks of the replacement stop: {}", stop.code);
            self.at_with_news(now + course.tasks_up, Change::ServiceSays { message }, told);
        }
        let up = now + course.tasks_up + course.targets_up + Duration::from_millis(50);
        if course.tasks_stop.is_none() && course.targets_unhealthy.is_none() && !course.containers_unhealthy {
            self.at(up, Change::Steady { id: set.id.clone() });
            let message = format!("{who} has reached a steady state.");
            self.at(up, Change::ServiceSays { message });
        }
    }

    fn start_task(&mut self, set: &TaskSet, group: &str, course: &Course, now: SystemTime) {
        let task = self.new_task(set, now);
        let (arn, id) = (task.arn.clone(), task.address.clone());
        self.at(now, Change::TaskStarted(task));
        let runs = now + course.tasks_up;
        if let Some(stop) = &course.tasks_stop {
            if stop.exit_code.is_some() {
                self.at(now + course.tasks_up / 2, Change::TaskRunning { arn: arn.clone() });
            }
            let (code, reason) = (stop.code.clone(), stop.reason.clone());
            return self.at(runs, Change::TaskStopped { arn, code, reason, exit_code: stop.exit_code });
        }
        self.at(runs, Change::TaskRunning { arn: arn.clone() });
        let health = if course.containers_unhealthy { "UNHEALTHY" } else { "HEALTHY" };
        self.at(runs + course.targets_up / 2, Change::TaskHealth { arn, health: health.into() });
        let initial = Health::other("initial", "Elb.RegistrationInProgress", "Target registration is in progress");
        let target = Target { id: id.clone(), port: CONTAINER_PORT, health: initial };
        self.at(runs, Change::TargetRegistered { group: group.to_owned(), target });
        let health = match &course.targets_unhealthy {
            Some(ill) => Health::other("unhealthy", &ill.reason, &ill.description),
            None => Health::healthy(),
        };
        self.at(runs + course.targets_up, Change::TargetHealth { group: group.to_owned(), id, health });
    }

    /// Tells a listener to forward to the replacement.
    fn allow(&mut self, listener: Option<String>, switch: Switch, now: SystemTime, keep_idle: bool) {
        let (Some(listener), Switch::After(lag)) = (listener, switch) else { return };
        let Some(green) = self.green().and_then(|set| set.target_group().map(str::to_owned)) else { return };
        let to = self.only(&green, keep_idle);
        self.at(now + lag, Change::ListenerForwards { listener, to });
    }

    /// Everything to one target group; on the production listener the other one stays, with weight 0.
    fn only(&self, group: &str, keep_idle: bool) -> Vec<(String, i32)> {
        let weights = self.target_groups.iter().map(|it| (it.arn.clone(), if it.arn == group { 100 } else { 0 }));
        weights.filter(|(_, weight)| keep_idle || *weight > 0).collect()
    }

    /// The newest deployment has succeeded: the original goes (at once; CodeDeploy would wait as configured).
    pub fn complete(&mut self, now: SystemTime) {
        self.forget_plans();
        let deployment = self.deployment();
        deployment.status = DeploymentStatus::Succeeded;
        deployment.completed = Some(now);
        let id = deployment.id.clone();
        let gone: Vec<_> = self
            .service
            .iter()
            .flat_map(|service| &service.task_sets)
            .filter(|set| set.external_id != id)
            .map(|set| set.id.clone())
            .collect();
        for id in gone {
            self.apply(Change::TaskSetDeleted { id }, now);
        }
    }

    /// The newest deployment has failed or was stopped. What it had begun stays where it is.
    pub fn give_up(&mut self, status: DeploymentStatus, error: Option<(&str, &str)>, now: SystemTime) {
        self.forget_plans();
        let deployment = self.deployment();
        deployment.status = status;
        deployment.completed = Some(now);
        deployment.error = error.map(|(code, message)| (code.to_owned(), message.to_owned()));
        for event in &mut deployment.events {
            match event.status {
                EventStatus::InProgress => {
                    event.status =
                        if status == DeploymentStatus::Stopped { EventStatus::Skipped } else { EventStatus::Failed };
                    event.ended = Some(now);
                }
                EventStatus::Pending => event.status = EventStatus::Skipped,
                _ => {}
            }
        }
    }

    /// A new deployment takes the traffic back to the original and takes the replacement away. Gives its id.
    ///
    /// AWS does not document whether hooks are invoked for it; here they are not.
    pub fn roll_back(&mut self, now: SystemTime) -> String {
        let failed = self.deployment().id.clone();
        let green = self.green().map(|set| set.id.clone());
        let blue = self.blue().map(|set| (set.id.clone(), set.target_group().map(str::to_owned)));
        if let Some((id, group)) = blue {
            self.apply(Change::Primary { id }, now);
            let pair = self.group.pair.clone();
            for (listener, keep_idle) in pair.iter().flat_map(|pair| [(&pair.production, true), (&pair.test, false)]) {
                if let (Some(listener), Some(group)) = (listener.clone(), &group) {
                    let to = self.only(group, keep_idle);
                    self.apply(Change::ListenerForwards { listener, to }, now);
                }
            }
        }
        if let Some(id) = green {
            self.apply(Change::TaskSetDeleted { id }, now);
        }
        let id = self.begin(now, "codeDeployRollback");
        let undo = |by: Option<String>, of: Option<String>| RollbackInfo {
            message: match &by {
                Some(by) => format!("Deployment {failed} failed. It was rolled back by deployment {by}."),
                None => format!("Deployment {failed} failed. This deployment rolls it back."),
            },
            rolled_back_by: by,
            triggered_by: of,
        };
        let (undone, undoes) = (undo(Some(id.clone()), None), undo(None, Some(failed.clone())));
        for deployment in &mut self.deployments {
            if deployment.id == failed {
                deployment.rollback = Some(undone.clone());
            } else if deployment.id == id {
                deployment.rollback = Some(undoes.clone());
                deployment.status = DeploymentStatus::Succeeded;
                deployment.completed = Some(now);
                for event in &mut deployment.events {
                    event.status = EventStatus::Succeeded;
                }
            }
        }
        id
    }
}

/// `1.42.0` after `1.41.0`.
fn next_version(last: &str) -> String {
    let parts: Vec<_> = last.split('.').collect();
    match parts.as_slice() {
        [major, minor, _] => format!("{major}.{}.0", minor.parse::<u32>().unwrap_or(0) + 1),
        _ => format!("{last}-next"),
    }
}
