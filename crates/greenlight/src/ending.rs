//! The ways in which a deployment ends, in the order in which a person wants to see them: first those that went through,
//! then those that were stopped, the earliest first.

use rehearsal::{HookName, Outcome};

use crate::{
    paint::Tone,
    played::{End, Played},
};

/// How a scenario ends, for a heading over all that end so. The order is that of the headings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Every deployment of it went through.
    Succeeded,
    /// A hook stopped one, and customers are where they were before.
    Stopped(HookName),
    /// A hook stopped one, and nothing took the traffic back.
    LeftThere(HookName),
    /// Somebody stopped it.
    ByHand,
    /// It ended otherwise.
    Otherwise,
    /// It could not be played.
    NotPlayed,
}

impl Ending {
    /// How it came out.
    pub fn of(played: &Played) -> Self {
        match &played.end {
            End::Not(_) => Self::NotPlayed,
            End::Through(report) => Self::first(report.deployments.iter().map(|one| (one.outcome, one.stopped_by))),
        }
    }

    /// The end of the first deployment that did not succeed tells most of a scenario.
    fn first(deployments: impl Iterator<Item = (Outcome, Option<HookName>)>) -> Self {
        let mut unlucky = deployments.filter(|(outcome, _)| *outcome != Outcome::Succeeded);
        match unlucky.next() {
            None => Self::Succeeded,
            Some((Outcome::Stopped, _)) => Self::ByHand,
            Some((Outcome::RolledBack, Some(hook)) | (Outcome::Failed, Some(hook @ HookName::BeforeInstall))) => {
                Self::Stopped(hook)
            }
            Some((Outcome::Failed, Some(hook))) => Self::LeftThere(hook),
            Some(_) => Self::Otherwise,
        }
    }

    /// The heading and its tone.
    pub fn heading(self) -> (String, Tone) {
        match self {
            Self::Succeeded => ("succeeded: every hook let it pass".to_owned(), Tone::Good),
            Self::Stopped(hook @ HookName::BeforeInstall) => {
                (format!("stopped by {hook}: nothing had changed"), Tone::Strong)
            }
            Self::Stopped(hook) => (format!("stopped by {hook}: rolled back"), Tone::Strong),
            Self::LeftThere(hook) => (format!("stopped by {hook}: not rolled back"), Tone::Strong),
            Self::ByHand => ("stopped by an operator".to_owned(), Tone::Strong),
            Self::Otherwise => ("ended otherwise".to_owned(), Tone::Strong),
            Self::NotPlayed => ("could not be played".to_owned(), Tone::Bad),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_deployment_that_fails_tells_how_a_scenario_ends() {
        use HookName::{AfterInstall, BeforeInstall};
        use Outcome::{Failed, RolledBack, Succeeded};
        let of = |deployments: &[(Outcome, Option<HookName>)]| Ending::first(deployments.iter().copied());
        assert_eq!(of(&[(Succeeded, None), (Succeeded, None)]), Ending::Succeeded);
        assert_eq!(of(&[(Succeeded, None), (RolledBack, Some(AfterInstall))]), Ending::Stopped(AfterInstall));
        assert_eq!(of(&[(Failed, Some(BeforeInstall))]), Ending::Stopped(BeforeInstall));
        assert_eq!(of(&[(Failed, Some(AfterInstall))]), Ending::LeftThere(AfterInstall));
        assert_eq!(of(&[(Outcome::Stopped, None)]), Ending::ByHand);
        assert_eq!(of(&[(Failed, None)]), Ending::Otherwise);
    }

    #[test]
    fn those_that_went_through_come_first_and_then_the_earliest_stop() {
        let [first, second] = [HookName::BeforeInstall, HookName::AfterInstall].map(Ending::Stopped);
        assert!(Ending::Succeeded < first && first < second && second < Ending::ByHand);
        assert!(Ending::ByHand < Ending::NotPlayed);
    }
}
