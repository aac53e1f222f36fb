//! The errors that end an invocation without an accepted status. Everything else is a finding.

use crate::{platform::codedeploy_ecs::EXPECTED_EVENT, redact::RedactedText};

/// Why no status could be put. Lambda records it as a function error of the type [`Error::code`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The payload is not JSON.
    #[error("the payload is not JSON: {0}")]
    EventNotJson(RedactedText),
    /// The payload lacks a usable id.
    #[error("the payload is not a CodeDeploy lifecycle event: {0}")]
    EventMalformed(RedactedText),
    /// CodeDeploy did not accept the status.
    #[error("the status {status} could not be put for deployment {deployment}: {why}")]
    StatusNotSent {
        /// The status to put: `Succeeded` or `Failed`.
        status: &'static str,
        /// The deployment's id.
        deployment: String,
        /// The error from CodeDeploy or the network, in one line.
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

    /// What to do about the error.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::EventNotJson(_) | Self::EventMalformed(_) => EXPECTED_EVENT,
            Self::StatusNotSent { .. } => {
                "the deployment waits up to an hour for this status; stop it, or put the status manually"
            }
        }
    }
}

impl From<Error> for lambda_runtime::Diagnostic {
    fn from(error: Error) -> Self {
        Self { error_type: error.code().to_owned(), error_message: format!("{error}; {}", error.hint()) }
    }
}
