//! What kind of story a scenario is.

use serde::{Deserialize, Serialize};

/// What kind of story a scenario is, in the order in which they are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// What a newcomer wants to see first.
    Basics,
    /// Tasks and their containers.
    Tasks,
    /// The load balancer's targets, listeners and rules.
    Traffic,
    /// What the service answers.
    Answers,
    /// CloudWatch alarms.
    Alarms,
    /// CodeDeploy: shifts, roll-backs, stops, wiring.
    Deployments,
    /// The functions themselves: settings, permissions, time.
    Functions,
    /// A scenario of somebody's own.
    #[default]
    Own,
}

impl Category {
    /// Its title.
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
