//! A user's own service in place of the one that the scenarios deploy: `greenlight rehearse --service FILE`.

use std::collections::BTreeMap;

use anyhow::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Scenario;
use crate::world::{
    DEFAULT_SERVICE, DeploymentBehaviour, InitialContainer, InitialLoadBalancer, InitialRule, InitialState,
    LoadBalancerType, PortState, RouteResponse,
};

/// A service, as far as a rehearsal simulates it. A key that is left out is as in the service of the scenarios.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceDescription {
    /// The containers of a task. The first one gets the traffic.
    pub containers: Vec<InitialContainer>,
    /// The desired number of tasks.
    pub tasks: u32,
    /// The load balancer.
    pub load_balancer: InitialLoadBalancer,
    /// Whether the deployment group has a test listener. Without one, CodeDeploy skips the test events.
    pub test_listener: bool,
    /// Whether the default rule of the listeners forwards to the service. Otherwise it responds 404.
    pub default_rule: bool,
    /// The other rules of the listeners.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<InitialRule>,
    /// The value of the functions' GREENLIGHT_HOST, if it is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The path of the target groups' health check.
    pub health_path: String,
    /// The port of the target groups' health check, if it is not the traffic port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_port: Option<u16>,
    /// The alarms of the deployment group.
    pub alarms: Vec<String>,
    /// Whether CodeDeploy rolls a failed deployment back automatically.
    pub auto_rollback: bool,
    /// How a healthy version responds on some paths. It responds 200 on all others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub routes: BTreeMap<String, RouteResponse>,
}

impl Default for ServiceDescription {
    fn default() -> Self {
        let state = InitialState::default();
        Self {
            containers: state.containers,
            tasks: state.tasks,
            load_balancer: state.load_balancer,
            test_listener: state.test_listener,
            default_rule: state.default_rule,
            rules: state.rules,
            host: None,
            health_path: state.health_path,
            health_port: state.health_port,
            alarms: state.alarms,
            auto_rollback: state.auto_rollback,
            routes: state.routes,
        }
    }
}

/// The rules of a scenario come before those of the service.
const FIRST_PRIORITY_OF_SERVICE: u32 = 1000;

impl ServiceDescription {
    /// Reads a description. `origin` names it in errors.
    ///
    /// # Errors
    /// What is wrong with the text, with line and column, or a service that a rehearsal cannot simulate.
    pub fn from_yaml(text: &str, origin: &str) -> anyhow::Result<Self> {
        let service: Self =
            serde_saphyr::from_str(text).with_context(|| format!("the service file {origin} cannot be read"))?;
        service.check().with_context(|| format!("the service file {origin} is not valid"))?;
        Ok(service)
    }

    fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!self.containers.is_empty(), "`containers` is empty; a task has at least one container");
        anyhow::ensure!(
            self.containers.iter().all(|container| !container.name.is_empty()),
            "a container has no `name`"
        );
        anyhow::ensure!((1..=100).contains(&self.tasks), "`tasks` is {}, and must be from 1 to 100", self.tasks);
        anyhow::ensure!(self.health_path.starts_with('/'), "the path {:?} does not start with /", self.health_path);
        let mut routes = self.routes.keys();
        anyhow::ensure!(routes.all(|path| path.starts_with('/')), "a path in `routes` does not start with /");
        let is_network = self.load_balancer.kind == LoadBalancerType::Network;
        anyhow::ensure!(
            !is_network || (self.rules.is_empty() && self.default_rule),
            "a Network Load Balancer has no `rules`, and its default rule forwards"
        );
        Ok(())
    }

    /// The JSON Schema of the file.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// The YAML of this description.
    ///
    /// # Errors
    /// None is known; the serializer has an error type.
    pub fn to_yaml(&self) -> anyhow::Result<String> {
        Ok(serde_saphyr::to_string(self)?)
    }

    /// The host names of its certificate: those that clients use.
    fn certificate_names(&self) -> Vec<String> {
        let hosts = self.rules.iter().flat_map(|rule| &rule.hosts);
        // A certificate can have a wildcard only as the whole first label.
        let usable = hosts.filter(|host| !host.trim_start_matches("*.").contains(['*', '?']));
        let names = self.load_balancer.certificate_names.iter().chain(&self.host).chain(usable);
        let mut names: Vec<_> = names.cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Scenario {
    /// The scenario with a user's own service. What the scenario itself sets in the world is its subject and stays.
    ///
    /// # Errors
    /// What the scenario needs and the service does not have.
    pub fn with_service(&self, service: &ServiceDescription) -> Result<Self, &'static str> {
        if let Some(needed) = self.missing_in(service) {
            return Err(needed);
        }
        let mut scenario = self.clone();
        let (initial, default) = (&mut scenario.initial, InitialState::default());
        let mut of_scenario = initial.alarms.clone();
        of_scenario.extend(default.alarms.iter().filter(|name| !initial.alarms.contains(name)).cloned());
        let alarm_names = AlarmNames { of_scenario, of_service: service.alarms.clone() };
        initial.containers.clone_from(&service.containers);
        let mut routes = service.routes.clone();
        routes.extend(std::mem::take(&mut initial.routes));
        initial.routes = routes;
        replace_default(&mut initial.tasks, &default.tasks, &service.tasks);
        replace_default(&mut initial.test_listener, &default.test_listener, &service.test_listener);
        replace_default(&mut initial.default_rule, &default.default_rule, &service.default_rule);
        replace_default(&mut initial.health_port, &default.health_port, &service.health_port);
        replace_default(&mut initial.auto_rollback, &default.auto_rollback, &service.auto_rollback);
        let (balancer, of_service) = (&mut initial.load_balancer, &service.load_balancer);
        replace_default(&mut balancer.kind, &default.load_balancer.kind, &of_service.kind);
        replace_default(&mut balancer.internal, &default.load_balancer.internal, &of_service.internal);
        replace_default(&mut balancer.certificate, &default.load_balancer.certificate, &of_service.certificate);
        balancer.tls_only_on = of_service.tls_only_on;
        balancer.certificate_names = service.certificate_names();
        let has_own_path = initial.health_path != default.health_path;
        if !has_own_path {
            let paths = initial.rules.iter_mut().flat_map(|rule| &mut rule.paths);
            paths.for_each(|path| *path = path.replacen(&default.health_path, &service.health_path, 1));
            initial.health_path.clone_from(&service.health_path);
        }
        initial.rules.extend(service.rules.iter().cloned().map(|mut rule| {
            rule.priority = rule.priority.saturating_add(FIRST_PRIORITY_OF_SERVICE);
            rule
        }));
        // A deployment group without alarms is the subject of a scenario.
        if !initial.alarms.is_empty() {
            initial.alarms.clone_from(&service.alarms);
        }
        let lists = [&mut initial.firing, &mut initial.silent, &mut initial.composite, &mut initial.missing];
        lists.into_iter().flatten().for_each(|name| alarm_names.rename(name));
        for behaviour in scenario.deployments.iter_mut().map(|deployment| &mut deployment.behaviour) {
            replace_default(&mut behaviour.tasks, &default.tasks, &service.tasks);
            if let Some(response) = behaviour.routes.remove(&default.health_path).filter(|_| !has_own_path) {
                behaviour.routes.insert(service.health_path.clone(), response);
            }
            for alarm in &mut behaviour.alarms {
                alarm_names.rename(&mut alarm.name);
                alarm_names.rename(&mut alarm.reason);
            }
            for alarm in behaviour.events.iter_mut().filter_map(|event| event.alarm.as_mut()) {
                alarm_names.rename(&mut alarm.name);
                alarm_names.rename(&mut alarm.reason);
            }
        }
        Ok(scenario)
    }

    /// What this scenario needs and the service does not have.
    fn missing_in(&self, service: &ServiceDescription) -> Option<&'static str> {
        let behaviours = || self.deployments.iter().map(|deployment| &deployment.behaviour);
        let balancer = &self.initial.load_balancer;
        let lists = [&self.initial.firing, &self.initial.silent, &self.initial.composite, &self.initial.missing];
        let uses_alarms = lists.into_iter().any(|names| !names.is_empty())
            || behaviours().any(|it| !it.alarms.is_empty() || it.events.iter().any(|event| event.alarm.is_some()));
        let uses_rules = !self.initial.rules.is_empty() || !self.initial.default_rule;
        let switches = DeploymentBehaviour::default().test_listener;
        let uses_test_listener =
            balancer.test_port != PortState::Open || behaviours().any(|it| it.test_listener != switches);
        let uses_container_health = behaviours().any(|it| it.containers_unhealthy || it.containers_flap.is_some());
        let has_container_health = service.containers.iter().any(|container| container.health_check);
        let is_network = service.load_balancer.kind == LoadBalancerType::Network;
        let needs = [
            (self.services() != [DEFAULT_SERVICE], "a second service"),
            (uses_alarms && service.alarms.is_empty(), "an alarm of the deployment group"),
            (balancer.kind == LoadBalancerType::Network && !is_network, "a Network Load Balancer"),
            (is_network && uses_rules, "an Application Load Balancer"),
            (is_network && behaviours().any(|it| it.shift.is_some()), "an Application Load Balancer"),
            (balancer.certificate.is_some() && service.load_balancer.certificate.is_none(), "listeners with TLS"),
            (uses_test_listener && !service.test_listener, "a test listener"),
            (uses_container_health && !has_container_health, "a container with a health check"),
        ];
        needs.into_iter().find(|(is_missing, _)| *is_missing).map(|(_, needed)| needed)
    }
}

/// Replaces a value that the scenario does not set.
fn replace_default<T: Clone + PartialEq>(value: &mut T, default: &T, of_service: &T) {
    if value == default {
        value.clone_from(of_service);
    }
}

/// The alarms of the scenario, and those of the service that stand in their places.
struct AlarmNames {
    of_scenario: Vec<String>,
    of_service: Vec<String>,
}

impl AlarmNames {
    /// Replaces a name of the scenario in a text, which has only one: a name that is new in the text is not replaced
    /// again. If the service has fewer alarms, its last one stands for the others.
    fn rename(&self, text: &mut String) {
        let Some(last) = self.of_service.last() else { return };
        let found = self.of_scenario.iter().position(|name| text.contains(name.as_str()));
        if let Some(index) = found {
            *text = text.replace(&self.of_scenario[index], self.of_service.get(index).unwrap_or(last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Certificate, ListenerRole};

    const SHOP: &str = "
containers:
  - { name: api, port: 3000, health_check: false }
  - { name: envoy }
tasks: 3
load_balancer: { internal: true, certificate: good, tls_only_on: production }
default_rule: false
rules:
  - { priority: 5, listener: production, hosts: [api.example.com, '*.example.net', 'a*.example.org'] }
host: api.example.com
health_path: /healthz
alarms: [api-errors]
";

    fn shop() -> ServiceDescription {
        ServiceDescription::from_yaml(SHOP, "service.yaml").unwrap()
    }

    fn with_shop(name: &str) -> Scenario {
        Scenario::named(name).unwrap().with_service(&shop()).unwrap()
    }

    #[test]
    fn what_a_scenario_does_not_set_is_the_user_s() {
        let initial = with_shop("healthy").initial;
        assert_eq!((initial.containers[0].name.as_str(), initial.tasks, initial.default_rule), ("api", 3, false));
        assert_eq!((initial.health_path.as_str(), initial.alarms), ("/healthz", vec!["api-errors".to_owned()]));
        let balancer = initial.load_balancer;
        assert!(balancer.internal);
        assert_eq!(balancer.certificate_of(ListenerRole::Production), Some(Certificate::Good));
        assert_eq!(balancer.certificate_of(ListenerRole::Test), None);
        assert_eq!(balancer.certificate_names, ["*.example.net", "api.example.com", "shop.example.com"]);
        assert_eq!((initial.rules[0].priority, initial.rules[0].listener), (1005, Some(ListenerRole::Production)));
    }

    #[test]
    fn what_a_scenario_sets_stays_and_its_paths_and_alarms_are_the_user_s() {
        let scenario = with_shop("alarm-before");
        assert_eq!(scenario.initial.firing, ["api-errors"]);
        assert!(with_shop("no-alarms").initial.alarms.is_empty());
        let rules = with_shop("rule-left-behind").initial.rules;
        assert_eq!(rules.iter().map(|rule| rule.priority).collect::<Vec<_>>(), [10, 1005]);
        let redirecting = with_shop("health-path-redirects");
        let behaviour = &redirecting.deployments[0].behaviour;
        assert_eq!((behaviour.tasks, behaviour.routes.contains_key("/healthz")), (3, true));
        assert_eq!(with_shop("rule-answers-itself").initial.rules[0].paths, ["/healthz"]);
        assert_eq!(with_shop("rule-of-the-health-path").initial.health_path, "/orders/health");
    }

    #[test]
    fn alarms_of_the_service_can_have_the_names_of_the_scenarios() {
        let [first, second] = ["shop-web-5xx", "shop-web-latency"].map(str::to_owned);
        let names = AlarmNames {
            of_scenario: vec![first.clone(), second.clone()],
            of_service: vec![second.clone(), first.clone()],
        };
        let renamed = [first.clone(), second.clone()].map(|mut name| {
            names.rename(&mut name);
            name
        });
        assert_eq!(renamed, [second, first]);
    }

    #[test]
    fn a_scenario_that_needs_something_else_says_what() {
        let missing =
            |name: &str, service: &ServiceDescription| Scenario::named(name).unwrap().with_service(service).err();
        assert_eq!(missing("two-at-once", &shop()), Some("a second service"));
        assert_eq!(missing("network-load-balancer", &shop()), Some("a Network Load Balancer"));
        assert_eq!(
            missing("containers-flap", &ServiceDescription { containers: shop().containers[..1].to_vec(), ..shop() }),
            Some("a container with a health check")
        );
        let network = ServiceDescription::from_yaml(
            "{ alarms: [], test_listener: false, load_balancer: { kind: network } }",
            "x",
        )
        .unwrap();
        assert_eq!(missing("alarm-before", &network), Some("an alarm of the deployment group"));
        assert_eq!(missing("rules", &network), Some("an Application Load Balancer"));
        assert_eq!(missing("canary", &network), Some("an Application Load Balancer"));
        assert_eq!(missing("tls-expired", &network), Some("listeners with TLS"));
        assert_eq!(missing("test-listener-never-switches", &network), Some("a test listener"));
        assert_eq!(missing("healthy", &network), None);
    }

    #[test]
    fn the_yaml_that_is_written_is_read_back() {
        for service in [shop(), ServiceDescription::default()] {
            let text = service.to_yaml().unwrap();
            assert_eq!(ServiceDescription::from_yaml(&text, "x").unwrap(), service, "{text}");
        }
    }

    #[test]
    fn a_service_that_cannot_be_simulated_is_refused() {
        for (text, part) in [
            ("containers: []", "at least one container"),
            ("tasks: 0", "from 1 to 100"),
            ("health_path: health", "does not start with /"),
            ("{ load_balancer: { kind: network }, default_rule: false }", "no `rules`"),
            ("contaners: []", "contaners"),
        ] {
            let error = format!("{:#}", ServiceDescription::from_yaml(text, "mine.yaml").unwrap_err());
            assert!(error.contains("mine.yaml") && error.contains(part), "{error}");
        }
    }
}
