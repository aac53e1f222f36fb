//! What a check can use. The files that use it add their own methods to it.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use aws_client::{
    Aws,
    model::{DeploymentView, Listener},
};
use gate::{Fact, UnresolvedFact, WhenContext};
use tokio::{
    sync::{Mutex, Semaphore},
    time::Instant,
};

use super::http_client::HttpClient;
use crate::{finding::Policies, secrets::Secrets};

/// The values of facts, or why a fact has none.
pub type KnownFacts = BTreeMap<Fact, Result<String, UnresolvedFact>>;

/// The gate file, for checks that predict what later hooks will do.
#[derive(Clone, Default)]
pub struct GateFileInput {
    /// The text. None if there is no gate file.
    pub text: Option<String>,
    /// The values that its `when` conditions compare with.
    pub when_context: WhenContext,
}

/// Hides the variables, because they can be secret.
impl std::fmt::Debug for GateFileInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GateFileInput")
    }
}

/// A listener, and when it was read.
pub(super) type CachedListener = Option<(Instant, Arc<Listener>)>;

/// The listeners, as they were last read.
#[derive(Debug, Default)]
pub struct ListenerCache(pub(super) [Mutex<CachedListener>; 2]);

/// What a check can use.
#[derive(Clone, Debug)]
pub struct CheckContext {
    /// What discovery found.
    pub target: Arc<DeploymentView>,
    /// The AWS client, for what changes during the deployment.
    pub aws: Aws,
    pub http_client: HttpClient,
    /// `ALB_URL`, used in place of the test listener's address.
    pub test_address: Option<String>,
    /// `GREENLIGHT_HOST`.
    pub host: Option<String>,
    /// The facts that are known before any check runs: the function's variables.
    pub env_facts: Arc<KnownFacts>,
    /// The gate file of all hooks.
    pub gate_file: Arc<GateFileInput>,
    /// The secrets of the gate file.
    pub secrets: Arc<Secrets>,
    /// When customers' requests began to reach the replacement, if they do. Alarms are checked from that time on.
    pub traffic_since: Option<SystemTime>,
    /// What the outcomes of this check mean for the deployment.
    pub policies: Policies,
    /// The listeners with their rules, as they were last read.
    pub listeners: Arc<ListenerCache>,
    /// Limits how many attempts run at the same time.
    pub permits: Arc<Semaphore>,
    /// When all checks must have ended.
    pub deadline: Instant,
    /// What to do if a check needed longer, if the hint of its reason code is wrong.
    pub out_of_time_hint: Option<&'static str>,
}
