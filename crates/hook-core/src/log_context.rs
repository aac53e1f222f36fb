//! What every log line says about the deployment and the gate file, as far as it is known at that time.

use aws_client::model::{Deployment, DeploymentView};
use lifecycle::{DeploymentId, Hook};

use crate::{
    gate_source::GateText,
    redact::{RedactedText, Redactor},
};

/// Fields of the log. A line omits what is not known yet.
#[derive(Clone, Debug, Default)]
pub struct LogContext {
    /// Which of the five hooks. None in the on-failure handler.
    pub hook: Option<Hook>,
    pub deployment: String,
    pub region: Option<String>,
    pub application: Option<RedactedText>,
    pub deployment_group: Option<RedactedText>,
    pub cluster: Option<RedactedText>,
    pub service: Option<RedactedText>,
    /// Where the gate file came from: `ssm:/greenlight/shop`.
    pub gate_source: Option<RedactedText>,
    /// A parameter's version, or an object's ETag.
    pub gate_version: Option<RedactedText>,
    /// `sha256:` and the digest of the gate file's text.
    pub gate_digest: Option<String>,
}

impl LogContext {
    /// What is known when an event arrives.
    pub fn new(hook: Option<Hook>, deployment: &DeploymentId, region: Option<&str>) -> Self {
        let (deployment, region) = (deployment.as_str().to_owned(), region.map(str::to_owned));
        Self { hook, deployment, region, ..Self::default() }
    }

    /// Adds what CodeDeploy reports.
    pub fn add_deployment(&mut self, deployment: &Deployment, redactor: &Redactor) {
        let known = |text: &str| (!text.is_empty()).then(|| redactor.redact(text));
        self.application = known(&deployment.application);
        self.deployment_group = known(&deployment.group);
    }

    /// Adds the cluster and the service. CodeDeploy can report a cluster by its ARN.
    pub fn add_view(&mut self, target: &DeploymentView, redactor: &Redactor) {
        self.cluster = target.cluster.rsplit('/').next().map(|name| redactor.redact(name));
        self.service = Some(redactor.redact(&target.service.name));
    }

    /// Adds the gate file. None if there are only built-in checks.
    pub fn add_gate(&mut self, gate: Option<&GateText>, redactor: &Redactor) {
        self.gate_source = Some(redactor.redact(gate.map_or("built-in", |gate| &gate.source)));
        self.gate_version = gate.and_then(|gate| gate.version.as_deref()).map(|version| redactor.redact(version));
        self.gate_digest = gate.map(GateText::digest);
    }
}

/// Logs a line with the fields of a [`LogContext`] before its own fields.
macro_rules! log_line {
    ($level:ident, $context:expr, $($rest:tt)+) => {{
        let context: &$crate::log_context::LogContext = $context;
        tracing::$level!(
            hook.name = context.hook.map($crate::Hook::event_name),
            deployment.id = context.deployment,
            deployment.application = context.application.as_deref(),
            deployment.group = context.deployment_group.as_deref(),
            ecs.cluster = context.cluster.as_deref(),
            ecs.service = context.service.as_deref(),
            aws.region = context.region.as_deref(),
            gate.source = context.gate_source.as_deref(),
            gate.version = context.gate_version.as_deref(),
            gate.digest = context.gate_digest.as_deref(),
            $($rest)+
        )
    }};
}
pub(crate) use log_line;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_file_is_told_apart_by_source_version_and_digest() {
        let mut context = LogContext::default();
        let gate = GateText { source: "ssm:/g".to_owned(), version: Some("7".to_owned()), text: "abc".to_owned() };
        context.add_gate(Some(&gate), &Redactor::default());
        // The example in FIPS 180.
        let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(context.gate_digest.as_deref(), Some(digest));
        assert_eq!((context.gate_source.as_deref(), context.gate_version.as_deref()), (Some("ssm:/g"), Some("7")));
        context.add_gate(None, &Redactor::default());
        assert_eq!(
            (context.gate_source.as_deref(), context.gate_version, context.gate_digest),
            (Some("built-in"), None, None)
        );
    }
}
