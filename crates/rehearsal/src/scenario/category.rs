//! The categories of scenarios.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The category of a scenario, in the order of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// The scenarios that a newcomer should see first.
    Basics,
    /// Tasks and their containers.
    Tasks,
    /// The load balancer's targets, listeners and rules.
    Traffic,
    /// The responses of the service.
    Answers,
    /// CloudWatch alarms.
    Alarms,
    /// CodeDeploy: traffic shifts, rollbacks, stops, AppSpec files.
    Deployments,
    /// The hook functions: settings, permissions, time.
    Functions,
    /// A scenario that a user wrote.
    #[default]
    Own,
}

impl Category {
    /// The title in the list.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Basics => "basics",
            Self::Tasks => "tasks and containers",
            Self::Traffic => "targets, listeners and rules",
            Self::Answers => "what the service answers",
            Self::Alarms => "alarms",
            Self::Deployments => "deployments",
            Self::Functions => "the functions themselves",
            Self::Own => "your own",
        }
    }
}
