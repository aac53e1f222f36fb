//! What somebody asks AWS for, and what for.

use std::borrow::Cow;

use crate::aws::Ask;

/// A question to AWS, with its reason.
#[derive(Clone, Debug)]
pub struct Need {
    /// The question.
    pub ask: Ask,
    /// What for, as `to …`.
    pub why: Cow<'static, str>,
}

impl Need {
    /// A question, and what it is asked for.
    pub fn new(ask: Ask, why: impl Into<Cow<'static, str>>) -> Self {
        Self { ask, why: why.into() }
    }
}
