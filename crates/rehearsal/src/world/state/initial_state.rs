//! What a scenario can set in the world before the first deployment. Every default is as in the healthy world.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::world::RouteResponse;

/// What is different before the first deployment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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
    /// Additional rules of both listeners.
    pub rules: Vec<InitialRule>,
    /// Whether the default rule forwards to the service. Otherwise it responds 404.
    pub default_rule: bool,
    /// The path of the target groups' health check.
    pub health_path: String,
    /// The port of the target groups' health check, if it is not the traffic port.
    pub health_port: Option<u16>,
    /// Whether the service's own container has a health check.
    pub health_check: bool,
    /// Whether there is a second container, not essential, that ships the logs.
    pub sidecar: bool,
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

    /// The names of the alarms that the deployment group does not name.
    pub(crate) fn other_alarms(&self) -> impl Iterator<Item = String> + use<> {
        (1..=self.more_alarms).map(|number| format!("shop-{number:03}"))
    }
}

/// The load balancer and the ports of its listeners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InitialLoadBalancer {
    /// An Application Load Balancer, which speaks HTTP, or a Network Load Balancer, which forwards TCP.
    pub kind: LoadBalancerType,
    /// Whether only clients inside its VPC can reach it.
    pub internal: bool,
    /// Its certificate, if its listeners speak TLS: HTTPS, or the TLS protocol of a Network Load Balancer.
    pub certificate: Option<Certificate>,
    /// What happens to connections to the production port.
    pub production_port: PortState,
    /// What happens to connections to the test port.
    pub test_port: PortState,
}

/// The type of a load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadBalancerType {
    /// An Application Load Balancer, which speaks HTTP.
    #[default]
    Application,
    /// A Network Load Balancer, which forwards TCP.
    Network,
}

/// A certificate of the load balancer, signed by an authority that the functions read from `SSL_CERT_FILE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certificate {
    /// For `shop.example.com`, and valid.
    Good,
    /// For `shop.example.com`, and expired.
    Expired,
    /// For `www.example.org`, and valid.
    WrongName,
}

/// What happens to connections to a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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

/// A rule of both listeners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InitialRule {
    /// Rules with smaller numbers are evaluated first.
    pub priority: u32,
    /// The hosts that it matches.
    pub hosts: Vec<String>,
    /// The paths that it matches.
    pub paths: Vec<String>,
    /// The methods that it matches.
    pub methods: Vec<String>,
    /// The query parameters that it matches; one of them is enough.
    pub query: BTreeMap<String, String>,
    /// The headers that it matches, each with its values; all of them are required.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The source addresses that it matches.
    pub source_ips: Vec<String>,
    /// Where it forwards.
    pub to: RuleTarget,
    /// The status of a fixed response, instead of forwarding.
    pub fixed_response: Option<u16>,
    /// The URL of a redirect, instead of forwarding.
    pub redirect: Option<String>,
    /// Whether a client without a session must log in first.
    pub authenticate: bool,
}

/// Where a rule forwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleTarget {
    /// To the service that is deployed.
    #[default]
    Service,
    /// To another service behind the same load balancer.
    Another,
}

/// What ECS reports about the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum DeploymentController {
    /// A client of CodeDeploy's API.
    CodeDeploy,
    /// CloudFormation, with its `AWS::CodeDeploy::BlueGreen` hook: the deployment group then names no ECS service, and
    /// the service has the deployment controller EXTERNAL.
    CloudFormation,
}
