//! Passes findings on to the observers that write their lines. Nothing here takes a lock, because writing can block.

use std::sync::Arc;

use crate::{finding::Finding, log_context::LogContext, verdict::Mode};

/// Called with each finding when its line can be written, with the mode and the context of the line.
pub type FindingObserver = Arc<dyn Fn(&Finding, Mode, &LogContext) + Send + Sync>;

/// What a line says in addition to its finding. A copy is cheap.
#[derive(Clone, Debug, Default)]
pub struct LineContext {
    /// The gate file's mode. Until the file is read, the strict one.
    pub mode: Mode,
    /// What is known about the deployment.
    pub deployment: Arc<LogContext>,
}

/// Findings whose lines are not written yet.
pub struct UnpublishedFindings {
    pub(super) findings: Vec<Finding>,
    pub(super) context: LineContext,
    pub(super) observer: FindingObserver,
}

impl UnpublishedFindings {
    /// Writes the lines.
    pub fn publish(&self) {
        for finding in &self.findings {
            (self.observer)(finding, self.context.mode, &self.context.deployment);
        }
    }
}
