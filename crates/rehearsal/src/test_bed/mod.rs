//! A test bed for one function: a healthy deployment at one hook, in which a test breaks exactly one thing.

mod hook_run_report;
mod run;
mod running;

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use lifecycle::Hook;

pub use self::{hook_run_report::HookRunReport, running::RunningTestBed};
use crate::{
    fake_aws::Recorder,
    http::Port,
    lambda::{ClockSkew, ProcessLimit},
    scenario::InjectedFault,
    world::{DeploymentBehaviour, EVENTS, EventStatus, InitialState, World, WorldOptions},
};

/// A healthy deployment at one of its hooks: every lifecycle event before it has succeeded, this one is in progress,
/// and all scheduled changes have happened.
#[derive(Debug)]
#[must_use]
pub struct HookTestBed {
    binary: Hook,
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

/// The age of the deployment. Each of its lifecycle events took six seconds.
const AGE: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_secs(6);

impl HookTestBed {
    /// A healthy deployment at a hook.
    ///
    /// # Panics
    /// This machine has no free port on loopback.
    #[expect(clippy::expect_used, reason = "documented; every test would have to unwrap it")]
    pub async fn at(hook: Hook) -> Self {
        let ports = [Port::reserve(), Port::reserve()].map(|port| port.expect("a free port on loopback"));
        let options =
            WorldOptions { production: ports[0].number, test: ports[1].number, seed: u64::from(ports[0].number) };
        let now = SystemTime::now();
        let mut when = now - AGE;
        let mut world = World::new(when, options, &InitialState::default());
        world.create_deployment(when, "user");
        let behaviour = DeploymentBehaviour::default();
        for event in EVENTS {
            world.advance_to(when);
            world.start_event(event, when);
            if event == hook.event_name() {
                break;
            }
            world.run_event(event, &behaviour, when);
            when += STEP;
            world.advance_to(when);
            world.end_event(event, EventStatus::Succeeded, when);
        }
        world.advance_to(now);
        let execution = world.create_execution(hook.event_name());
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
    pub fn world(mut self, change: impl FnOnce(&mut World)) -> Self {
        change(&mut self.world);
        self
    }

    /// Sets an environment variable of the function.
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.env.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Gives the function a gate file in its environment.
    pub fn gate(self, text: &str) -> Self {
        self.env("GREENLIGHT_GATE", text)
    }

    /// Sends these bytes as the event.
    pub fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = Some(payload.into());
        self
    }

    /// Sets the function's timeout. Default: 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the function's timeout, unless it is shorter already.
    pub fn timeout_at_most(mut self, timeout: Duration) -> Self {
        self.timeout = self.timeout.min(timeout);
        self
    }

    /// Injects a fault between the function and AWS.
    pub fn inject_fault(mut self, fault: InjectedFault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Records the requests and responses between clients and AWS on this test bed.
    pub fn recorder(mut self, recorder: &Recorder) -> Self {
        self.recorder = Some(recorder.clone());
        self
    }

    /// Invokes the program of another hook than that of the lifecycle event in progress.
    pub fn binary(mut self, hook: Hook) -> Self {
        self.binary = hook;
        self
    }

    /// Invokes a program that does not belong to a hook, with the environment of a hook.
    pub fn program(mut self, name: &'static str) -> Self {
        self.program = Some(name);
        self
    }

    /// Kills the process this long after its first invocation, if that is still running.
    pub fn killed(mut self, after: Duration) -> Self {
        self.killed = Some(after);
        self
    }

    /// Limits the function's memory to this many bytes. A process that uses more is killed, as Lambda does it. Works
    /// only on a machine with a `/proc`.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Makes the function's clock wrong: the deadline that it receives is off by this much, and the true deadline is
    /// not.
    pub fn clock_skew(mut self, clock: ClockSkew) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Sets a resource limit for the process. Works only on Linux, with util-linux.
    pub fn limit(mut self, limit: ProcessLimit) -> Self {
        self.limits.push(limit);
        self
    }

    /// Pauses the process after this time since its start, for this long. The clock continues meanwhile.
    pub fn paused(mut self, after: Duration, span: Duration) -> Self {
        self.paused = Some((after, span));
        self
    }

    /// Delivers the event again at these times after the first delivery, each time to a process that is free or to a
    /// new one: Lambda delivers at least once, not exactly once.
    pub fn redelivered(mut self, again: &[Duration]) -> Self {
        self.redeliveries.extend(again);
        self.redeliveries.sort();
        self
    }

    /// Delivers the event of an earlier hook only now, to that hook's program. Its execution id is valid, and its
    /// lifecycle event is over.
    pub fn late(mut self, hook: Hook) -> Self {
        self.execution = self.world.create_execution(hook.event_name());
        self.binary(hook)
    }

    /// Adds the on-failure handler: Lambda sends the record of each failed invocation to `on-failure`.
    pub fn on_failure(mut self) -> Self {
        self.on_failure = true;
        self
    }

    /// The ids in the event: of the deployment and of the hook's execution.
    pub fn ids(&mut self) -> (String, String) {
        (self.world.deployment().id.clone(), self.execution.clone())
    }

    /// The port of the test listener, which accepts requests while the function runs.
    pub fn test_port(&self) -> u16 {
        self.ports[1].number
    }
}
