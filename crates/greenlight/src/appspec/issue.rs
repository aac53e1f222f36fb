//! What is wrong with an AppSpec file.

use hook_core::gate_file::Diagnostic;

use crate::gate_file::diagnostics::Level;

/// The severity of an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// CodeDeploy rejects the file. Nothing is deployed.
    Rejected,
    /// A deployment with the file fails, or does something other than the file suggests.
    Error,
    /// Information that is not a fault.
    Note,
}

impl Severity {
    pub const fn level(self) -> Level {
        match self {
            Self::Rejected | Self::Error => Level::Fault,
            Self::Note => Level::Note,
        }
    }
}

/// An issue in a file.
#[derive(Clone, Debug)]
pub struct Issue {
    pub severity: Severity,
    /// The message and the position.
    pub diagnostic: Diagnostic,
}
