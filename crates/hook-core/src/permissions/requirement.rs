//! What somebody asks AWS for, and what for.

use std::borrow::Cow;

use crate::aws::AwsOperation;

/// A question to AWS, with its reason.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// The question.
    pub operation: AwsOperation,
    /// What for, as `to …`.
    pub why: Cow<'static, str>,
}

impl Requirement {
    /// A question, and what it is asked for.
    pub fn new(operation: AwsOperation, why: impl Into<Cow<'static, str>>) -> Self {
        Self { operation, why: why.into() }
    }
}
