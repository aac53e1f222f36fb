//! A stage that is up: its AWS and its listeners answer whoever asks.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use anyhow::Context;

use super::{HookTestBed, event};
use crate::{
    aws::{FakeAws, StatusPut},
    http_server::{ServerHandle, serve_on_free_port},
    report::HookStatus,
    service::{ServiceListeners, ServiceRequest},
};

/// A stage that is up, for clients that are not a function of the rehearsal's own: another program's SDK, a function in
/// another runtime. Dropping it takes it down.
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
    /// Opens the listeners and AWS.
    ///
    /// # Errors
    /// There is no free port on loopback.
    pub async fn open(mut self) -> anyhow::Result<RunningTestBed> {
        let (deployment, execution) = self.ids();
        let payload = self.payload.unwrap_or_else(|| event(&deployment, &execution));
        let cloud = Arc::new(FakeAws::new(self.world, self.faults).with_recorder(self.recorder));
        let front = ServiceListeners::open(&cloud, self.ports).context("the listeners cannot be opened")?;
        let aws = cloud.clone();
        let (port, serving) = serve_on_free_port(move |request| {
            let aws = aws.clone();
            async move { aws.respond(request).await }
        })
        .await
        .context("no port for AWS")?;
        let (endpoint, opened) = (format!("http://127.0.0.1:{port}"), Instant::now());
        Ok(RunningTestBed { endpoint, payload, aws: cloud, service_listeners: front, opened, _server: serving })
    }
}

impl RunningTestBed {
    /// What `AWS_ENDPOINT_URL` has to be.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The event with which a function is to be invoked.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The answers that CodeDeploy has taken.
    pub fn statuses(&self) -> Vec<HookStatus> {
        self.aws.world().executions.iter().filter_map(|execution| execution.status).collect()
    }

    /// Every status that was put, in order, taken or not, with its time since the stage was opened.
    pub fn puts(&self) -> Vec<StatusPut> {
        self.aws.puts(self.opened)
    }

    /// How many replies of each operation went out whole and good, by `service:Operation`.
    pub fn good_replies(&self) -> BTreeMap<String, u64> {
        self.aws.good_replies()
    }

    /// How many AWS calls each operation got, by `service:Operation`.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.aws.calls()
    }

    /// Operations that were called and are not played here.
    pub fn unknown_operations(&self) -> Vec<String> {
        self.aws.unknown_operations()
    }

    /// What came to the service through its listeners.
    pub fn requests_to_service(&self) -> Vec<ServiceRequest> {
        self.service_listeners.requests()
    }
}
