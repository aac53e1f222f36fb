//! The five lifecycle events of an Amazon ECS deployment that can have a hook, in their order.
//!
//! Source: the AppSpec `hooks` section for Amazon ECS,
//! <https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html>.

use std::fmt;

/// A lifecycle event that a Lambda function can validate. The order is that of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// Before the replacement task set exists. The original serves all traffic.
    BeforeInstall,
    /// The replacement task set exists. No listener forwards to it yet.
    AfterInstall,
    /// The test listener forwards to the replacement. This event happens only if the deployment group has a test
    /// listener.
    AfterAllowTestTraffic,
    /// The last event before production traffic moves.
    BeforeAllowTraffic,
    /// The production listener forwards to the replacement. The original still runs.
    AfterAllowTraffic,
}

impl Hook {
    /// All five, in the order of a deployment.
    pub const ALL: [Self; 5] = [
        Self::BeforeInstall,
        Self::AfterInstall,
        Self::AfterAllowTestTraffic,
        Self::BeforeAllowTraffic,
        Self::AfterAllowTraffic,
    ];

    /// The name of the lifecycle event in CodeDeploy and in the AppSpec file: `AfterInstall`.
    pub const fn event_name(self) -> &'static str {
        match self {
            Self::BeforeInstall => "BeforeInstall",
            Self::AfterInstall => "AfterInstall",
            Self::AfterAllowTestTraffic => "AfterAllowTestTraffic",
            Self::BeforeAllowTraffic => "BeforeAllowTraffic",
            Self::AfterAllowTraffic => "AfterAllowTraffic",
        }
    }

    /// The hook of a lifecycle event. `None` if the event has no hook.
    pub fn from_event_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.event_name() == name)
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

    /// The name of the hook function's program, and the end of the function's name in AWS: `after-install`.
    pub const fn program_name(self) -> &'static str {
        match self {
            Self::BeforeInstall => "before-install",
            Self::AfterInstall => "after-install",
            Self::AfterAllowTestTraffic => "after-allow-test-traffic",
            Self::BeforeAllowTraffic => "before-allow-traffic",
            Self::AfterAllowTraffic => "after-allow-traffic",
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

    /// The product and the simulated CodeDeploy share these words, so neither can test the other's. This list is copied
    /// from "Structure of 'hooks' section" for Amazon ECS in the AppSpec reference; see the head of this file.
    const AWS_EVENT_NAMES: [&str; 5] =
        ["BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"];

    #[test]
    fn event_names_are_those_of_the_appspec_reference() {
        assert_eq!(Hook::ALL.map(Hook::event_name), AWS_EVENT_NAMES);
    }

    #[test]
    fn the_order_is_that_of_a_deployment() {
        assert!(Hook::ALL.is_sorted());
        assert!(!Hook::BeforeInstall.has_replacement());
        assert!(Hook::AfterAllowTestTraffic.has_replacement());
    }
}
