//! What a scenario can set in the world before the first deployment. Every default is as in the healthy world.

use std::collections::BTreeMap;

use lifecycle::TrafficRoute;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::world::RouteResponse;

/// What is different before the first deployment.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InitialState {
    /// The alarms of the deployment group.
    pub alarms: Vec<String>,
    /// Alarms of the deployment group that have been firing for an hour.
    pub firing: Vec<String>,
    /// Alarms of the deployment group that have no data.
    pub silent: Vec<String>,
    /// Alarms of the deployment group that watch other alarms.
    pub composite: Vec<String>,
    /// Alarms that the deployment group names and that do not exist.
    pub missing: Vec<String>,
    /// Tags of all alarms.
    pub alarm_tags: BTreeMap<String, String>,
    /// The number of additional alarms that the deployment group does not name: `shop-001`, `shop-002`, ….
    pub more_alarms: u16,
    /// More alarms that the deployment group does not name.
    pub own_alarms: Vec<String>,
    /// How every version responds on some paths. It responds 200 on all others.
    pub routes: BTreeMap<String, RouteResponse>,
    /// Whether CodeDeploy rolls a failed deployment back automatically.
    pub auto_rollback: bool,
    /// Whether the deployment group has a test listener. Without one, CodeDeploy skips the test events.
    pub test_listener: bool,
    /// The load balancer.
    pub load_balancer: InitialLoadBalancer,
    /// Additional rules of the listeners.
    pub rules: Vec<InitialRule>,
    /// Whether the default rule forwards to the service. Otherwise it responds 404.
    pub default_rule: bool,
    /// The path of the target groups' health check.
    pub health_path: String,
    /// The port of the target groups' health check, if it is not the traffic port.
    pub health_port: Option<u16>,
    /// Whether the service's own container has a health check.
    pub health_check: bool,
    /// Whether there is another container, not essential, that ships the logs.
    pub sidecar: bool,
    /// The containers of a task. The first one is registered with the target groups.
    pub containers: Vec<InitialContainer>,
    /// The desired number of tasks.
    pub tasks: u32,
    /// What ECS reports about the service.
    pub service: InitialService,
    /// Whether the original task set is steady.
    pub original_steady: bool,
    /// What creates the deployments.
    pub managed_by: DeploymentController,
    /// More parameters in Systems Manager, by name. A value `{gate}` stands for the scenario's gate file.
    pub parameters: BTreeMap<String, String>,
    /// More secrets in Secrets Manager, by name.
    pub secrets: BTreeMap<String, String>,
    /// Objects in S3, by `bucket/key`. A value `{gate}` stands for the scenario's gate file.
    pub objects: BTreeMap<String, String>,
}

impl Default for InitialState {
    fn default() -> Self {
        Self {
            alarms: ["shop-web-5xx", "shop-web-latency"].map(str::to_owned).to_vec(),
            firing: Vec::new(),
            silent: Vec::new(),
            composite: Vec::new(),
            missing: Vec::new(),
            alarm_tags: BTreeMap::new(),
            more_alarms: 0,
            own_alarms: Vec::new(),
            routes: BTreeMap::new(),
            auto_rollback: true,
            test_listener: true,
            load_balancer: InitialLoadBalancer::default(),
            rules: Vec::new(),
            default_rule: true,
            health_path: "/health".to_owned(),
            health_port: None,
            health_check: true,
            sidecar: false,
            containers: vec![InitialContainer {
                name: "web".to_owned(),
                port: Some(DEFAULT_CONTAINER_PORT),
                ..InitialContainer::default()
            }],
            tasks: 2,
            service: InitialService::Active,
            original_steady: true,
            managed_by: DeploymentController::CodeDeploy,
            parameters: BTreeMap::new(),
            secrets: BTreeMap::new(),
            objects: BTreeMap::new(),
        }
    }
}

impl InitialState {
    /// The same for a service of that name, whose alarms are named after it.
    pub(crate) fn for_service(mut self, service: &str) -> Self {
        let lists =
            [&mut self.alarms, &mut self.firing, &mut self.silent, &mut self.composite, &mut self.missing].into_iter();
        for name in lists.flatten() {
            *name = name.replace("shop-web-", &format!("shop-{service}-"));
        }
        self
    }

    /// The name of the container that gets the traffic, and its port.
    pub(crate) fn serving_container(&self) -> (String, u16) {
        let container = self.containers.first().cloned().unwrap_or_default();
        (container.name, container.port.unwrap_or(DEFAULT_CONTAINER_PORT))
    }

    /// The names of the alarms that the deployment group does not name.
    pub(crate) fn other_alarms(&self) -> impl Iterator<Item = String> + use<> {
        (1..=self.more_alarms).map(|number| format!("shop-{number:03}"))
    }
}

/// The port of the first container, unless its entry has one.
const DEFAULT_CONTAINER_PORT: u16 = 8080;

/// A container of the service's tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InitialContainer {
    /// Its name.
    pub name: String,
    /// The port that it listens on. Default for the first container: 8080.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Whether the task ends when it ends.
    pub essential: bool,
    /// Whether it has a health check.
    pub health_check: bool,
}

impl Default for InitialContainer {
    fn default() -> Self {
        Self { name: String::new(), port: None, essential: true, health_check: true }
    }
}

/// The load balancer and the ports of its listeners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InitialLoadBalancer {
    /// An Application Load Balancer, which speaks HTTP, or a Network Load Balancer, which forwards TCP.
    pub kind: LoadBalancerType,
    /// Whether only clients inside its VPC can reach it.
    pub internal: bool,
    /// Its certificate, if its listeners speak TLS: HTTPS, or the TLS protocol of a Network Load Balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// The host names in the certificate, and those of the rules.
    #[serde(skip_serializing_if = "is_default_name")]
    pub certificate_names: Vec<String>,
    /// The only listener that speaks TLS. Default: with a certificate, both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_only_on: Option<ListenerRole>,
    /// What happens to connections to the production port.
    #[serde(skip_serializing_if = "is_default")]
    pub production_port: PortState,
    /// What happens to connections to the test port.
    #[serde(skip_serializing_if = "is_default")]
    pub test_port: PortState,
}

impl Default for InitialLoadBalancer {
    fn default() -> Self {
        Self {
            kind: LoadBalancerType::default(),
            internal: false,
            certificate: None,
            certificate_names: vec!["shop.example.com".to_owned()],
            tls_only_on: None,
            production_port: PortState::default(),
            test_port: PortState::default(),
        }
    }
}

impl InitialLoadBalancer {
    /// The certificate of a listener, if it speaks TLS.
    pub(crate) fn certificate_of(&self, listener: ListenerRole) -> Option<Certificate> {
        self.certificate.filter(|_| self.tls_only_on.is_none_or(|only| only == listener))
    }
}

/// A listener, as a file writes it. [`TrafficRoute`] does not know serde.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListenerRole {
    /// The listener that customers use.
    Production,
    /// The listener that shows the new version before customers see it.
    Test,
}

impl From<ListenerRole> for TrafficRoute {
    fn from(role: ListenerRole) -> Self {
        match role {
            ListenerRole::Production => Self::Production,
            ListenerRole::Test => Self::Test,
        }
    }
}

/// Whether the certificate has only the name of the shop.
fn is_default_name(names: &[String]) -> bool {
    *names == InitialLoadBalancer::default().certificate_names
}

/// Whether a description can leave out a value.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The type of a load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadBalancerType {
    /// An Application Load Balancer, which speaks HTTP.
    #[default]
    Application,
    /// A Network Load Balancer, which forwards TCP.
    Network,
}

/// A certificate of the load balancer, signed by an authority that the functions read from `SSL_CERT_FILE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certificate {
    /// For the names of the service, and valid.
    Good,
    /// For the names of the service, and expired.
    Expired,
    /// For `www.example.org`, and valid.
    WrongName,
}

/// What happens to connections to a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortState {
    /// They are accepted.
    #[default]
    Open,
    /// They are refused: nothing listens there.
    Closed,
    /// They get no reply, as when a security group does not allow them.
    Blackhole,
}

/// A rule of the listeners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InitialRule {
    /// The only listener that has it. Default: both.
    #[serde(skip_serializing_if = "is_default")]
    pub listener: Option<ListenerRole>,
    /// Rules with smaller numbers are evaluated first.
    pub priority: u32,
    /// The hosts that it matches.
    #[serde(skip_serializing_if = "is_default")]
    pub hosts: Vec<String>,
    /// The paths that it matches.
    #[serde(skip_serializing_if = "is_default")]
    pub paths: Vec<String>,
    /// The methods that it matches.
    #[serde(skip_serializing_if = "is_default")]
    pub methods: Vec<String>,
    /// The query parameters that it matches; one of them is enough.
    #[serde(skip_serializing_if = "is_default")]
    pub query: BTreeMap<String, String>,
    /// The headers that it matches, each with its values; all of them are required.
    #[serde(skip_serializing_if = "is_default")]
    pub headers: BTreeMap<String, Vec<String>>,
    /// The source addresses that it matches.
    #[serde(skip_serializing_if = "is_default")]
    pub source_ips: Vec<String>,
    /// Where it forwards.
    #[serde(skip_serializing_if = "is_default")]
    pub to: RuleTarget,
    /// The status of a fixed response, instead of forwarding.
    #[serde(skip_serializing_if = "is_default")]
    pub fixed_response: Option<u16>,
    /// The URL of a redirect, instead of forwarding.
    #[serde(skip_serializing_if = "is_default")]
    pub redirect: Option<String>,
    /// Whether a client without a session must log in first.
    #[serde(skip_serializing_if = "is_default")]
    pub authenticate: bool,
}

/// Where a rule forwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleTarget {
    /// To the service that is deployed.
    #[default]
    Service,
    /// To another service behind the same load balancer.
    Another,
}

/// What ECS reports about the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitialService {
    /// It exists.
    Active,
    /// ECS is deleting it.
    Draining,
    /// It was deleted, and ECS still returns it.
    Inactive,
    /// It never existed, or was deleted long ago.
    Missing,
}

/// What creates the deployments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
pub enum DeploymentController {
    /// A client of CodeDeploy's API.
    CodeDeploy,
    /// CloudFormation, with its `AWS::CodeDeploy::BlueGreen` hook: the deployment group then names no ECS service, and
    /// the service has the deployment controller EXTERNAL.
    CloudFormation,
}
