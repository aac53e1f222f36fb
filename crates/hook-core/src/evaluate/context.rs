//! What an evaluation needs, created once and shared by all events.

use std::sync::Arc;

use aws_client::{Aws, model::Deployment};
use gate::{Fact, WhenContext};
use lifecycle::Hook;
use tokio::time::Instant;

use crate::{
    checks::{EgressPolicy, HttpClient, KnownFacts},
    redact::Redactor,
    settings::{Settings, WrongEventPolicy},
};

pub struct EvaluationContext {
    pub hook: Hook,
    /// The AWS clients, for reading only.
    pub aws: Aws,
    pub http_client: HttpClient,
    pub settings: Settings,
    /// Redacts the function's credentials, which no finding is allowed to show.
    pub redactor: Redactor,
}

impl EvaluationContext {
    /// Creates all clients. All of them only read, and nothing here can fail.
    pub fn new(hook: Hook, settings: Settings) -> Self {
        let aws = Aws::new(&settings.aws);
        if !settings.has_smoke_test(hook) {
            // Lambda gives the start of a function a full core, and an event perhaps a tenth of one.
            aws.build_discovery_clients();
            gate::parse_built_in(hook);
        }
        Self {
            hook,
            aws,
            http_client: HttpClient::new(
                settings.probe_ca.clone(),
                EgressPolicy::new(&settings.allowed_hosts, settings.allow_loopback),
            ),
            redactor: settings.credentials_redactor(),
            settings,
        }
    }

    /// The AWS clients, with the retries of a hook that started at `started_at`. A dry run has none: it shows an error
    /// at once.
    pub fn aws_with_retries(&self, started_at: Instant, until: Instant) -> Aws {
        match self.settings.wrong_event {
            WrongEventPolicy::Ignore => self.aws.clone(),
            WrongEventPolicy::Warn | WrongEventPolicy::Fail => self.aws.with_retries(started_at, until),
        }
    }

    /// The facts that are known before any check runs.
    pub fn env_facts(&self) -> Arc<KnownFacts> {
        let variables = self.settings.variables.0.iter();
        Arc::new(variables.map(|(name, value)| (Fact::Env(name.clone()), Ok(value.clone()))).collect())
    }

    /// The values that `when` can refer to.
    pub fn when_context(&self, deployment: &Deployment) -> WhenContext {
        WhenContext {
            application: deployment.application.clone(),
            deployment_group: deployment.group.clone(),
            region: self.settings.aws.region.clone().unwrap_or_default(),
            variables: self.settings.variables.0.clone(),
        }
    }
}
