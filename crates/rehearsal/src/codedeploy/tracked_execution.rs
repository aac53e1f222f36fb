//! The executions of a deployment's hooks while it runs.

use std::time::Instant;

use lifecycle::{Hook, Status};
use tokio::sync::watch;

use crate::{
    codedeploy::invocations::InvocationProgress,
    lambda::{FunctionName, HookVerdict},
};

/// One execution: the id that a hook's function received, and the invocations that worked on it.
pub(super) struct TrackedExecution {
    pub id: String,
    pub program: FunctionName,
    pub started: Instant,
    /// An operator stopped the deployment, so the hook owes no status.
    pub stopped: bool,
    /// The verdict that the hook logged; the default if it logged none.
    pub verdict: HookVerdict,
    pub invocations: Vec<watch::Receiver<InvocationProgress>>,
}

/// A second delivery in progress.
pub(super) struct PendingRedelivery {
    pub hook: Hook,
    pub progress: watch::Receiver<InvocationProgress>,
    /// The status that CodeDeploy had accepted before it.
    pub status: Option<Status>,
    pub verdict: Option<HookVerdict>,
}
