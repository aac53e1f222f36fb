//! Plays CodeDeploy: lifecycle events in order, hooks invoked and waited for, roll-back.

mod compare;
mod hook;

#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::Context;
use tokio::{sync::mpsc::UnboundedSender, time::sleep};

use crate::{
    Options,
    aws::Cloud,
    exchange::{Port, serve_anywhere},
    hook_name::HookName,
    report::{DeploymentReport, Happening, HookRun, Moment, Outcome, Report},
    runtime::{Fleet, Functions, Lines, Setup},
    scenario::{Play, SHORT_WINDOWS, Scenario},
    service::Front,
    world::{DeploymentStatus, EVENTS, EventStatus, Ground, World},
};

/// How often the director looks at the world. Nobody sees the difference, and a machine does not feel it.
const TICK: Duration = Duration::from_millis(20);

/// Takes a scenario through the real programs. Moments are sent as they happen; nobody has to receive them.
///
/// Dropping the future kills all processes.
///
/// # Errors
/// It could not be rehearsed: a program is missing or does not start, or there is no free port.
pub async fn rehearse(
    scenario: &Scenario,
    options: &Options,
    moments: UnboundedSender<Moment>,
) -> anyhow::Result<Report> {
    let ports = [Port::hold(), Port::hold()];
    let [production, test] = ports.map(|port| port.context("no free port on loopback for a listener"));
    let (production, test) = (production?, test?);
    let now = SystemTime::now();
    // Other ids each time; what they are does not matter.
    let seed = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
    let ground = Ground { production: production.number, test: test.number, seed };
    let cloud = Arc::new(Cloud::new(World::new(now, ground, &scenario.given), scenario.faults.clone()));
    let _front = Front::open(&cloud, vec![production, test]).context("the listeners cannot be opened")?;
    let aws = cloud.clone();
    let (port, _serving) = serve_anywhere(move |request| {
        let aws = aws.clone();
        async move { aws.answer(request).await }
    })
    .await
    .context("no free port on loopback for AWS")?;
    let gate = options.gate.as_deref().or(scenario.gate.as_deref()).unwrap_or(SHORT_WINDOWS);
    let mut env = scenario.env.clone();
    env.insert("GREENLIGHT_GATE".into(), gate.to_owned());
    let setup = Setup { endpoint: format!("http://127.0.0.1:{port}"), env };
    let (fleet, lines) = Fleet::start(&options.binaries, &setup).await?;
    Director::new(cloud, fleet, lines, moments, scenario).play(scenario).await
}

/// What the director keeps while it directs.
struct Director<F> {
    cloud: Arc<Cloud>,
    functions: F,
    lines: Lines,
    moments: UnboundedSender<Moment>,
    hour: Duration,
    timeout: Duration,
    logs: Vec<(HookName, String)>,
    created: Instant,
}

/// How far a deployment came.
enum End {
    Succeeded,
    Refused { by: HookName, nothing_changed: bool },
    Stopped,
}

impl<F: Functions> Director<F> {
    fn new(
        cloud: Arc<Cloud>,
        functions: F,
        lines: Lines,
        moments: UnboundedSender<Moment>,
        scenario: &Scenario,
    ) -> Self {
        let (hour, timeout) = (scenario.hour, scenario.timeout);
        Self { cloud, functions, lines, moments, hour, timeout, logs: Vec::new(), created: Instant::now() }
    }

    async fn play(mut self, scenario: &Scenario) -> anyhow::Result<Report> {
        let of = scenario.deployments.len();
        let mut deployments = Vec::new();
        for (index, play) in scenario.deployments.iter().enumerate() {
            deployments.push(self.deploy(play, index + 1, of).await?);
        }
        Ok(Report {
            scenario: scenario.name.clone(),
            about: scenario.about.clone(),
            deployments,
            calls: self.cloud.calls(),
            unknown_operations: self.cloud.unknown(),
            logs: self.logs,
        })
    }

    fn tell(&self, what: Happening) {
        // Nobody has to listen.
        let _ = self.moments.send(Moment { at: self.created.elapsed(), what });
    }

    async fn deploy(&mut self, play: &Play, number: usize, of: usize) -> anyhow::Result<DeploymentReport> {
        self.created = Instant::now();
        let (deployment, before) = {
            let mut world = self.cloud.world();
            let before = world.serving();
            (world.begin(SystemTime::now(), "user"), before)
        };
        self.tell(Happening::Created { deployment: deployment.clone(), number, of });
        let mut hooks = Vec::new();
        let end = self.go_through(play, &deployment, &mut hooks).await?;
        let (outcome, stopped_by) = self.end(&end);
        let ending = self.ending(&before);
        self.tell(Happening::Ended { outcome, text: ending.clone() });
        let code = hooks.last().map(|run: &HookRun| run.code.clone()).unwrap_or_default();
        Ok(DeploymentReport {
            deployment,
            outcome,
            stopped_by,
            hooks,
            ending,
            differences: compare::differences(&play.expect, outcome, stopped_by, &code),
            took: self.created.elapsed(),
        })
    }

    /// The lifecycle events, until one of them ends the deployment.
    async fn go_through(&mut self, play: &Play, deployment: &str, hooks: &mut Vec<HookRun>) -> anyhow::Result<End> {
        for event in EVENTS {
            if !self.cloud.world().enter(event, SystemTime::now()) {
                continue;
            }
            let stop = play.stop.as_ref().filter(|stop| stop.during == event).map(|stop| stop.after);
            match HookName::ALL.into_iter().find(|hook| hook.name() == event) {
                None => {
                    let takes = self.cloud.world().carry_out(event, &play.world, SystemTime::now());
                    self.wait(takes).await;
                    let mut world = self.cloud.world();
                    let text = world.told(event);
                    if stop.is_none() {
                        world.leave(event, EventStatus::Succeeded, SystemTime::now());
                    }
                    drop(world);
                    self.tell(Happening::Passed { event: event.to_owned(), text });
                    if stop.is_some() {
                        return Ok(End::Stopped);
                    }
                }
                Some(hook) => {
                    let run = self.run_hook(hook, deployment, stop).await?;
                    let (answer, stopped) = (run.run.answer, run.stopped);
                    self.tell(Happening::Answered(run.run.clone()));
                    hooks.push(run.run);
                    if stopped {
                        return Ok(End::Stopped);
                    }
                    if answer != Some(crate::report::Answer::Succeeded) {
                        return Ok(End::Refused { by: hook, nothing_changed: hook == HookName::BeforeInstall });
                    }
                }
            }
            self.cloud.world().plan_alarms(&play.world, event, SystemTime::now());
        }
        Ok(End::Succeeded)
    }

    /// What CodeDeploy does when it is over, one way or the other.
    fn end(&self, end: &End) -> (Outcome, Option<HookName>) {
        let now = SystemTime::now();
        let mut world = self.cloud.world();
        match end {
            End::Succeeded => {
                world.complete(now);
                (Outcome::Succeeded, None)
            }
            End::Stopped => {
                world.give_up(DeploymentStatus::Stopped, None, now);
                (Outcome::Stopped, None)
            }
            End::Refused { by, nothing_changed } => {
                let failure =
                    "The deployment failed because one or more of the lifecycle event validation functions failed.";
                world.give_up(DeploymentStatus::Failed, Some(("HOOK_EXECUTION_FAILURE", failure)), now);
                if *nothing_changed || !world.deployment().rolls_back() {
                    return (Outcome::Failed, Some(*by));
                }
                let undo = world.roll_back(now);
                let text = format!(
                    "deployment {undo} takes the traffic back: customers are served by {} again",
                    world.serving()
                );
                drop(world);
                self.tell(Happening::RolledBack { text });
                (Outcome::RolledBack, Some(*by))
            }
        }
    }

    fn ending(&self, before: &str) -> String {
        let mut world = self.cloud.world();
        let serving = world.serving();
        let newest =
            world.replacement_version().is_some_and(|version| serving.contains(&format!("(version {version})")));
        match (serving == before, newest) {
            (true, _) => format!("customers are served by {serving}, as before"),
            (false, true) => format!("customers are served by {serving}, the replacement"),
            (false, false) => format!("customers are served by {serving}"),
        }
    }

    /// Lets time pass, and tells what happens meanwhile.
    async fn wait(&mut self, span: Duration) {
        let until = Instant::now() + span;
        while Instant::now() < until {
            sleep(TICK.min(until - Instant::now())).await;
            self.news();
            while let Ok((hook, line)) = self.lines.try_recv() {
                self.logs.push((hook, line));
            }
        }
    }

    /// Tells what has happened by the scenario's will.
    fn news(&self) {
        let news = self.cloud.world().take_news();
        for news in news {
            self.tell(Happening::Moved { text: news.text });
        }
    }
}
