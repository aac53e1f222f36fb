//! The answer of a hook.

/// The status that is put to CodeDeploy. A hook can put only these two words, and no reason:
/// <https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_PutLifecycleEventHookExecutionStatus.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The deployment continues.
    Succeeded,
    /// The deployment stops.
    Failed,
}

impl Status {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Succeeded, Self::Failed];

    /// CodeDeploy's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_that_the_api_reference_allows_a_hook() {
        // Copied from the note on `status`: other values of the enum `LifecycleEventStatus` are rejected.
        assert_eq!(Status::ALL.map(Status::as_str), ["Succeeded", "Failed"]);
    }
}
