//! What a scenario can say about the world before the first deployment. Everything left out is as in the good world.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What is different before the first deployment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InitialState {
    /// The alarms of the deployment group.
    pub alarms: Vec<String>,
    /// Those of them that fire already, since an hour ago.
    pub firing: Vec<String>,
    /// Those of them that have no data to judge.
    pub silent: Vec<String>,
    /// Those of them that watch other alarms.
    pub composite: Vec<String>,
    /// Those of them that nobody has made, or that somebody has deleted.
    pub missing: Vec<String>,
    /// Tags that all alarms have.
    pub alarm_tags: BTreeMap<String, String>,
    /// So many alarms more, of which the deployment group knows nothing: `shop-001`, `shop-002`, ….
    pub more_alarms: u16,
    /// Whether a failed deployment rolls back by itself.
    pub auto_rollback: bool,
    /// Whether the deployment group has a test listener. Without one CodeDeploy leaves the test events out.
    pub test_listener: bool,
    /// The load balancer.
    pub load_balancer: InitialLoadBalancer,
    /// Further rules of both listeners.
    pub rules: Vec<InitialRule>,
    /// Whether what no rule is about goes to the service. Otherwise the listeners answer it with 404.
    pub default_rule: bool,
    /// The path of the target groups' health check.
    pub health_path: String,
    /// The port of the target groups' health check, where it is not the one of the traffic.
    pub health_port: Option<u16>,
    /// Whether the service's own container has a health check.
    pub health_check: bool,
    /// Whether a second container, which is not essential, ships the logs.
    pub sidecar: bool,
    /// What ECS says about the service.
    pub service: InitialService,
    /// Whether the original task set is settled.
    pub original_steady: bool,
    /// Who makes the deployments.
    pub managed_by: DeploymentController,
    /// More parameters of Systems Manager, by name. A value `{gate}` stands for the scenario's gate file.
    pub parameters: BTreeMap<String, String>,
    /// More secrets of Secrets Manager, by name.
    pub secrets: BTreeMap<String, String>,
    /// Objects of S3, by `bucket/key`. A value `{gate}` stands for the scenario's gate file.
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
    /// The same for a service of that name: its alarms are its own.
    pub(super) fn for_service(mut self, service: &str) -> Self {
        let lists =
            [&mut self.alarms, &mut self.firing, &mut self.silent, &mut self.composite, &mut self.missing].into_iter();
        for name in lists.flatten() {
            *name = name.replace("shop-web-", &format!("shop-{service}-"));
        }
        self
    }

    /// The names of the alarms that the deployment group knows nothing of.
    pub(crate) fn other_alarms(&self) -> impl Iterator<Item = String> + use<> {
        (1..=self.more_alarms).map(|number| format!("shop-{number:03}"))
    }
}

/// The load balancer and the doors of its listeners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InitialLoadBalancer {
    /// An Application Load Balancer, which speaks HTTP, or a Network Load Balancer, which passes TCP on.
    pub kind: LoadBalancerType,
    /// Whether it can be reached from inside its VPC only.
    pub internal: bool,
    /// Its certificate, if its listeners speak TLS: HTTPS, or TLS of a Network Load Balancer.
    pub certificate: Option<Certificate>,
    /// What becomes of who knocks at the production port.
    pub production_port: PortState,
    /// What becomes of who knocks at the test port.
    pub test_port: PortState,
}

/// Which kind of load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadBalancerType {
    /// It speaks HTTP.
    #[default]
    Application,
    /// It passes TCP on.
    Network,
}

/// A certificate of the load balancer, by an authority that the functions know from `SSL_CERT_FILE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certificate {
    /// For `shop.example.com`, and valid.
    Good,
    /// For `shop.example.com`, and out of date.
    Expired,
    /// For `www.example.org`, and valid.
    WrongName,
}

/// What becomes of who knocks at a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortState {
    /// It is opened.
    #[default]
    Open,
    /// Nothing listens there: the connection is refused.
    Closed,
    /// Nothing comes back, as when a security group does not let one in.
    Blackhole,
}

/// A rule of both listeners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InitialRule {
    /// The smaller, the sooner it is asked.
    pub priority: u32,
    /// The hosts that it is for.
    pub hosts: Vec<String>,
    /// The paths that it is for.
    pub paths: Vec<String>,
    /// The methods that it is for.
    pub methods: Vec<String>,
    /// The parameters of a query that it is for; one of them is enough.
    pub query: BTreeMap<String, String>,
    /// The headers that it is for, each with its values; all of them are needed.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The addresses that it is for.
    pub source_ips: Vec<String>,
    /// Where it leads.
    pub to: RuleTarget,
    /// The status with which the load balancer answers itself, in place of forwarding.
    pub fixed_response: Option<u16>,
    /// Where the load balancer sends the client, in place of forwarding.
    pub redirect: Option<String>,
    /// Whether whoever has no session is sent to log in first.
    pub authenticate: bool,
}

/// Where a rule leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleTarget {
    /// To the service that is deployed.
    #[default]
    Service,
    /// To another service behind the same load balancer.
    Another,
}

/// What ECS says about the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitialService {
    /// It is there.
    Active,
    /// It is being deleted.
    Draining,
    /// It was deleted, and ECS still tells of it.
    Inactive,
    /// It was never there, or long ago.
    Missing,
}

/// Who makes the deployments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum DeploymentController {
    /// Whoever asks CodeDeploy for one.
    CodeDeploy,
    /// CloudFormation, with its `AWS::CodeDeploy::BlueGreen` hook: the deployment group then names no ECS service, and
    /// the service has the deployment controller EXTERNAL.
    CloudFormation,
}
