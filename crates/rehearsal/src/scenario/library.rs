//! The built-in scenarios: one file each.

use crate::scenario::Scenario;

/// Every file in `scenarios/`, by name. The build script finds them.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));

/// The scenarios that a newcomer should see first, in this order.
const FIRST: &[&str] = &[
    "healthy",
    "tasks-stop",
    "targets-unhealthy",
    "route-503",
    "test-listener-never-switches",
    "alarm-after-shift",
    "throttled-first-calls",
    "second-deployment-colours-swapped",
];

impl Scenario {
    /// The built-in scenarios, in the order of the list.
    ///
    /// A test reads each file, so that none can be missing here.
    pub fn built_in() -> Vec<Self> {
        let read = |(name, text): &(&str, &str)| Self::from_yaml(text, &format!("{name}.yaml")).ok();
        let mut all: Vec<_> = FILES.iter().filter_map(read).collect();
        let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
        // They are sorted by name, and the stable sort keeps that order within a category.
        all.sort_by_key(|scenario| (scenario.category, rank(&scenario.name)));
        all
    }

    /// The built-in scenario of that name.
    pub fn named(name: &str) -> Option<Self> {
        let (file, text) = FILES.iter().find(|(file, _)| *file == name)?;
        Self::from_yaml(text, &format!("{file}.yaml")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{report::DeploymentOutcome, scenario::Category};

    #[test]
    fn every_file_is_a_scenario_of_its_own_name() {
        for (name, text) in FILES {
            let scenario = Scenario::from_yaml(text, name).unwrap();
            assert_eq!(scenario.name, *name);
            assert!(scenario.about.ends_with('.'), "{name}: {}", scenario.about);
        }
        let all = Scenario::built_in();
        assert_eq!(all.len(), FILES.len());
        assert!(all.is_sorted_by_key(|scenario| scenario.category), "the groups stand together and in order");
        assert!(all.iter().all(|scenario| scenario.category != Category::Own), "each belongs to one");
    }

    #[test]
    fn what_comes_first_exists() {
        let names: Vec<_> = Scenario::built_in().into_iter().map(|scenario| scenario.name).collect();
        assert_eq!(names[..FIRST.len()], *FIRST);
    }

    #[test]
    fn every_failure_that_is_promised_names_its_hook() {
        for play in Scenario::built_in().iter().flat_map(|scenario| &scenario.deployments) {
            let stopped = matches!(play.expect.outcome, DeploymentOutcome::Failed | DeploymentOutcome::RolledBack);
            assert_eq!(stopped, play.expect.stopped_by.is_some(), "{:?}", play.expect);
        }
    }
}
