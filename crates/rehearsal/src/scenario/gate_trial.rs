//! A user's own gate file in place of a scenario's. The scenario is then a question: would this gate file catch it?

use std::{collections::BTreeMap, time::Duration};

use lifecycle::Hook;

use super::{Category, Scenario, ScenarioGate};
use crate::{
    report::DeploymentOutcome,
    world::{Certificate, ComputePlatform, DeploymentController, RouteResponse},
};

/// A gate file to try, and what it names. A rehearsal puts these things into the world, so that the file is not stopped
/// by something that only the user's own account has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateTrial {
    /// The text of the gate file.
    pub text: String,
    /// Whether it also takes the place of the gate file that a user's own scenario has.
    pub replaces_own_gate: bool,
    /// How much faster than in AWS its windows pass. The times of a user's own scenario then pass as fast; those of the
    /// library are short already.
    pub speed: u32,
    /// Names of alarms.
    pub alarms: Vec<String>,
    /// Tags by which it selects alarms.
    pub alarm_tags: BTreeMap<String, String>,
    /// Parameters in Systems Manager, by name.
    pub parameters: BTreeMap<String, String>,
    /// Secrets in Secrets Manager, by name.
    pub secrets: BTreeMap<String, String>,
    /// Environment variables of the functions.
    pub env: BTreeMap<String, String>,
    /// The host names of its requests, for the listeners' certificate.
    pub hosts: Vec<String>,
    /// The paths that it requests, with what a healthy service answers.
    pub routes: BTreeMap<String, RouteResponse>,
}

/// What a scenario asks of a gate file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrialQuestion {
    /// Something is wrong with the deployment: is it caught? `by` is the hook that stops it with the scenario's own gate
    /// file, and `code` its reason.
    Failure { by: Option<Hook>, code: Option<String> },
    /// The deployment is healthy: does it continue?
    Healthy,
    /// The scenario is about something else than the service.
    NotApplicable,
}

/// CodeDeploy waits at least this long for a status, because a user's windows can be longer than the scenario's.
const MIN_HOOK_TIMEOUT: Duration = Duration::from_secs(120);

impl Scenario {
    /// What it asks of a gate file. A scenario about the functions, their permissions or their settings asks nothing.
    pub fn trial_question(&self) -> TrialQuestion {
        let is_about_functions = self.category == Category::Functions
            || !self.env.is_empty()
            || !self.faults.is_empty()
            || !self.killed.is_empty()
            || !self.appspec.is_empty()
            || !self.on_failure
            // The alarms of the scenario's own gate file, and the name that GREENLIGHT_HOST gives the functions.
            || self.initial.more_alarms > 0
            || self.initial.load_balancer.certificate == Some(Certificate::Good)
            || matches!(self.gate, Some(ScenarioGate::Text(_)));
        let is_about_codedeploy = self.initial.managed_by != DeploymentController::CodeDeploy
            || self.deployments.iter().any(|one| {
                one.stop.is_some()
                    || one.redelivery.is_some()
                    || one.description.is_some()
                    || one.creator != "user"
                    || one.platform != ComputePlatform::Ecs
            });
        if is_about_functions || is_about_codedeploy {
            return TrialQuestion::NotApplicable;
        }
        let stops = |outcome| matches!(outcome, DeploymentOutcome::Failed | DeploymentOutcome::RolledBack);
        match self.deployments.iter().map(|one| &one.expect).find(|expect| stops(expect.outcome)) {
            Some(expect) => TrialQuestion::Failure { by: expect.stopped_by, code: expect.code.clone() },
            // It continues only with the windows of the scenario's own gate file.
            None if self.gate.is_some() => TrialQuestion::NotApplicable,
            None => TrialQuestion::Healthy,
        }
    }

    /// What its own gate file has for a hook in place of the shared one, as YAML. It is what stops the scenario.
    pub fn own_gate_of(&self, hook: Hook) -> Option<String> {
        self.gate.as_ref()?.excerpt(hook).ok()?
    }

    /// The scenario with this gate file, and with what it names in the world.
    pub fn with_trial(&self, trial: &GateTrial) -> Self {
        let mut scenario = self.clone();
        let is_own = self.category == Category::Own;
        if trial.replaces_own_gate || !is_own || self.gate.is_none() {
            scenario.gate = Some(ScenarioGate::Text(trial.text.clone()));
            if is_own {
                scenario.deployments.iter_mut().for_each(|deployment| deployment.behaviour.pass_faster(trial.speed));
            }
        }
        scenario.hook_timeout = scenario.hook_timeout.max(MIN_HOOK_TIMEOUT);
        let initial = &mut scenario.initial;
        initial.own_alarms.extend(trial.alarms.iter().cloned());
        initial.alarm_tags.extend(trial.alarm_tags.clone());
        initial.parameters.extend(trial.parameters.clone());
        initial.secrets.extend(trial.secrets.clone());
        initial.routes.extend(trial.routes.clone());
        initial.load_balancer.certificate_names.extend(trial.hosts.iter().cloned());
        let health_path = initial.health_path.clone();
        for (name, value) in &trial.env {
            scenario.env.entry(name.clone()).or_insert_with(|| value.clone());
        }
        // A user's own scenario means what it says. A scenario of the library promises nothing about another gate file,
        // and one broken route in it stands for the routes that the user's file requests.
        for deployment in scenario.deployments.iter_mut().filter(|_| !is_own) {
            deployment.is_trial = true;
            let routes = &mut deployment.behaviour.routes;
            let broken = routes.iter().find(|(path, _)| **path != health_path).map(|(_, response)| response.clone());
            if let Some(broken) = broken {
                for (path, healthy) in &trial.routes {
                    let response = routes.get(path).unwrap_or(&broken).clone().over(healthy);
                    routes.insert(path.clone(), response);
                }
            }
        }
        scenario
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str) -> TrialQuestion {
        Scenario::named(name).unwrap().trial_question()
    }

    #[test]
    fn each_kind_of_scenario_asks_its_question() {
        let by = Some(Hook::AfterInstall);
        assert_eq!(question("tasks-crash-loop"), TrialQuestion::Failure { by, code: Some("TasksStopped".into()) });
        assert_eq!(question("healthy"), TrialQuestion::Healthy);
        for name in [
            "function-killed",
            "permission-missing",
            "setting-misspelt",
            "stopped-by-an-operator",
            "rollback",
            "test-listener-lags",
            "tls-without-a-name",
            "three-hundred-alarms",
            "cloudformation",
            "lambda-deployment",
        ] {
            assert_eq!(question(name), TrialQuestion::NotApplicable, "{name}");
        }
    }

    #[test]
    fn what_the_file_names_is_in_the_world_and_its_routes_break_with_the_scenario() {
        let healthy = RouteResponse { body: Some("ok".into()), ..RouteResponse::default() };
        let trial = GateTrial {
            text: "version: 1".into(),
            alarms: vec!["mine".into()],
            routes: BTreeMap::from([("/pay".to_owned(), healthy.clone())]),
            env: BTreeMap::from([("TOKEN".to_owned(), "x".to_owned())]),
            ..GateTrial::default()
        };
        let scenario = Scenario::named("route-503").unwrap().with_trial(&trial);
        assert_eq!(scenario.initial.own_alarms, ["mine"]);
        assert_eq!(scenario.initial.routes["/pay"], healthy);
        assert_eq!(scenario.deployments[0].behaviour.routes["/pay"].status, 503);
        assert_eq!(scenario.env["TOKEN"], "x");
        assert_eq!(scenario.gate_text().unwrap(), "version: 1");
        // A route that is only slow still answers what the file expects.
        let slow = Scenario::named("route-slow").unwrap();
        let own = slow.deployments[0].behaviour.routes.keys().next().unwrap().clone();
        let routes = BTreeMap::from([(own.clone(), healthy.clone()), ("/pay".to_owned(), healthy)]);
        let slow = slow.with_trial(&GateTrial { routes, ..trial });
        for path in [&own, "/pay"] {
            let route = &slow.deployments[0].behaviour.routes[path];
            assert_eq!((route.body.as_deref(), route.delay.is_zero()), (Some("ok"), false), "{path}");
        }
    }

    #[test]
    fn a_users_own_scenario_means_what_it_says() {
        let text = "name: x
about: x.
deployments:
  - behaviour:
      tasks_up: 1m
      routes: { /search: { status: 500 } }
      alarms: [{ name: shop-web-5xx, fires_after: AllowTraffic, delay: 7m, reason: x }]
    expect: { outcome: rolled-back, stopped_by: AfterAllowTraffic }
gate: 'version: 1'
";
        let own = Scenario::from_yaml(text, "x").unwrap();
        let routes = BTreeMap::from([("/pay".to_owned(), RouteResponse::default())]);
        let trial = GateTrial {
            text: "version: 1 # mine".into(),
            replaces_own_gate: true,
            speed: 30,
            routes,
            ..GateTrial::default()
        };
        let played = own.with_trial(&trial);
        let deployment = &played.deployments[0];
        assert!(!deployment.is_trial, "what it expects is judged");
        assert!(!deployment.behaviour.routes.contains_key("/pay"), "only its own route breaks");
        assert_eq!(deployment.behaviour.tasks_up, Duration::from_secs(2));
        assert_eq!(deployment.behaviour.alarms[0].delay, Duration::from_secs(14));
        assert_eq!(played.gate_text().unwrap(), "version: 1 # mine");
        // With --service alone, its own gate file decides, in real time.
        let played = own.with_trial(&GateTrial { replaces_own_gate: false, ..trial });
        assert_eq!(played.gate_text().unwrap(), "version: 1");
        assert_eq!(played.deployments[0].behaviour.tasks_up, Duration::from_secs(60));
    }
}
