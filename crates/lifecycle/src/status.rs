//! The answer of a hook.

/// The status that is put to CodeDeploy. The API accepts only these two words, and no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The deployment continues.
    Succeeded,
    /// The deployment stops.
    Failed,
}

impl Status {
    /// CodeDeploy's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}
