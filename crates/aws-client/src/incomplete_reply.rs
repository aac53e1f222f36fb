//! A reply that broke off. The SDK and our own client retry it.

use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::retry::ErrorKind;

/// An incomplete reply, with the reason.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct IncompleteReply(pub String);

/// An error after which the same request may succeed.
pub fn transient(why: &str) -> ConnectorError {
    ConnectorError::other(IncompleteReply(why.to_owned()).into(), Some(ErrorKind::TransientError))
}
