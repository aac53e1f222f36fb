//! One moment of a healthy deployment with one function: the place to break exactly one thing.

mod open;

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use serde_json::{Value, json};
use tokio::sync::mpsc;

pub use self::open::OpenStage;
use crate::{
    aws::Recorder,
    exchange::Port,
    fault::Fault,
    hook_name::HookName,
    log::{self, Line},
    report::{Answer, CheckLine},
    runtime::{Function, InvocationResult, Setup, locate},
    service::ServiceRequest,
    world::{Course, EVENTS, EventStatus, Given, Ground, World},
};

/// A healthy deployment, stopped in time at one of the hooks: every lifecycle event before it has succeeded, this one
/// is in progress, and everything that was on its way has come up.
#[derive(Debug)]
pub struct Stage {
    binary: HookName,
    program: Option<&'static str>,
    world: World,
    execution: String,
    ports: Vec<Port>,
    env: BTreeMap<String, String>,
    payload: Option<Vec<u8>>,
    timeout: Duration,
    faults: Vec<Fault>,
    recorder: Option<Recorder>,
}

/// What one function did on a [`Stage`].
#[derive(Clone, Debug)]
pub struct Played {
    /// The answers that CodeDeploy took. More than one would be a fault of the stage itself.
    pub answers: Vec<Answer>,
    /// How many AWS calls each operation got, by `service:Operation`.
    pub calls: BTreeMap<String, u64>,
    /// The lines that were JSON, read.
    pub log: Vec<Value>,
    /// Every line.
    pub raw_log: Vec<String>,
    /// The checks, as they were logged.
    pub checks: Vec<CheckLine>,
    /// The verdict line; empty when there was none.
    pub verdict: String,
    /// The code in the verdict line; empty when it succeeded.
    pub code: String,
    /// How the invocation itself ended.
    pub outcome_of_invocation: InvocationResult,
    /// What came to the service through its listeners.
    pub requests_to_service: Vec<ServiceRequest>,
    /// Operations that were called and are not played here.
    pub unknown_operations: Vec<String>,
}

/// A healthy deployment was created this long ago, and each of its lifecycle events took the tenth part of a minute.
const AGE: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_secs(6);

impl Stage {
    /// The stage at a hook.
    ///
    /// # Panics
    /// When this machine has no free port on loopback.
    #[expect(clippy::expect_used, reason = "documented; every test would have to unwrap it")]
    pub async fn at(hook: HookName) -> Self {
        let ports = [Port::hold(), Port::hold()].map(|port| port.expect("a free port on loopback"));
        let ground = Ground { production: ports[0].number, test: ports[1].number, seed: u64::from(ports[0].number) };
        let now = SystemTime::now();
        let mut when = now - AGE;
        let mut world = World::new(when, ground, &Given::default());
        world.begin(when, "user");
        let course = Course::default();
        for event in EVENTS {
            world.settle(when);
            world.enter(event, when);
            if event == hook.name() {
                break;
            }
            world.carry_out(event, &course, when);
            when += STEP;
            world.settle(when);
            world.leave(event, EventStatus::Succeeded, when);
        }
        world.settle(now);
        let execution = world.execution(hook.name());
        Self {
            binary: hook,
            program: None,
            world,
            execution,
            ports: ports.into(),
            env: BTreeMap::new(),
            payload: None,
            timeout: Duration::from_secs(60),
            faults: Vec::new(),
            recorder: None,
        }
    }

    /// Changes the world.
    #[must_use]
    pub fn world(mut self, change: impl FnOnce(&mut World)) -> Self {
        change(&mut self.world);
        self
    }

    /// Sets an environment variable of the function.
    #[must_use]
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.env.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Gives the function a gate file, inline.
    #[must_use]
    pub fn gate(self, text: &str) -> Self {
        self.env("GREENLIGHT_GATE", text)
    }

    /// Sends these bytes in place of the right event.
    #[must_use]
    pub fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = Some(payload.into());
        self
    }

    /// The function's time-out; 60 s if this is not called.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets something go wrong between the function and AWS.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Keeps what clients and AWS say to each other on this stage.
    #[must_use]
    pub fn recorder(mut self, recorder: &Recorder) -> Self {
        self.recorder = Some(recorder.clone());
        self
    }

    /// Invokes another hook's program than the one of the event in progress.
    #[must_use]
    pub fn binary(mut self, hook: HookName) -> Self {
        self.binary = hook;
        self
    }

    /// Invokes a program that is no hook's, with a hook's environment.
    #[must_use]
    pub fn program(mut self, name: &'static str) -> Self {
        self.program = Some(name);
        self
    }

    /// The ids of the right event: of the deployment and of the hook's execution.
    pub fn ids(&mut self) -> (String, String) {
        (self.world.deployment().id.clone(), self.execution.clone())
    }

    /// The port of the test listener, which answers while the function runs.
    pub fn test_port(&self) -> u16 {
        self.ports[1].number
    }

    /// Runs the function once, and gives what it did.
    ///
    /// # Errors
    /// The program is not there or cannot be started.
    pub async fn run(self, binaries: &Path) -> anyhow::Result<Played> {
        let program = locate(binaries, self.program.unwrap_or(self.binary.binary()))?;
        let (hook, timeout, env) = (self.binary, self.timeout, self.env.clone());
        let open = self.open().await?;
        let setup = Setup { endpoint: open.endpoint().to_owned(), env, killed: BTreeMap::new() };
        let (sender, mut lines) = mpsc::unbounded_channel();
        let mut function = Function::start(hook.into(), program, setup, sender).await?;
        let outcome_of_invocation = function
            .invoke(open.payload().to_vec(), timeout)
            .await?
            .await
            .context("the function was not waited for")?;
        function.finish().await;

        let mut played = Played {
            answers: open.answers(),
            calls: open.calls(),
            log: Vec::new(),
            raw_log: Vec::new(),
            checks: Vec::new(),
            verdict: String::new(),
            code: String::new(),
            outcome_of_invocation,
            requests_to_service: open.requests_to_service(),
            unknown_operations: open.unknown_operations(),
        };
        while let Ok((_, line)) = lines.try_recv() {
            match log::read(&line) {
                Some(Line::Check(check)) => played.checks.push(check),
                Some(Line::Verdict { code, message }) => (played.code, played.verdict) = (code, message),
                None => {}
            }
            played.log.extend(serde_json::from_str::<Value>(&line));
            played.raw_log.push(line);
        }
        Ok(played)
    }
}

/// The two-key event that CodeDeploy sends.
pub(crate) fn event(deployment: &str, execution: &str) -> Vec<u8> {
    json!({ "DeploymentId": deployment, "LifecycleEventHookExecutionId": execution }).to_string().into_bytes()
}
