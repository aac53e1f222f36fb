//! A stage that is up: its AWS and its listeners answer whoever asks.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use anyhow::Context;

use super::{Stage, event};
use crate::{
    aws::{Cloud, Put},
    exchange::{Serving, serve_anywhere},
    report::Answer,
    service::{Front, ServiceRequest},
};

/// A stage that is up, for clients that are not a function of the rehearsal's own: another program's SDK, a function in
/// another runtime. Dropping it takes it down.
#[derive(Debug)]
pub struct OpenStage {
    endpoint: String,
    payload: Vec<u8>,
    pub(super) cloud: Arc<Cloud>,
    front: Front,
    opened: Instant,
    _serving: Serving,
}

impl Stage {
    /// Opens the listeners and AWS.
    ///
    /// # Errors
    /// There is no free port on loopback.
    pub async fn open(mut self) -> anyhow::Result<OpenStage> {
        let (deployment, execution) = self.ids();
        let payload = self.payload.unwrap_or_else(|| event(&deployment, &execution));
        let cloud = Arc::new(Cloud::new(self.world, self.faults).recorded(self.recorder));
        let front = Front::open(&cloud, self.ports).context("the listeners cannot be opened")?;
        let aws = cloud.clone();
        let (port, serving) = serve_anywhere(move |request| {
            let aws = aws.clone();
            async move { aws.answer(request).await }
        })
        .await
        .context("no port for AWS")?;
        let (endpoint, opened) = (format!("http://127.0.0.1:{port}"), Instant::now());
        Ok(OpenStage { endpoint, payload, cloud, front, opened, _serving: serving })
    }
}

impl OpenStage {
    /// What `AWS_ENDPOINT_URL` has to be.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The event with which a function is to be invoked.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The answers that CodeDeploy has taken.
    pub fn answers(&self) -> Vec<Answer> {
        self.cloud.world().executions.iter().filter_map(|execution| execution.answer).collect()
    }

    /// Every status that was put, in order, taken or not, with its time since the stage was opened.
    pub fn puts(&self) -> Vec<Put> {
        self.cloud.puts(self.opened)
    }

    /// How many replies of each operation went out whole and good, by `service:Operation`.
    pub fn good_replies(&self) -> BTreeMap<String, u64> {
        self.cloud.good_replies()
    }

    /// How many AWS calls each operation got, by `service:Operation`.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.cloud.calls()
    }

    /// Operations that were called and are not played here.
    pub fn unknown_operations(&self) -> Vec<String> {
        self.cloud.unknown()
    }

    /// What came to the service through its listeners.
    pub fn requests_to_service(&self) -> Vec<ServiceRequest> {
        self.front.seen()
    }
}
