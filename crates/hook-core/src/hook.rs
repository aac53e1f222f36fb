//! The five lifecycle events of an Amazon ECS deployment that can be hooked, in their order.
//!
//! Source: the AppSpec `hooks` section for Amazon ECS,
//! <https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html>.

use std::fmt;

/// A lifecycle event that CodeDeploy lets a Lambda function validate. The order is the order in a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// Before the replacement task set exists; the original one serves everything.
    BeforeInstall,
    /// The replacement task set exists; no listener serves it yet.
    AfterInstall,
    /// The test listener serves the replacement. Happens only where a test listener is configured.
    AfterAllowTestTraffic,
    /// The last moment before production traffic moves.
    BeforeAllowTraffic,
    /// Production serves the replacement; the original still runs.
    AfterAllowTraffic,
}

impl Hook {
    /// All five, in the order in which a deployment meets them.
    pub const ALL: [Self; 5] = [
        Self::BeforeInstall,
        Self::AfterInstall,
        Self::AfterAllowTestTraffic,
        Self::BeforeAllowTraffic,
        Self::AfterAllowTraffic,
    ];

    /// The lifecycle event's name in CodeDeploy and in the AppSpec: `AfterInstall`.
    pub const fn event_name(self) -> &'static str {
        match self {
            Self::BeforeInstall => "BeforeInstall",
            Self::AfterInstall => "AfterInstall",
            Self::AfterAllowTestTraffic => "AfterAllowTestTraffic",
            Self::BeforeAllowTraffic => "BeforeAllowTraffic",
            Self::AfterAllowTraffic => "AfterAllowTraffic",
        }
    }

    /// The key in the gate file: `after_install`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::BeforeInstall => "before_install",
            Self::AfterInstall => "after_install",
            Self::AfterAllowTestTraffic => "after_allow_test_traffic",
            Self::BeforeAllowTraffic => "before_allow_traffic",
            Self::AfterAllowTraffic => "after_allow_traffic",
        }
    }

    /// Whether the replacement task set should exist when this hook runs.
    pub fn has_replacement(self) -> bool {
        self >= Self::AfterInstall
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.event_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_a_deployment() {
        assert!(Hook::ALL.is_sorted());
        assert!(!Hook::BeforeInstall.has_replacement());
        assert!(Hook::AfterAllowTestTraffic.has_replacement());
    }
}
