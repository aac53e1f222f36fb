//! One moment of a healthy deployment with one function: the place to break exactly one thing.

mod hook_run_report;
mod run;
mod running;

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use serde_json::json;

pub use self::{hook_run_report::HookRunReport, running::RunningTestBed};
use crate::{
    aws::Recorder,
    fault::InjectedFault,
    hook_name::HookName,
    http_server::Port,
    lambda::{ClockSkew, ProcessLimit},
    world::{DeploymentBehaviour, EVENTS, EventStatus, InitialState, World, WorldOptions},
};

/// A healthy deployment, stopped in time at one of the hooks: every lifecycle event before it has succeeded, this one
/// is in progress, and everything that was on its way has come up.
#[derive(Debug)]
pub struct HookTestBed {
    binary: HookName,
    program: Option<&'static str>,
    world: World,
    execution: String,
    ports: Vec<Port>,
    env: BTreeMap<String, String>,
    payload: Option<Vec<u8>>,
    timeout: Duration,
    faults: Vec<InjectedFault>,
    recorder: Option<Recorder>,
    killed: Option<Duration>,
    memory: Option<u64>,
    clock: Option<ClockSkew>,
    limits: Vec<ProcessLimit>,
    paused: Option<(Duration, Duration)>,
    redeliveries: Vec<Duration>,
    on_failure: bool,
}

/// A healthy deployment was created this long ago, and each of its lifecycle events took the tenth part of a minute.
const AGE: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_secs(6);

impl HookTestBed {
    /// The stage at a hook.
    ///
    /// # Panics
    /// When this machine has no free port on loopback.
    #[expect(clippy::expect_used, reason = "documented; every test would have to unwrap it")]
    pub async fn at(hook: HookName) -> Self {
        let ports = [Port::reserve(), Port::reserve()].map(|port| port.expect("a free port on loopback"));
        let ground =
            WorldOptions { production: ports[0].number, test: ports[1].number, seed: u64::from(ports[0].number) };
        let now = SystemTime::now();
        let mut when = now - AGE;
        let mut world = World::new(when, ground, &InitialState::default());
        world.create_deployment(when, "user");
        let course = DeploymentBehaviour::default();
        for event in EVENTS {
            world.advance_to(when);
            world.start_event(event, when);
            if event == hook.name() {
                break;
            }
            world.run_event(event, &course, when);
            when += STEP;
            world.advance_to(when);
            world.end_event(event, EventStatus::Succeeded, when);
        }
        world.advance_to(now);
        let execution = world.create_execution(hook.name());
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
            killed: None,
            memory: None,
            clock: None,
            limits: Vec::new(),
            paused: None,
            redeliveries: Vec::new(),
            on_failure: false,
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

    /// The same, if the function's time-out is not shorter already.
    #[must_use]
    pub fn timeout_at_most(mut self, timeout: Duration) -> Self {
        self.timeout = self.timeout.min(timeout);
        self
    }

    /// Lets something go wrong between the function and AWS.
    #[must_use]
    pub fn inject_fault(mut self, fault: InjectedFault) -> Self {
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

    /// Kills the process so long after its first invocation, if that has not ended by then.
    #[must_use]
    pub fn killed(mut self, after: Duration) -> Self {
        self.killed = Some(after);
        self
    }

    /// Lets the function have so many bytes of memory. A process that has more is killed, as Lambda does it; only on a
    /// machine with a `/proc`.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Makes the function's clock wrong: the deadline that it is told is off by so much, and its true one is not.
    #[must_use]
    pub fn clock_skew(mut self, clock: ClockSkew) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Sets a limit of the system for the process; only on Linux, with util-linux.
    #[must_use]
    pub fn limit(mut self, limit: ProcessLimit) -> Self {
        self.limits.push(limit);
        self
    }

    /// Pauses the process so long after its start, for so long. Time goes on meanwhile.
    #[must_use]
    pub fn paused(mut self, after: Duration, span: Duration) -> Self {
        self.paused = Some((after, span));
        self
    }

    /// Delivers the event again so long after the first delivery, each time to a process that is free or to a new one:
    /// Lambda promises at least once, not once.
    #[must_use]
    pub fn redelivered(mut self, again: &[Duration]) -> Self {
        self.redeliveries.extend(again);
        self.redeliveries.sort();
        self
    }

    /// Delivers the event of an earlier hook only now, to that hook's program. Its execution id is a true one, and its
    /// lifecycle event is over.
    #[must_use]
    pub fn late(mut self, hook: HookName) -> Self {
        self.execution = self.world.create_execution(hook.name());
        self.binary(hook)
    }

    /// Spreads the net: Lambda hands the record of each invocation that fails to `on-failure`.
    #[must_use]
    pub fn on_failure(mut self) -> Self {
        self.on_failure = true;
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
}

/// The two-key event that CodeDeploy sends.
pub(crate) fn event(deployment: &str, execution: &str) -> Vec<u8> {
    json!({ "DeploymentId": deployment, "LifecycleEventHookExecutionId": execution }).to_string().into_bytes()
}
