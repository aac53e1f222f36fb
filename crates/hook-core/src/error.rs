//! The errors that end an invocation without an accepted status. Everything else is a finding.

use crate::{platform::codedeploy_ecs::EXPECTED_EVENT, redact::RedactedText};

/// Why no status could be put. Lambda records it as a function error of the type [`Error::code`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the payload is not JSON: {0}")]
    EventNotJson(RedactedText),
    /// The payload lacks a usable id.
    #[error("the payload is not a CodeDeploy lifecycle event: {0}")]
    EventMalformed(RedactedText),
    /// The payload is not Lambda's record of a failed invocation.
    #[error("the payload is not Lambda's record of a failed invocation: {0}")]
    RecordMalformed(RedactedText),
    /// The event in Lambda's record is not CodeDeploy's.
    #[error("the event of the failed invocation is not a CodeDeploy lifecycle event: {0}")]
    NotCodeDeploys(RedactedText),
    /// CodeDeploy did not accept the status.
    #[error("the status {status} could not be put for deployment {deployment}: {why}")]
    StatusNotSent {
        /// The status to put: `Succeeded` or `Failed`.
        status: &'static str,
        deployment: String,
        /// The error from CodeDeploy or the network, in one line.
        why: RedactedText,
        hint: &'static str,
    },
}

impl Error {
    /// A stable word: Lambda's error type, and a heading in docs/OPERATING.md.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EventNotJson(_) => "EventNotJson",
            Self::EventMalformed(_) | Self::RecordMalformed(_) | Self::NotCodeDeploys(_) => "EventMalformed",
            Self::StatusNotSent { .. } => "StatusNotSent",
        }
    }

    pub const fn hint(&self) -> &'static str {
        match self {
            Self::EventNotJson(_) | Self::EventMalformed(_) => EXPECTED_EVENT,
            Self::RecordMalformed(_) => "use on-failure only as an on-failure destination, and not as a hook",
            Self::NotCodeDeploys(_) => {
                "the failed function was not invoked by CodeDeploy, so there is no status to put"
            }
            Self::StatusNotSent { hint, .. } => hint,
        }
    }
}

impl From<Error> for lambda_runtime::Diagnostic {
    fn from(error: Error) -> Self {
        Self { error_type: error.code().to_owned(), error_message: format!("{error}; {}", error.hint()) }
    }
}
