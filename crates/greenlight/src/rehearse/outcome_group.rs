//! The ways in which a deployment ends, in the order of the table: first the deployments that succeeded, then those
//! that were stopped, by the earliest hook first.

use rehearsal::{DeploymentOutcome, Hook};

use super::scenario_run::{RunEnd, ScenarioRun};
use crate::terminal::Emphasis;

/// How a scenario ends. Each variant is a heading of the table, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutcomeGroup {
    /// Every deployment succeeded.
    Succeeded,
    /// A hook stopped a deployment, and customers are on the original.
    Stopped(Hook),
    /// A hook stopped a deployment, and nothing moved the traffic back.
    NotRolledBack(Hook),
    StoppedByOperator,
    /// Any other end.
    Other,
    /// The scenario could not be played.
    NotRun,
}

impl OutcomeGroup {
    pub fn from_run(played: &ScenarioRun) -> Self {
        match &played.end {
            RunEnd::Error(_) => Self::NotRun,
            RunEnd::Completed(report) => {
                Self::from_deployments(report.deployments.iter().map(|one| (one.outcome, one.stopped_by)))
            }
        }
    }

    /// The first deployment that did not succeed decides: its end says most about the scenario.
    fn from_deployments(deployments: impl Iterator<Item = (DeploymentOutcome, Option<Hook>)>) -> Self {
        let mut unlucky = deployments.filter(|(outcome, _)| *outcome != DeploymentOutcome::Succeeded);
        match unlucky.next() {
            None => Self::Succeeded,
            Some((DeploymentOutcome::Stopped, _)) => Self::StoppedByOperator,
            Some(
                (DeploymentOutcome::RolledBack, Some(hook))
                | (DeploymentOutcome::Failed, Some(hook @ Hook::BeforeInstall)),
            ) => Self::Stopped(hook),
            Some((DeploymentOutcome::Failed, Some(hook))) => Self::NotRolledBack(hook),
            Some(_) => Self::Other,
        }
    }

    pub fn heading(self) -> (String, Emphasis) {
        match self {
            Self::Succeeded => ("succeeded: every hook put Succeeded".to_owned(), Emphasis::Success),
            Self::Stopped(hook @ Hook::BeforeInstall) => {
                (format!("stopped by {hook}: nothing had changed"), Emphasis::Bold)
            }
            Self::Stopped(hook) => (format!("stopped by {hook}: rolled back"), Emphasis::Bold),
            Self::NotRolledBack(hook) => (format!("stopped by {hook}: not rolled back"), Emphasis::Bold),
            Self::StoppedByOperator => ("stopped by an operator".to_owned(), Emphasis::Bold),
            Self::Other => ("ended in another way".to_owned(), Emphasis::Bold),
            Self::NotRun => ("could not be played".to_owned(), Emphasis::Error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_deployment_that_fails_tells_how_a_scenario_ends() {
        use DeploymentOutcome::{Failed, RolledBack, Succeeded};
        use Hook::{AfterInstall, BeforeInstall};
        let of = |deployments: &[(DeploymentOutcome, Option<Hook>)]| {
            OutcomeGroup::from_deployments(deployments.iter().copied())
        };
        assert_eq!(of(&[(Succeeded, None), (Succeeded, None)]), OutcomeGroup::Succeeded);
        assert_eq!(of(&[(Succeeded, None), (RolledBack, Some(AfterInstall))]), OutcomeGroup::Stopped(AfterInstall));
        assert_eq!(of(&[(Failed, Some(BeforeInstall))]), OutcomeGroup::Stopped(BeforeInstall));
        assert_eq!(of(&[(Failed, Some(AfterInstall))]), OutcomeGroup::NotRolledBack(AfterInstall));
        assert_eq!(of(&[(DeploymentOutcome::Stopped, None)]), OutcomeGroup::StoppedByOperator);
        assert_eq!(of(&[(Failed, None)]), OutcomeGroup::Other);
    }

    #[test]
    fn those_that_went_through_come_first_and_then_the_earliest_stop() {
        let [first, second] = [Hook::BeforeInstall, Hook::AfterInstall].map(OutcomeGroup::Stopped);
        assert!(OutcomeGroup::Succeeded < first && first < second && second < OutcomeGroup::StoppedByOperator);
        assert!(OutcomeGroup::StoppedByOperator < OutcomeGroup::NotRun);
    }
}
