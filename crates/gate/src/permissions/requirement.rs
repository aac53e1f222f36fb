//! An AWS operation that a hook needs, and its purpose.

use std::borrow::Cow;

use super::AwsOperation;

#[derive(Clone, Debug)]
pub struct Requirement {
    pub operation: AwsOperation,
    /// The purpose, as `to …`.
    pub why: Cow<'static, str>,
}

impl Requirement {
    pub fn new(operation: AwsOperation, why: impl Into<Cow<'static, str>>) -> Self {
        Self { operation, why: why.into() }
    }
}
