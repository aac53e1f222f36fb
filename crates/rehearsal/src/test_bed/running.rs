//! A running test bed, whose AWS endpoint and listeners accept requests from any client.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Instant, SystemTime},
};

use anyhow::Context;
use lifecycle::Status;

use crate::{
    codedeploy::hook_event,
    fake_aws::{FakeAws, StatusPut},
    http::ServerHandle,
    service::{ServiceListeners, ServiceRequest},
    test_bed::HookTestBed,
};

/// A running test bed for clients that are not functions of a rehearsal: the SDK of another program, or a function in
/// another runtime. Dropping it closes all ports.
#[derive(Debug)]
pub struct RunningTestBed {
    endpoint: String,
    payload: Vec<u8>,
    pub(super) aws: Arc<FakeAws>,
    service_listeners: ServiceListeners,
    opened: Instant,
    _server: ServerHandle,
}

impl HookTestBed {
    /// Opens the listeners and the AWS endpoint.
    ///
    /// # Errors
    /// There is no free port on loopback.
    pub async fn open(mut self) -> anyhow::Result<RunningTestBed> {
        let (deployment, execution) = self.ids();
        let payload = self.payload.unwrap_or_else(|| hook_event(&deployment, &execution));
        let cloud = Arc::new(FakeAws::new(self.world, self.faults).with_recorder(self.recorder));
        let front = ServiceListeners::open(&cloud, self.ports).context("the listeners cannot be opened")?;
        let (port, serving) = cloud.serve().await.context("no port for AWS")?;
        let (endpoint, opened) = (format!("http://127.0.0.1:{port}"), Instant::now());
        Ok(RunningTestBed { endpoint, payload, aws: cloud, service_listeners: front, opened, _server: serving })
    }
}

impl RunningTestBed {
    /// The value for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The event for the function's invocation.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The statuses that CodeDeploy has accepted.
    pub fn statuses(&self) -> Vec<Status> {
        self.aws.world().executions.iter().filter_map(|execution| execution.status).collect()
    }

    /// Every status that was put, in order, accepted or not, with its time since the test bed was opened.
    pub fn puts(&self) -> Vec<StatusPut> {
        self.aws.puts(self.opened)
    }

    /// Every status that was put, in order, accepted or not, with its time since `since`.
    pub fn puts_since(&self, since: Instant) -> Vec<StatusPut> {
        self.aws.puts(since)
    }

    /// Starts the lifecycle event of the last hook execution again, as if its status had never been put. Returns the
    /// event for the next invocation, with an execution id of its own.
    pub fn restart_event(&self) -> Vec<u8> {
        let mut world = self.aws.world();
        let event = world.executions.last().map(|execution| execution.event.clone()).unwrap_or_default();
        world.start_event(&event, SystemTime::now());
        let execution = world.create_execution(&event);
        hook_event(&world.deployment().id, &execution)
    }

    /// The number of AWS calls for each operation, by `service:Operation`.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.aws.calls()
    }

    /// Operations that were called and that the simulated AWS does not support.
    pub fn unknown_operations(&self) -> Vec<String> {
        self.aws.unknown_operations()
    }

    /// The requests that the service received through its listeners.
    pub fn requests_to_service(&self) -> Vec<ServiceRequest> {
        self.service_listeners.requests()
    }
}
