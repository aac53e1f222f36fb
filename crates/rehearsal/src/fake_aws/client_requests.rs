//! What a client of CodeDeploy asks for while a deployment is simulated: to create one, or to stop it. The simulated
//! CodeDeploy reads the requests and plays them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::scenario::AppSpec;

/// A deployment that a client created. It exists in the world and has not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestedDeployment {
    pub id: String,
    /// Its AppSpec file.
    pub appspec: AppSpec,
}

#[derive(Debug, Default)]
pub(crate) struct ClientRequests(Mutex<Requests>);

#[derive(Debug, Default)]
struct Requests {
    /// Gets the next deployment. `None` while a deployment is in progress.
    next: Option<oneshot::Sender<RequestedDeployment>>,
    /// The deployments that are to stop, and whether each is to be rolled back.
    stops: BTreeMap<String, bool>,
}

impl ClientRequests {
    /// Waits for a client that creates a deployment. Never returns if the world ends before.
    pub async fn next_deployment(&self) -> RequestedDeployment {
        loop {
            let (sender, receiver) = oneshot::channel();
            self.lock().next = Some(sender);
            if let Ok(requested) = receiver.await {
                return requested;
            }
        }
    }

    /// The channel for a new deployment, if CodeDeploy can begin one.
    pub fn take_next(&self) -> Option<oneshot::Sender<RequestedDeployment>> {
        self.lock().next.take()
    }

    /// Asks to stop a deployment.
    pub fn stop(&self, deployment: &str, roll_back: bool) {
        self.lock().stops.insert(deployment.to_owned(), roll_back);
    }

    /// Whether a client requested to stop a deployment, and if so, whether to roll it back.
    pub fn stopped(&self, deployment: &str) -> Option<bool> {
        self.lock().stops.get(deployment).copied()
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
