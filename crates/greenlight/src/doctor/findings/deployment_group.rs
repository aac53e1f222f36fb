//! The deployment group: its listeners, its alarms, and whether a failed deployment is rolled back.

use hook_core::{aws_inspector::TrafficRoute, shell::quote};
use serde_json::json;

use super::finding::{DoctorProblem, update_group_command};
use crate::doctor::snapshot::{AccountSnapshot, DeploymentGroupConfig};

/// A problem of the deployment group, if the group was read and has the problem.
fn group_problem(
    snapshot: &AccountSnapshot,
    has_problem: impl FnOnce(&DeploymentGroupConfig) -> bool,
    message: &str,
    fix: &str,
    options: &str,
) -> Vec<DoctorProblem> {
    let is_affected = snapshot.group.found().is_some_and(has_problem);
    let problem = || DoctorProblem {
        message: message.to_owned(),
        resource: snapshot.group_title(),
        fix: fix.to_owned(),
        command: update_group_command(snapshot, options),
    };
    is_affected.then(problem).into_iter().collect()
}

/// A listener of the deployment group does not exist.
pub fn listener_missing(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let Some(group) = snapshot.group.found() else { return Vec::new() };
    let missing = snapshot.listeners.iter().filter(|(_, listener)| listener.not_found().is_some());
    let problems = missing.map(|(route, _)| {
        let arn = match route {
            TrafficRoute::Test => &group.test_listener,
            TrafficRoute::Production => &group.production_listener,
        };
        DoctorProblem {
            message: format!(
                "its {} listener {} does not exist: CodeDeploy cannot move traffic",
                route.as_str(),
                arn.as_deref().unwrap_or_default()
            ),
            resource: snapshot.group_title(),
            fix: "create the listener, or name an existing one".to_owned(),
            command: update_group_command(snapshot, "--load-balancer-info …"),
        }
    });
    problems.collect()
}

/// The deployment group has no test listener, so no hook can test the replacement before customers use it.
pub fn no_test_listener(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    group_problem(
        snapshot,
        |group| group.test_listener.is_none(),
        "it has no test listener: AfterAllowTestTraffic does not happen, and customers are the first to use a new \
         version",
        "create a listener with its own port on the same load balancer, and name it as testTrafficRoute",
        "--load-balancer-info …",
    )
}

/// A failed deployment would not be rolled back.
pub fn rollback_disabled(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    group_problem(
        snapshot,
        |group| !group.auto_rollback,
        "it does not roll back on DEPLOYMENT_FAILURE: a version that AfterAllowTraffic stops stays in production",
        "roll back on DEPLOYMENT_FAILURE, and on DEPLOYMENT_STOP_ON_ALARM too",
        "--auto-rollback-configuration enabled=true,events=DEPLOYMENT_FAILURE,DEPLOYMENT_STOP_ON_ALARM",
    )
}

const ALARM_OPTION: &str = "--alarm-configuration 'enabled=true,alarms=[{name=…}]'";

/// The deployment group has no alarms, or they are turned off.
pub fn no_alarms(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let alarms = snapshot.group.found().map(|group| group.alarms.as_slice()).unwrap_or_default();
    let (message, fix, option) = match alarms {
        [] => (
            "it has no alarms: problems that customers notice do not stop a deployment",
            "add alarms for what customers notice: errors, latency, unhealthy targets",
            ALARM_OPTION.to_owned(),
        ),
        alarms => (
            "its alarms are turned off: problems that customers notice do not stop a deployment",
            "turn them on",
            enable_alarms_option(alarms),
        ),
    };
    group_problem(snapshot, |group| group.active_alarms().is_empty(), message, fix, &option)
}

/// The option that turns on these alarms. An update replaces the list, so it has to name all of them.
fn enable_alarms_option(alarms: &[String]) -> String {
    let alarms: Vec<_> = alarms.iter().map(|name| json!({ "name": name })).collect();
    format!("--alarm-configuration {}", quote(&json!({ "enabled": true, "alarms": alarms }).to_string()))
}

/// An alarm of the deployment group was deleted or renamed.
pub fn alarm_missing(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let missing = snapshot.missing_alarms.found().filter(|missing| !missing.is_empty());
    let problem = |missing: &Vec<String>| DoctorProblem {
        message: format!(
            "it names alarms that do not exist: {}; CodeDeploy does not watch them, and a check on them has no data",
            missing.join(", ")
        ),
        resource: snapshot.group_title(),
        fix: "create the alarms, or remove them from the deployment group".to_owned(),
        command: update_group_command(snapshot, ALARM_OPTION),
    };
    missing.map(problem).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use hook_core::aws_inspector::TrafficRoute;

    use crate::doctor::{
        fixtures::{codes, healthy_account},
        snapshot::Lookup,
    };

    #[test]
    fn a_group_without_a_safety_net_is_found() {
        let mut snapshot = healthy_account();
        let group = snapshot.group.found_mut();
        (group.auto_rollback, group.test_listener) = (false, None);
        group.alarms.clear();
        assert_eq!(codes(&snapshot), ["NoTestListener", "RollbackDisabled", "NoAlarms"]);
        assert!(super::no_alarms(&snapshot)[0].message.starts_with("it has no alarms: "));
    }

    #[test]
    fn alarms_that_are_turned_off_are_found_and_the_command_turns_them_on() {
        let mut snapshot = healthy_account();
        snapshot.group.found_mut().alarms_enabled = false;
        assert_eq!(codes(&snapshot), ["NoAlarms"]);
        let problem = &super::no_alarms(&snapshot)[0];
        assert!(problem.message.starts_with("its alarms are turned off: "), "{problem:?}");
        assert_eq!(problem.fix, "turn them on");
        let option = r#"--alarm-configuration '{"alarms":[{"name":"shop-5xx"}],"enabled":true}'"#;
        assert!(problem.command.as_ref().unwrap().ends_with(option), "{problem:?}");
    }

    #[test]
    fn a_group_without_alarms_has_none_to_turn_on() {
        let mut snapshot = healthy_account();
        let group = snapshot.group.found_mut();
        (group.alarms, group.alarms_enabled) = (Vec::new(), false);
        assert_eq!(codes(&snapshot), ["NoAlarms"]);
        assert_eq!(
            super::no_alarms(&snapshot)[0].fix,
            "add alarms for what customers notice: errors, latency, unhealthy targets"
        );
    }

    #[test]
    fn an_unreadable_group_is_not_a_finding() {
        let mut snapshot = healthy_account();
        snapshot.group = Lookup::Unreadable;
        assert_eq!(codes(&snapshot), [""; 0]);
    }

    #[test]
    fn missing_listeners_and_alarms_are_named() {
        let mut snapshot = healthy_account();
        snapshot.listeners.insert(TrafficRoute::Test, Lookup::NotFound("no".to_owned()));
        snapshot.missing_alarms = Lookup::Found(vec!["shop-5xx".to_owned()]);
        assert_eq!(codes(&snapshot), ["ListenerMissing", "AlarmMissing"]);
        let messages = super::listener_missing(&snapshot);
        assert!(messages[0].message.contains("test listener arn:aws:elasticloadbalancing"), "{messages:?}");
    }
}
