//! The scenarios that come with the rehearsal: one file each.

use super::Scenario;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../scenarios/", $name, ".yaml")))),*]
    };
}

/// The order in which they tell a newcomer most, group by group.
const FILES: &[(&str, &str)] = files![
    // basics
    "healthy",
    "tasks-stop",
    "targets-unhealthy",
    "route-503",
    "test-listener-never-switches",
    "alarm-after-shift",
    "throttled-first-calls",
    "second-deployment-colours-swapped",
    // tasks
    "original-not-steady",
    "service-deleted",
    "no-task-set",
    "no-capacity",
    "scaled-to-zero",
    "container-exits",
    "out-of-memory",
    "out-of-memory-under-test",
    "killed-by-its-health-check",
    "tasks-crash-loop",
    "containers-unhealthy",
    "containers-flap",
    "no-health-check",
    "sidecar-exits",
    "scaled-in-meanwhile",
    "spot-interruption",
    "five-hundred-tasks",
    // traffic
    "no-targets",
    "targets-fall-ill",
    "targets-left-over",
    "test-listener-lags",
    "test-listener-lags-long",
    "production-never-switches",
    "no-test-listener",
    "rules",
    "rule-left-behind",
    "rule-with-weights",
    "rule-by-host",
    "network-load-balancer",
    "internal-load-balancer",
    "internal-load-balancer-out-of-reach",
    "test-port-closed",
    "tls",
    "tls-expired",
    "tls-wrong-name",
    "tls-without-a-name",
    // answers
    "health-path-redirects",
    "one-bad-task",
    "route-slow",
    "route-hangs",
    "route-hangs-up",
    "route-hangs-up-behind-tcp",
    "warm-up",
    "wrong-image",
    // alarms
    "alarm-before",
    "alarm-fires-again",
    "alarm-composite",
    "alarm-missing",
    "alarm-without-data",
    "no-alarms",
    "three-hundred-alarms",
    // deployments
    "canary",
    "linear",
    "canary-alarm",
    "no-roll-back",
    "roll-back",
    "roll-back-checked",
    "stopped-by-an-operator",
    "two-at-once",
    "hooks-swapped",
    "one-hook-only",
    "delivered-twice",
    "delivered-late",
    "lambda-deployment",
    "cloudformation",
    "cloudformation-with-a-name",
    // functions
    "gate-file-broken",
    "setting-misspelt",
    "permission-missing",
    "no-way-to-aws",
    "role-just-made",
    "answer-throttled",
    "answer-lost",
    "answer-denied",
    "function-killed",
    "time-out-too-short",
    "window-too-long",
];

impl Scenario {
    /// The scenarios that come with it, in a telling order.
    ///
    /// A test reads each of them, so that none is ever missing here.
    pub fn all() -> Vec<Self> {
        FILES.iter().filter_map(|(name, text)| Self::from_yaml(text, &format!("{name}.yaml")).ok()).collect()
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        let (file, text) = FILES.iter().find(|(file, _)| *file == name)?;
        Self::from_yaml(text, &format!("{file}.yaml")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{report::Outcome, scenario::Group};

    #[test]
    fn every_file_is_a_scenario_of_its_own_name() {
        for (name, text) in FILES {
            let scenario = Scenario::from_yaml(text, name).unwrap();
            assert_eq!(scenario.name, *name);
            assert!(scenario.about.ends_with('.'), "{name}: {}", scenario.about);
        }
        let all = Scenario::all();
        assert_eq!(all.len(), FILES.len());
        assert!(all.is_sorted_by_key(|scenario| scenario.group), "the groups stand together and in order");
        assert!(all.iter().all(|scenario| scenario.group != Group::Own), "each belongs to one");
    }

    #[test]
    fn every_failure_that_is_promised_names_its_hook() {
        for play in Scenario::all().iter().flat_map(|scenario| &scenario.deployments) {
            let stopped = matches!(play.expect.outcome, Outcome::Failed | Outcome::RolledBack);
            assert_eq!(stopped, play.expect.stopped_by.is_some(), "{:?}", play.expect);
        }
    }

    #[test]
    fn no_file_is_forgotten() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<_> = files.filter(|file| file != "gate.yaml").collect();
        let mut known: Vec<_> = FILES.iter().map(|(name, _)| format!("{name}.yaml")).collect();
        files.sort();
        known.sort();
        assert_eq!(files, known);
    }
}
