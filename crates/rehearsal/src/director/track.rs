//! One deployment's way through its lifecycle events.

use std::{
    collections::BTreeMap,
    sync::MutexGuard,
    time::{Duration, Instant, SystemTime},
};

use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::sleep,
};

use super::{Director, TICK, again::Delivered, backstage::Backstage, compare, executed::Executed};
use crate::{
    appspec::{FAILED, Refusal},
    function_name::FunctionName,
    hook_name::HookName,
    report::{Answer, AnsweredBy, DeploymentReport, Happening, HookRun, Moment, Outcome},
    runtime::Functions,
    scenario::{Platform, Play, Wired},
    world::{DeploymentStatus, EVENTS, EventStatus, World},
};

/// What still runs when a deployment is over gets this long to end.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Tells what happens in a deployment, and how long after its beginning.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    moments: UnboundedSender<Moment>,
    created: Instant,
}

impl Teller {
    pub fn tell(&self, what: Happening) {
        // Nobody has to listen.
        let _ = self.moments.send(Moment { at: self.created.elapsed(), what });
    }
}

/// A deployment on its way.
pub(super) struct Track<'a, F> {
    pub director: &'a Director<F>,
    pub play: &'a Play,
    /// Which of the account's services.
    pub service: usize,
    /// Its number, and how many there are.
    number: (usize, usize),
    pub teller: Teller,
    pub lines: UnboundedReceiver<(FunctionName, String)>,
    /// Invocations that go on.
    pub backstage: Backstage<'a>,
    pub deployment: String,
    /// The executions of its hooks.
    pub executions: BTreeMap<HookName, Executed>,
    /// The event that Lambda delivered once more.
    pub again: Option<Delivered>,
}

/// How far a deployment came.
enum End {
    Succeeded,
    Refused { by: HookName, error: (&'static str, &'static str) },
    Stopped,
}

impl<'a, F: Functions> Track<'a, F> {
    pub fn new(
        director: &'a Director<F>,
        play: &'a Play,
        service: usize,
        number: (usize, usize),
        moments: UnboundedSender<Moment>,
    ) -> Self {
        Self {
            lines: director.hub.follow(),
            director,
            play,
            service,
            number,
            teller: Teller { moments, created: Instant::now() },
            backstage: Backstage::default(),
            deployment: String::new(),
            executions: BTreeMap::new(),
            again: None,
        }
    }

    /// The world of its service.
    pub fn world(&self) -> MutexGuard<'a, World> {
        self.director.cloud.world_at(self.service)
    }

    pub fn tell(&self, what: Happening) {
        self.teller.tell(what);
    }

    pub async fn deploy(mut self) -> anyhow::Result<DeploymentReport> {
        self.teller.created = Instant::now();
        let before = self.begin();
        let (number, of) = self.number;
        self.tell(Happening::Created { deployment: self.deployment.clone(), number, of });
        let mut hooks = Vec::new();
        let end = self.go_through(&mut hooks).await?;
        let (outcome, stopped_by) = self.end(&end);
        let late = self.deliver_again(None).await?;
        self.clear_the_stage().await?;
        let ending = self.ending(&before);
        self.tell(Happening::Ended { outcome, text: ending.clone() });
        let mut differences = compare::differences(&self.play.expect, outcome, stopped_by, &hooks);
        differences.extend(late);
        differences.extend(self.broken_promises(&hooks));
        let (deployment, took) = (self.deployment, self.teller.created.elapsed());
        Ok(DeploymentReport { deployment, outcome, stopped_by, hooks, ending, differences, took })
    }

    /// Creates the deployment, and gives what served customers before it.
    fn begin(&mut self) -> String {
        let mut world = self.world();
        let before = world.serving();
        let id = world.begin(SystemTime::now(), &self.play.creator);
        world.deployment().description.clone_from(&self.play.description);
        if let Some(file) = &self.director.file {
            let definition = world.definitions.last().map(|newest| newest.arn.clone()).unwrap_or_default();
            world.deployment().revision.app_spec = file.deploying(&definition);
        }
        world.configure(&self.play.world);
        if self.play.platform == Platform::Lambda {
            world.on_platform("Lambda");
        }
        drop(world);
        self.deployment = id;
        before
    }

    /// The lifecycle events, until one of them ends the deployment.
    async fn go_through(&mut self, hooks: &mut Vec<HookRun>) -> anyhow::Result<End> {
        for event in EVENTS {
            if !self.world().enter(event, SystemTime::now()) {
                continue;
            }
            let stop = self.play.stop.as_ref().filter(|stop| stop.during == event).map(|stop| stop.after);
            match HookName::ALL.into_iter().find(|hook| hook.name() == event) {
                None => {
                    let takes = self.world().carry_out(event, &self.play.world, SystemTime::now());
                    self.wait(takes).await?;
                    let mut world = self.world();
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
                    let program = match self.director.appspec.get(&hook) {
                        None => hook.into(),
                        Some(Wired::To(other)) => *other,
                        // An event that the AppSpec names no function for is over at once.
                        Some(Wired::None) => {
                            self.world().leave(event, EventStatus::Succeeded, SystemTime::now());
                            if self.director.file.is_some() {
                                let text = "the AppSpec file names no function for it, so nobody is asked".to_owned();
                                self.tell(Happening::Passed { event: event.to_owned(), text });
                            }
                            continue;
                        }
                        Some(Wired::Refused(refusal)) => {
                            self.world().leave(event, EventStatus::Failed, SystemTime::now());
                            let run = not_invoked(hook, refusal);
                            self.tell(Happening::Answered(run.clone()));
                            hooks.push(run);
                            return Ok(End::Refused { by: hook, error: refusal.error });
                        }
                    };
                    let run = self.run_hook(hook, program, stop).await?;
                    let (answer, stopped) = (run.run.answer, run.stopped);
                    self.tell(Happening::Answered(run.run.clone()));
                    hooks.push(run.run);
                    if stopped {
                        return Ok(End::Stopped);
                    }
                    if answer != Some(Answer::Succeeded) {
                        return Ok(End::Refused { by: hook, error: FAILED });
                    }
                }
            }
            self.world().plan_after(&self.play.world, event, SystemTime::now());
            self.deliver_again(Some(event)).await?;
        }
        Ok(End::Succeeded)
    }

    /// What CodeDeploy does when it is over, one way or the other.
    fn end(&self, end: &End) -> (Outcome, Option<HookName>) {
        let now = SystemTime::now();
        let mut world = self.world();
        match end {
            End::Succeeded => {
                world.complete(now);
                (Outcome::Succeeded, None)
            }
            End::Stopped => {
                world.give_up(DeploymentStatus::Stopped, None, now);
                (Outcome::Stopped, None)
            }
            End::Refused { by, error } => {
                world.give_up(DeploymentStatus::Failed, Some(*error), now);
                if *by == HookName::BeforeInstall || !world.deployment().rolls_back() {
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
        let mut world = self.world();
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
    async fn wait(&mut self, span: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + span;
        while Instant::now() < until {
            self.pause(TICK.min(until - Instant::now())).await?;
            self.news();
            while let Ok((function, line)) = self.lines.try_recv() {
                self.overhear(function, &line);
            }
        }
        Ok(())
    }

    /// A moment in which invocations go on.
    pub async fn pause(&mut self, span: Duration) -> anyhow::Result<()> {
        tokio::select! {
            worked = self.backstage.work() => worked,
            () = sleep(span) => Ok(()),
        }
    }

    /// When it is over, the functions that still run get a moment to end, and the net comes to its end.
    async fn clear_the_stage(&mut self) -> anyhow::Result<()> {
        let last = Instant::now() + LAST_MOMENT;
        let goes_on = |executed: &Executed| {
            executed.invocations.iter().any(|seen| {
                let progress = seen.borrow();
                !progress.over && (progress.ended.is_some() || Instant::now() < last)
            })
        };
        while self.executions.values().any(goes_on) {
            self.pause(TICK).await?;
        }
        Ok(())
    }

    /// Tells what has happened by the scenario's will.
    pub fn news(&self) {
        let news = self.world().take_news();
        for news in news {
            self.tell(Happening::Moved { text: news.text });
        }
    }
}

/// The part of a hook whose function CodeDeploy could not invoke: none.
fn not_invoked(hook: HookName, refusal: &Refusal) -> HookRun {
    let Refusal { function, error: (code, _), why, hint } = refusal;
    HookRun {
        hook,
        answer: None,
        answered_by: AnsweredBy::Nobody,
        code: (*code).to_owned(),
        verdict: format!("{hook}: CodeDeploy cannot invoke {function} ({code}): {why}"),
        hint: (*hint).to_owned(),
        checks: Vec::new(),
        took: Duration::ZERO,
    }
}
