//! From a deployment's id to findings on the board: settings, wiring, gate file, plan, checks.
//!
//! Everything that is wrong before the first check is a finding as well: it can be answered, and told.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout_at},
};

use crate::{
    aws::{Aws, Discovery, Fault},
    board::Board,
    check::{self, GateOfAll, KnownFacts, Probe, Scene},
    code::Code,
    deadline,
    finding::{Observation, Outcome, Policies, Policy},
    gate::{self, Circumstances, Fact, HookGate, Skipped},
    hook::Hook,
    ids::DeploymentId,
    plan::{self, Plan},
    runner::{self, Job},
    secrets::Secrets,
    settings::{GateSource, RollbackPolicy, Settings, WrongEvent},
    target::{Deployment, Progress, Wiring},
};

/// What judging needs, made once and shared by all events.
pub struct Bench {
    /// Which of the five.
    pub hook: Hook,
    /// AWS, for reading.
    pub aws: Aws,
    /// HTTP and TCP.
    pub probe: Probe,
    /// The environment.
    pub settings: Settings,
}

/// CodeDeploy's own record of its events lags; a record without any event in progress is asked again for so long.
const SETTLE: Duration = Duration::from_secs(10);
/// With another hook's event in progress, so long.
const LAG: Duration = Duration::from_secs(3);
/// With an event of CodeDeploy's own in progress, or without a record, so long: it can only be late.
const OWN_EVENT_LAG: Duration = Duration::from_secs(60);
/// No more than this share of the time that is left, which the checks need as well.
const OWN_EVENT_SHARE: u32 = 4;
/// The pause between two looks at it.
const PAUSE: Duration = Duration::from_secs(1);

const WARN: Policies = Policies { on_fail: Policy::Warn, on_error: Policy::Warn, no_data: Policy::Warn };
const STRICT: Policies = Policies { on_fail: Policy::Fail, on_error: Policy::Fail, no_data: Policy::Fail };

/// Puts on the board what can be found out by `until`. Ends without a result: the board has it.
pub async fn judge(bench: Arc<Bench>, deployment: DeploymentId, board: Board, until: Instant) {
    hear(&bench, &deployment, &board, until).await;
    board.stage_over();
}

async fn hear(bench: &Bench, deployment: &DeploymentId, board: &Board, until: Instant) {
    let settings = &bench.settings;
    let broken = settings.faults.split_first().map(|(first, more)| {
        let observation = Observation::failed(Code::SettingsInvalid, "environment", "", first.clone());
        ("settings", observation.with(more.iter().cloned()))
    });
    if let (Hook::AfterAllowTestTraffic, Some(alb_url), GateSource::None, None) =
        (bench.hook, &settings.alb_url, &settings.gate, &broken)
    {
        return article(&bench.probe, alb_url, &settings.routes, board).await;
    }
    board.stage("discovery", format!("deployment {deployment}"));
    let began = Instant::now();
    let aws = bench.waiting(began, until);
    let discovery = aws.discover(deployment, settings.rollback == RollbackPolicy::Skip).await;
    if let Ok(discovery) = &discovery {
        board.describe(|context, redactor| context.add_deployment(&discovery.deployment, redactor));
    }
    // A roll-back is the cure. What is broken here must not stand in its way.
    if let Ok(discovery) = &discovery
        && discovery.deployment.is_rollback
        && settings.rollback == RollbackPolicy::Skip
    {
        let resource = format!("deployment {deployment}");
        let seen = format!("a roll-back (creator {}), so nothing was checked", discovery.deployment.creator);
        board.note("roll-back", WARN, Observation::failed(Code::RollbackDeployment, resource, "", seen));
        return;
    }
    if let Some((kind, observation)) = broken {
        return board.note(kind, STRICT, observation);
    }
    let discovery = match discovery {
        // Whose gate file it would be is not known either.
        Err(fault) if settings.gate.needs_deployment() => return refuse(board, deployment, fault),
        discovery => discovery,
    };
    board.stage("gate", settings.gate.title());
    let (text, mut gate) = match bench.gate(&aws, discovery.as_ref().ok().map(|it| &it.deployment), board).await {
        Ok(gate) => gate,
        Err(observation) => return board.note("gate", STRICT, observation),
    };
    board.stage("discovery", format!("deployment {deployment}"));
    board.set_mode(gate.mode);
    if !gate.notify.is_empty() {
        let why =
            format!("`notify` is read and cannot be done by this version: nobody tells {}", gate.notify.join(", "));
        board.note("notify", WARN, Observation::errored(Code::NotSupportedYet, "gate file", why));
    }
    let discovery = match discovery {
        Ok(discovery) => discovery,
        Err(fault) => return refuse(board, deployment, fault),
    };
    if skipped(&gate, &discovery.deployment, board, SystemTime::now()) {
        return;
    }
    let Some(discovery) = bench.wired(&aws, discovery, deployment, board, until).await else { return };
    let hour =
        discovery.progress.own_began(bench.hook).map(|at| deadline::hour_ends(at, SystemTime::now(), Instant::now()));
    let until = hour.map_or(until, |hour| until.min(hour));
    let until = gate.deadline.map_or(until, |limit| until.min(Instant::now() + limit));
    let circumstances = bench.circumstances(&discovery.deployment);
    if let Some(settled) = gate::unless_applies(&gate.when, &circumstances) {
        return board.note("when", STRICT, settled);
    }
    let grace = runner::grace(bench.hook, gate.run(), gate.mode);
    let secrets = std::mem::take(&mut gate.secrets);
    let steps = match plan::plan(gate, &circumstances) {
        Plan::Checks(steps) => steps,
        Plan::NothingInWords => {
            board.note("gate", STRICT, Observation::left_out("gate file", "it says `checks: none`"));
            return;
        }
        Plan::Empty => {
            let expected = "a check, or `checks: none`";
            board.note(
                "gate",
                STRICT,
                Observation::failed(Code::GateEmpty, "gate file", expected, "neither for this hook"),
            );
            return;
        }
    };
    // A canary moves a part of the customers long before AfterAllowTraffic.
    let traffic_since =
        (bench.hook == Hook::AfterAllowTraffic).then(|| discovery.progress.began("AllowTraffic")).flatten();
    let target = match aws.target(discovery, settings.service.as_ref()).await {
        Ok(target) => Arc::new(target),
        Err(fault) => return refuse(board, deployment, fault),
    };
    board.describe(|context, redactor| context.add_target(&target, redactor));
    let service = &target.service;
    if !service.is_active() {
        let resource = format!("service {} of cluster {}", service.name, target.cluster);
        let observation = Observation::failed(Code::ServiceNotActive, resource, "status ACTIVE", &service.status);
        board.note("discovery", STRICT, observation);
        return;
    }
    board.plan(steps.iter().map(|step| (step.spec.name.as_str(), step.spec.kind, step.spec.policies)), grace);
    let used = steps.iter().filter(|step| step.settled.is_none()).flat_map(|step| step.spec.facts.clone()).collect();
    let secrets = Arc::new(Secrets::new(secrets, aws.clone(), board.clone()));
    let fetching = secrets.clone().fetch(used);
    let scene = Scene {
        target,
        aws: bench.waiting(began, until),
        probe: bench.probe.clone(),
        test_address: settings.alb_url.clone(),
        host: settings.host.clone(),
        given: bench.given(),
        gate: Arc::new(GateOfAll { text, circumstances }),
        secrets,
        traffic_since,
        policies: STRICT,
        listeners: Arc::default(),
        permits: Arc::new(Semaphore::new(check::ATTEMPTS_AT_ONCE)),
        until,
    };
    // The checks of this hook may have less time than the answer has to wait for.
    let checking = timeout_at(until, runner::run(steps, scene, board));
    // Beside them, and no check waits for a secret that is not its own.
    tokio::select! {
        _ = checking => {}
        () = async { fetching.await; std::future::pending().await } => {}
    }
}

/// Whether the deployment's description has the words that let it through, which is said loudly.
fn skipped(gate: &HookGate, deployment: &Deployment, board: &Board, now: SystemTime) -> bool {
    let Some(skip) = &gate.skip else { return false };
    let asked = skip.asked(&deployment.description, now);
    let resource = format!("deployment {}", deployment.id);
    let has = format!("its description has {:?}", skip.words);
    match asked {
        Skipped::No => {}
        Skipped::Yes => {
            let seen = format!("{has}, so it goes on unchecked; they count until {}", skip.until);
            board.note("skip", WARN, Observation::failed(Code::GateSkipped, resource, "", seen));
        }
        Skipped::Expired => {
            let seen = format!("{has}, which counted until {}, so it is checked", skip.until);
            board.note("skip", WARN, Observation::failed(Code::SkipExpired, resource, "", seen));
        }
    }
    asked == Skipped::Yes
}

/// The event came when its time was over, or this process's clock is wrong.
pub fn no_time(board: &Board) {
    let seen = "it was over when the event was delivered, by this process's clock";
    let observation = Observation::failed(Code::RanOutOfTime, "invocation", "time until its deadline", seen);
    board.note("time", STRICT, observation.but(Outcome::TimedOut, Code::RanOutOfTime));
}

/// There was no thread to judge on.
pub fn no_thread(board: &Board, error: &std::io::Error) {
    board.note(
        "runtime",
        STRICT,
        Observation::errored(Code::CheckFailed, "this process", format!("no thread for the checks: {error}")),
    );
}

impl Bench {
    /// AWS with the patience of a hook that began then. A person who tries a hook has none: what is wrong is shown at once.
    fn waiting(&self, began: Instant, until: Instant) -> Aws {
        match self.settings.wrong_event {
            WrongEvent::Unasked => self.aws.clone(),
            WrongEvent::Warn | WrongEvent::Fail => self.aws.waiting(began, until),
        }
    }

    /// The facts that are known before any check runs.
    fn given(&self) -> Arc<KnownFacts> {
        let variables = self.settings.variables.0.iter();
        Arc::new(variables.map(|(name, value)| (Fact::Env(name.clone()), Ok(value.clone()))).collect())
    }

    /// The gate file with its part for this hook, or why it cannot be used.
    async fn gate(
        &self,
        aws: &Aws,
        deployment: Option<&Deployment>,
        board: &Board,
    ) -> Result<(Option<String>, HookGate), Observation> {
        let file = self.settings.gate.text(aws, deployment).await?;
        board.describe(|context, redactor| context.add_gate(file.as_ref(), redactor));
        let text = file.map(|file| file.text);
        let gate = gate::load(self.hook, text.as_deref()).map_err(|faults| {
            // Faults of one kind have its code: a file that is only newer than these hooks is not invalid.
            let code = match faults.split_first() {
                Some((first, rest)) if rest.iter().all(|other| other.code == first.code) => first.code,
                _ => Code::GateInvalid,
            };
            let mut told = faults.iter().map(ToString::to_string);
            let first = told.next().unwrap_or_default();
            Observation::failed(code, self.settings.gate.title(), "", first).with(told)
        })?;
        Ok((text, gate))
    }

    /// What `when` can be about.
    fn circumstances(&self, deployment: &Deployment) -> Circumstances {
        Circumstances {
            application: deployment.application.clone(),
            deployment_group: deployment.group.clone(),
            region: self.settings.aws.region.clone().unwrap_or_default(),
            variables: self.settings.variables.0.clone(),
        }
    }

    /// Nobody waits for an answer, so that CodeDeploy is elsewhere is no fault of the wiring. What is judged is the present.
    fn unasked(&self, progress: &Progress, deployment: &DeploymentId, board: &Board) {
        let at = match progress.compared_with(self.hook) {
            Wiring::Right => return,
            Wiring::Unknown { why, .. } | Wiring::NotYetKnown(why) => {
                format!("what CodeDeploy is at is not known: {why}")
            }
            Wiring::Wrong(event) => format!("CodeDeploy is at {event}"),
            Wiring::Over => "no lifecycle event is in progress".to_owned(),
        };
        let own = self.hook.event_name();
        let note = format!("{at}, so {own} is judged by what is there now");
        board.note("wiring", STRICT, Observation::left_out(format!("deployment {deployment}"), note));
    }

    /// Whether CodeDeploy is at the event that this hook is for. None when not, and the reason is on the board.
    async fn wired(
        &self,
        aws: &Aws,
        mut discovery: Discovery,
        deployment: &DeploymentId,
        board: &Board,
        until: Instant,
    ) -> Option<Discovery> {
        if self.settings.wrong_event == WrongEvent::Unasked {
            self.unasked(&discovery.progress, deployment, board);
            return Some(discovery);
        }
        let asked = Instant::now();
        while Instant::now() + PAUSE < until {
            let patience = match discovery.progress.compared_with(self.hook) {
                Wiring::Right | Wiring::Unknown { .. } => break,
                Wiring::Wrong(_) => LAG,
                Wiring::Over => SETTLE,
                Wiring::NotYetKnown(_) => OWN_EVENT_LAG.min(until.saturating_duration_since(asked) / OWN_EVENT_SHARE),
            };
            if asked.elapsed() >= patience {
                break;
            }
            sleep(PAUSE).await;
            // What was seen once counts until something else is seen: a read that fails must not excuse it.
            match aws.progress_again(deployment, &discovery).await {
                Progress::Unknown { .. } => {}
                seen => discovery.progress = seen,
            }
        }
        let resource = format!("deployment {deployment}");
        let own = self.hook.event_name();
        let (observation, is_certain) = match discovery.progress.compared_with(self.hook) {
            Wiring::Right => return Some(discovery),
            // The checks of perhaps another event are no reason to go on.
            Wiring::Unknown { code, why } => (Observation::errored(code, resource, why), false),
            Wiring::NotYetKnown(why) => (Observation::errored(Code::StatusUnknown, resource, why), false),
            Wiring::Wrong(event) => {
                (Observation::failed(Code::WrongEvent, resource, format!("event {own} in progress"), event), false)
            }
            Wiring::Over => {
                let expected = format!("event {own} in progress");
                (Observation::failed(Code::NoEventInProgress, resource, expected, "none"), true)
            }
        };
        if self.settings.wrong_event == WrongEvent::Warn && !is_certain {
            board.note("wiring", WARN, observation);
            return Some(discovery);
        }
        board.note("wiring", STRICT, observation);
        None
    }
}

/// Discovery ended without a target: no check can be trusted, and the reason is what AWS said.
fn refuse(board: &Board, deployment: &DeploymentId, fault: Fault) {
    if fault.code == Code::SettingsInvalid {
        return board.note("settings", STRICT, Observation::failed(fault.code, "environment", "", fault.detail));
    }
    let observation = fault.observed();
    let resource = format!("deployment {deployment}: {}", observation.resource);
    let outcome =
        if observation.code == Some(Code::PlatformUnsupported) { Outcome::Failed } else { observation.outcome };
    board.note("discovery", STRICT, Observation { resource, outcome, ..observation });
}

/// The job of the article that this grew from, in place of everything else.
async fn article(probe: &Probe, alb_url: &str, routes: &[String], board: &Board) {
    // A query may hold what must not be in a log.
    let path = |route: &str| route.split(['?', '#']).next().unwrap_or_default().to_owned();
    let names: Vec<String> = routes.iter().map(|route| format!("HEAD {}", path(route))).collect();
    board.plan(names.iter().map(|name| (name.as_str(), "http", STRICT)), None);
    let jobs = routes.iter().map(|route| {
        let job: Job = Box::pin(check::article(probe.clone(), alb_url.to_owned(), route.clone(), board.redactor()));
        (job, Vec::new())
    });
    runner::run_jobs(jobs.collect(), board).await;
    // It is sent at once, and a listener that lags still leads to the original.
    let seen = "the old version may have answered; a gate file with `reach: green` verifies the version (GATE-FILE.md)";
    let seen = Observation::passed("ALB_URL", seen).but(Outcome::Doubtful, Code::VersionUnverified);
    board.note("version", WARN, seen);
}
