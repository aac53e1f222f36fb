//! What ends an invocation without an accepted answer. Everything else is a finding.

use crate::redact::RedactedText;

/// An invocation that could not be answered. Lambda records it as a function error of the type [`Error::code`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The payload is not JSON.
    #[error("the payload is not JSON: {0}")]
    EventNotJson(RedactedText),
    /// The payload lacks a usable id.
    #[error("the payload is not a CodeDeploy lifecycle event: {0}")]
    EventMalformed(RedactedText),
    /// CodeDeploy did not take the status.
    #[error("the status {status} could not be put for deployment {deployment}: {why}")]
    StatusNotSent {
        /// What should have been put: `Succeeded` or `Failed`.
        status: &'static str,
        /// The deployment's id.
        deployment: String,
        /// What CodeDeploy or the network said, in one line.
        why: RedactedText,
    },
}

impl Error {
    /// A stable word: Lambda's error type, and a heading in docs/OPERATING.md.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EventNotJson(_) => "EventNotJson",
            Self::EventMalformed(_) => "EventMalformed",
            Self::StatusNotSent { .. } => "StatusNotSent",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::EventNotJson(_) | Self::EventMalformed(_) => {
                "CodeDeploy sends {\"DeploymentId\":…,\"LifecycleEventHookExecutionId\":…}; this invocation came from elsewhere"
            }
            Self::StatusNotSent { .. } => {
                "the deployment waits up to an hour for this answer; stop it, or put the status by hand"
            }
        }
    }
}

impl From<Error> for lambda_runtime::Diagnostic {
    fn from(error: Error) -> Self {
        Self { error_type: error.code().to_owned(), error_message: format!("{error}; {}", error.hint()) }
    }
}
