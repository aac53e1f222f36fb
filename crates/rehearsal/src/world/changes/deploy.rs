//! What CodeDeploy does to the world, step by step. `codedeploy` decides when it does so.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use lifecycle::Hook;

use crate::{
    lambda::FunctionName,
    world::{
        Change, ComputePlatform, Deployment, DeploymentBehaviour, DeploymentController, DeploymentStatus, EVENTS,
        EventStatus, Execution, LifecycleEvent, Revision, RevisionFormat, RollbackInfo, TrafficShift, World,
        changes::install::next_version,
    },
};

/// How long a lifecycle event without a hook takes here. The real CodeDeploy waits in Install until the replacement is
/// up. Not waiting lets AfterInstall see it come up, which is what that hook is for.
const STEP: Duration = Duration::from_millis(250);

impl World {
    /// Creates a deployment and returns its id.
    pub fn create_deployment(&mut self, now: SystemTime, creator: &str) -> String {
        let definition = self.next_task_definition(creator);
        self.create_deployment_of(&definition, now, creator)
    }

    /// Creates a deployment of a task definition, and returns its id.
    pub(crate) fn create_deployment_of(&mut self, definition: &str, now: SystemTime, creator: &str) -> String {
        let id = self.ids.deployment();
        let app_spec = app_spec(definition, self.initial.serving_container());
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
            platform: ComputePlatform::Ecs,
            by_cloudformation: self.initial.managed_by == DeploymentController::CloudFormation,
            config: "CodeDeployDefault.ECSAllAtOnce".into(),
            creator: creator.into(),
            description: None,
            status: DeploymentStatus::InProgress,
            created: now,
            completed: None,
            events: EVENTS.iter().map(event).collect(),
            revision: Revision { app_spec, format: RevisionFormat::Content, version: None },
            task_definition: None,
            override_alarms: None,
            auto_rollback: self.group.auto_rollback.clone(),
            pair: self.group.pair.clone(),
            rollback: None,
            error: None,
        });
        id
    }

    /// The task definition that a new deployment names: a new one, except for a rollback.
    fn next_task_definition(&mut self, creator: &str) -> String {
        if creator == "codeDeployRollback" {
            return self.blue().map(|set| set.task_definition.clone()).unwrap_or_default();
        }
        let version = self.versions.last().map(|last| next_version(&last.name)).unwrap_or_default();
        self.register_task_definition(&version, BTreeMap::new())
    }

    /// Moves the newest deployment to another compute platform. A Lambda deployment has fewer lifecycle events.
    pub fn set_platform(&mut self, platform: ComputePlatform) {
        let deployment = self.deployment();
        deployment.platform = platform;
        let of_lambda = ["BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"];
        if platform == ComputePlatform::Lambda {
            deployment.events.retain(|event| of_lambda.contains(&event.name.as_str()));
        }
    }

    /// Starts a lifecycle event of the newest deployment. Returns false if the event is skipped.
    pub fn start_event(&mut self, event: &str, now: SystemTime) -> bool {
        match self.deployment().event(event) {
            Some(it) if it.status != EventStatus::Skipped => {
                it.status = EventStatus::InProgress;
                it.started = Some(now);
                true
            }
            _ => false,
        }
    }

    /// Ends a lifecycle event of the newest deployment, unless it is over already.
    pub fn end_event(&mut self, event: &str, status: EventStatus, now: SystemTime) {
        if let Some(it) = self.deployment().event(event).filter(|it| it.status == EventStatus::InProgress) {
            it.status = status;
            it.ended = Some(now);
        }
    }

    /// Creates the execution id for a hook of the newest deployment, before CodeDeploy invokes it.
    pub fn create_execution(&mut self, event: &str) -> String {
        let (id, deployment) = (self.ids.execution(), self.deployment().id.clone());
        self.executions.push(Execution { id: id.clone(), deployment, event: event.to_owned(), status: None });
        id
    }

    /// Sets the deployment configuration and the creator of the newest deployment.
    pub(crate) fn configure(&mut self, behaviour: &DeploymentBehaviour) {
        self.deployment().config = TrafficShift::config(behaviour.shift).to_owned();
        if self.initial.managed_by == DeploymentController::CloudFormation {
            self.deployment().creator = "CloudFormation".to_owned();
        }
    }

    /// Does what a lifecycle event without a hook does, and returns how long that takes.
    pub fn run_event(&mut self, event: &str, behaviour: &DeploymentBehaviour, now: SystemTime) -> Duration {
        match event {
            "Install" => self.install(behaviour, now),
            "AllowTestTraffic" => self.switch_listener(
                self.group.pair.as_ref().and_then(|pair| pair.test.clone()),
                behaviour.test_listener,
                now,
                false,
            ),
            "AllowTraffic" => {
                let took = self.shift_traffic(behaviour.shift, behaviour.production_listener, now);
                if let Some(id) = self.green().map(|set| set.id.clone()) {
                    self.schedule(now + took, Change::Primary { id });
                }
                return STEP + took;
            }
            _ => {}
        }
        STEP
    }

    /// Ends the newest deployment with success and deletes the original immediately. The real CodeDeploy waits as
    /// configured.
    pub fn complete(&mut self, now: SystemTime) {
        self.cancel_scheduled();
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

    /// Ends the newest deployment as failed or stopped. Everything it has changed stays as it is.
    pub fn fail_deployment(&mut self, status: DeploymentStatus, error: Option<(&str, &str)>, now: SystemTime) {
        self.cancel_scheduled();
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

    /// Creates a deployment that moves the traffic back to the original and deletes the replacement. Returns its id.
    ///
    /// AWS does not document whether hooks are invoked for it; here they are not.
    pub fn roll_back(&mut self, now: SystemTime) -> String {
        let failed = self.deployment().id.clone();
        let green = self.green().map(|set| set.id.clone());
        let blue = self.blue().map(|set| (set.id.clone(), set.target_group().map(str::to_owned)));
        if let Some((id, group)) = blue {
            self.apply(Change::Primary { id }, now);
            // A rule that did not switch to the replacement switches back normally.
            self.rule_behaviours.clear();
            let (pair, idle) = (self.group.pair.clone(), self.supports_weights());
            for (listener, keep_idle) in pair.iter().flat_map(|pair| [(&pair.production, idle), (&pair.test, false)]) {
                if let (Some(listener), Some(group)) = (listener.clone(), &group) {
                    let to = self.forward_only_to(group, keep_idle);
                    self.apply(Change::ListenerForwards { listener, to }, now);
                }
            }
        }
        if let Some(id) = green {
            self.apply(Change::TaskSetDeleted { id }, now);
        }
        let id = self.create_deployment(now, "codeDeployRollback");
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

/// An AppSpec file with the minimum that CodeDeploy requires, and the five hooks.
fn app_spec(definition: &str, (container, port): (String, u16)) -> String {
    let hooks = Hook::ALL.map(|hook| format!("  - {hook}: {}\n", FunctionName::Hook(hook).lambda_name())).concat();
    format!(
        "version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: \"{definition}\"
        LoadBalancerInfo:
          ContainerName: {container}
          ContainerPort: {port}
Hooks:
{hooks}"
    )
}
