//! The result of an operation.

use serde_json::Value;

/// The output of an operation, or AWS's error.
pub(crate) type OperationResult = Result<Value, ApiError>;

/// An error that AWS returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub code: &'static str,
    pub message: String,
    pub status: u16,
}

impl ApiError {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: 400 }
    }

    /// AWS's word for the side at fault: the caller or the service.
    pub fn fault_side(&self) -> &'static str {
        if self.status < 500 { "Sender" } else { "Receiver" }
    }
}
