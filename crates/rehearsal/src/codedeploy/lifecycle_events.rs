//! Takes one deployment through its lifecycle events.

use std::{
    sync::MutexGuard,
    time::{Duration, Instant, SystemTime},
};

use lifecycle::{Hook, Status};

use crate::{
    codedeploy::{
        deployment_run::DeploymentRun, expectations, simulated_codedeploy::POLL_INTERVAL,
        tracked_execution::TrackedExecution,
    },
    lambda::Invoker,
    report::{AnsweredBy, DeploymentOutcome, DeploymentReport, EventKind, HookRun},
    scenario::{FAILED, HookTarget, InvokeError, ScenarioDeployment},
    world::{DeploymentStatus, EVENTS, EventStatus, World},
};

/// How long invocations that still run at the end of a deployment get to finish.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// How the lifecycle of a deployment ended.
enum DeploymentEnd {
    Succeeded,
    Refused { by: Hook, error: (&'static str, &'static str) },
    Stopped,
}

impl<'a, F: Invoker> DeploymentRun<'a, F> {
    pub async fn deploy(mut self) -> anyhow::Result<DeploymentReport> {
        self.event_sender.created = Instant::now();
        let before = self.create_deployment();
        let (number, total) = self.number;
        self.send_event(EventKind::DeploymentCreated { deployment: self.deployment.clone(), number, total });
        let mut hooks = Vec::new();
        let end = self.run_lifecycle(&mut hooks).await?;
        let (outcome, stopped_by) = self.finish_deployment(&end);
        let redelivery_difference = self.redeliver_if_due(None).await?;
        self.finish_background().await?;
        let final_state = self.final_state(&before);
        self.send_event(EventKind::DeploymentEnded { outcome, text: final_state.clone() });
        let ScenarioDeployment { expect, is_trial, .. } = self.scenario_deployment;
        let mut differences = match is_trial {
            true => Vec::new(),
            false => expectations::differences(expect, outcome, stopped_by, &hooks),
        };
        differences.extend(redelivery_difference);
        differences.extend(self.invariant_violations(&hooks));
        let (deployment, took) = (self.deployment, self.event_sender.created.elapsed());
        Ok(DeploymentReport { deployment, outcome, stopped_by, hooks, final_state, differences, took })
    }

    /// Creates the deployment. Returns a description of what served customers before it.
    fn create_deployment(&mut self) -> String {
        let mut world = self.world();
        let before = world.describe_serving();
        if let Some(requested) = &self.requested {
            world.deployment().status = DeploymentStatus::InProgress;
            world.set_platform(self.scenario_deployment.platform);
            drop(world);
            self.deployment.clone_from(&requested.id);
            return before;
        }
        let id = world.create_deployment(SystemTime::now(), &self.scenario_deployment.creator);
        world.deployment().description.clone_from(&self.scenario_deployment.description);
        if let Some(file) = &self.appspec_file {
            let definition = world.definitions.last().map(|newest| newest.arn.clone()).unwrap_or_default();
            world.deployment().revision.app_spec = file.with_task_definition(&definition);
        }
        world.configure(&self.scenario_deployment.behaviour);
        world.set_platform(self.scenario_deployment.platform);
        drop(world);
        self.deployment = id;
        before
    }

    /// Runs the lifecycle events until one of them ends the deployment.
    async fn run_lifecycle(&mut self, hooks: &mut Vec<HookRun>) -> anyhow::Result<DeploymentEnd> {
        for event in EVENTS {
            if self.is_stop_requested() {
                return Ok(DeploymentEnd::Stopped);
            }
            if !self.world().start_event(event, SystemTime::now()) {
                continue;
            }
            let stop =
                self.scenario_deployment.stop.as_ref().filter(|stop| stop.during == event).map(|stop| stop.after);
            match Hook::from_event_name(event) {
                None => {
                    let duration =
                        self.world().run_event(event, &self.scenario_deployment.behaviour, SystemTime::now());
                    self.wait(duration).await?;
                    let mut world = self.world();
                    let text = world.describe_event(event);
                    let is_stopped = stop.is_some() || self.is_stop_requested();
                    if !is_stopped {
                        world.end_event(event, EventStatus::Succeeded, SystemTime::now());
                    }
                    drop(world);
                    self.send_event(EventKind::EventCompleted { event: event.to_owned(), text });
                    if is_stopped {
                        return Ok(DeploymentEnd::Stopped);
                    }
                }
                Some(hook) => {
                    let program = match self.targets.get(&hook).cloned() {
                        None => hook.into(),
                        Some(HookTarget::To(other)) => other,
                        // CodeDeploy passes an event at once if the AppSpec file names no function for it.
                        Some(HookTarget::None) => {
                            self.world().end_event(event, EventStatus::Succeeded, SystemTime::now());
                            if self.appspec_file.is_some() {
                                let text = "the AppSpec file names no function for it, so none is invoked".to_owned();
                                self.send_event(EventKind::EventCompleted { event: event.to_owned(), text });
                            }
                            continue;
                        }
                        Some(HookTarget::Refused(refusal)) => {
                            self.world().end_event(event, EventStatus::Failed, SystemTime::now());
                            let run = not_invoked(hook, &refusal);
                            self.send_event(EventKind::HookFinished(run.clone()));
                            hooks.push(run);
                            return Ok(DeploymentEnd::Refused { by: hook, error: refusal.error });
                        }
                    };
                    let run = self.run_hook(hook, program, stop).await?;
                    let (answer, stopped) = (run.run.status, run.stopped);
                    self.send_event(EventKind::HookFinished(run.run.clone()));
                    hooks.push(run.run);
                    if stopped {
                        return Ok(DeploymentEnd::Stopped);
                    }
                    if answer != Some(Status::Succeeded) {
                        return Ok(DeploymentEnd::Refused { by: hook, error: FAILED });
                    }
                }
            }
            self.world().schedule_after(&self.scenario_deployment.behaviour, event, SystemTime::now());
            self.redeliver_if_due(Some(event)).await?;
        }
        Ok(DeploymentEnd::Succeeded)
    }

    /// Completes the deployment, or fails it and rolls it back.
    fn finish_deployment(&self, end: &DeploymentEnd) -> (DeploymentOutcome, Option<Hook>) {
        let now = SystemTime::now();
        let mut world = self.world();
        match end {
            DeploymentEnd::Succeeded => {
                world.complete(now);
                (DeploymentOutcome::Succeeded, None)
            }
            DeploymentEnd::Stopped => {
                world.fail_deployment(DeploymentStatus::Stopped, None, now);
                let roll_back = self.codedeploy.aws.client_requests.stopped(&self.deployment) == Some(true);
                // Before Install there is nothing to roll back.
                if roll_back && world.green().is_some() {
                    self.roll_back(world, now);
                }
                (DeploymentOutcome::Stopped, None)
            }
            DeploymentEnd::Refused { by, error } => {
                world.fail_deployment(DeploymentStatus::Failed, Some(*error), now);
                if *by == Hook::BeforeInstall || !world.deployment().rolls_back() {
                    return (DeploymentOutcome::Failed, Some(*by));
                }
                self.roll_back(world, now);
                (DeploymentOutcome::RolledBack, Some(*by))
            }
        }
    }

    fn roll_back(&self, mut world: MutexGuard<'_, World>, now: SystemTime) {
        let undo = world.roll_back(now);
        let serving = world.describe_serving();
        drop(world);
        let text = format!("deployment {undo} rolls it back: customers are served by {serving}");
        self.send_event(EventKind::RolledBack { text });
    }

    fn final_state(&self, before: &str) -> String {
        let mut world = self.world();
        let serving = world.describe_serving();
        match (serving == before, world.replacement_serves()) {
            (true, _) => format!("customers are served by {serving}, as before"),
            (false, true) => format!("customers are served by {serving}, the replacement"),
            (false, false) => format!("customers are served by {serving}"),
        }
    }

    /// Waits, and sends the events that happen meanwhile.
    async fn wait(&mut self, span: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + span;
        while Instant::now() < until && !self.is_stop_requested() {
            self.pause(POLL_INTERVAL.min(until - Instant::now())).await?;
            self.emit_world_events();
            while let Ok((function, line)) = self.lines.try_recv() {
                self.route_other_line(function, &line);
            }
        }
        Ok(())
    }

    /// Gives the functions that still run a moment to finish, and lets the on-failure handler finish its retries.
    async fn finish_background(&mut self) -> anyhow::Result<()> {
        let last = Instant::now() + SHUTDOWN_GRACE;
        let is_running = |executed: &TrackedExecution| {
            executed.invocations.iter().any(|seen| {
                let progress = seen.borrow();
                !progress.finished && (progress.ended.is_some() || Instant::now() < last)
            })
        };
        while self.executions.values().any(is_running) {
            self.pause(POLL_INTERVAL).await?;
        }
        Ok(())
    }
}

/// The report for a hook whose function CodeDeploy cannot invoke.
fn not_invoked(hook: Hook, refusal: &InvokeError) -> HookRun {
    let InvokeError { function, error: (code, _), why, hint } = refusal;
    let reason = format!("CodeDeploy cannot invoke {function} ({code}): {why}");
    HookRun {
        hook,
        status: None,
        answered_by: AnsweredBy::Nobody,
        code: (*code).to_owned(),
        verdict: format!("{hook}: {reason}"),
        reason,
        hint: (*hint).to_owned(),
        checks: Vec::new(),
        took: Duration::ZERO,
    }
}
