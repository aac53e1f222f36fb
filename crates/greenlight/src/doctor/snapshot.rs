//! What was found out before anything is said about it. Findings are made from this alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hook_core::{
    Hook,
    aws_inspector::{PredictedFailure, Referenced, Requirements, TaskDefinition, TrafficRoute},
    gate_file,
};
use serde::Serialize;

use super::security_groups::{Ipv4Range, SecurityGroupRules as SecurityGroup};

/// What came of a look at something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// Here it is.
    Found(T),
    /// There is none; AWS's words.
    NotFound(String),
    /// Nobody could look. That is told once, apart from the findings.
    Unreadable,
}

impl<T> Lookup<T> {
    /// What was seen.
    pub const fn found(&self) -> Option<&T> {
        match self {
            Self::Found(it) => Some(it),
            Self::NotFound(_) | Self::Unreadable => None,
        }
    }

    /// AWS's words for that there is none.
    pub fn not_found(&self) -> Option<&str> {
        match self {
            Self::NotFound(why) => Some(why),
            Self::Found(_) | Self::Unreadable => None,
        }
    }
}

/// Something that nobody could look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnreadableResource {
    /// What: `how CodeDeployHook_x is set up`.
    pub resource: String,
    /// The permission that is needed for it; none where it is not a matter of permission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<&'static str>,
    /// Why not.
    pub why: String,
}

/// Everything.
#[derive(Debug)]
pub struct AccountSnapshot {
    /// CodeDeploy's application.
    pub application: String,
    /// The name of the deployment group.
    pub group_name: String,
    /// The region.
    pub region: String,
    /// The deployment group.
    pub group: Lookup<DeploymentGroupConfig>,
    /// The AppSpec file.
    pub app_spec: Lookup<AppSpecHooks>,
    /// The functions that it names, in its order.
    pub functions: Vec<HookedFunction>,
    /// The functions that hear of an invocation that failed, by ARN.
    pub on_failure_functions: BTreeMap<String, Lookup<FunctionConfig>>,
    /// The listeners of the deployment group, by what they are for.
    pub listeners: BTreeMap<TrafficRoute, Lookup<ListenerInfo>>,
    /// Alarms of the deployment group that there are not.
    pub missing_alarms: Lookup<Vec<String>>,
    /// What the simulation of roles said.
    pub permission_results: BTreeMap<PermissionQuery, Lookup<bool>>,
    /// What else gate files name.
    pub references: BTreeMap<Referenced, Lookup<()>>,
    /// The task definition that the AppSpec file names.
    pub task_definition: Lookup<TaskDefinition>,
    /// The VPCs.
    pub network: VpcNetwork,
    /// What nobody could look at.
    pub unreadable: Vec<UnreadableResource>,
    /// How many things were looked at.
    pub resources_read: usize,
}

/// The deployment group, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentGroupConfig {
    /// ARN of CodeDeploy's role.
    pub role: String,
    /// Whether alarms stop its deployments, and which.
    pub alarms: Option<Vec<String>>,
    /// Whether a deployment that fails is rolled back.
    pub auto_rollback: bool,
    /// ARN of the production listener.
    pub production_listener: Option<String>,
    /// ARN of the test listener.
    pub test_listener: Option<String>,
    /// Names of the pair of target groups.
    pub target_groups: Vec<String>,
    /// Names of cluster and service.
    pub service: Option<(String, String)>,
    /// Its newest deployment.
    pub latest_deployment: Option<String>,
}

impl DeploymentGroupConfig {
    /// The account; none where the group does not name its role.
    pub fn account(&self) -> Option<&str> {
        self.role.split(':').nth(4)
    }
}

/// Where a function is that a text names, if that is neither this region nor the deployment group's account: `account 1`.
pub fn other_account_or_region(written: &str, region: &str, group: Option<&DeploymentGroupConfig>) -> Option<String> {
    let (account_and_region, _) = written.split_once(":function:")?;
    let mut from_the_end = account_and_region.rsplit(':');
    let (account, own_region) = (from_the_end.next()?, from_the_end.next());
    if let Some(other) = own_region.filter(|own| *own != region) {
        return Some(format!("region {other}"));
    }
    let own = group.and_then(DeploymentGroupConfig::account)?;
    (account != own).then(|| format!("account {account}"))
}

/// The AppSpec file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSpecHooks {
    /// What to call it: a path, or the deployment that has it.
    pub title: String,
    /// Whether the next deployment will have it: it was given, and not found in a deployment that was.
    pub is_for_next_deployment: bool,
    /// Events and functions.
    pub hooks: Vec<(String, String)>,
    /// The task definition.
    pub task_definition: Option<String>,
}

/// A function that an AppSpec file names.
#[derive(Clone, Debug)]
pub struct HookedFunction {
    /// The event.
    pub event: String,
    /// As it is written there.
    pub name_in_app_spec: String,
    /// Its name.
    pub name: String,
    /// An alias or a version; none where it is `$LATEST`, which is the function itself.
    pub qualifier: Option<String>,
    /// Which of the five it is, by its name.
    pub kind: FunctionKind,
    /// How it is set up.
    pub config: Lookup<FunctionConfig>,
    /// What is set for asynchronous invocations; none where nothing is.
    pub event_invoke_config: Lookup<Option<EventInvokeConfig>>,
    /// Its gate file.
    pub gate: FunctionGate,
    /// What its role has to be allowed, each with the reason.
    pub permission_queries: Vec<(PermissionQuery, String)>,
    /// The services that it calls, as IAM's actions begin.
    pub called_services: BTreeSet<&'static str>,
    /// What its checks will not be able to ask through the listeners.
    pub predicted_failures: Vec<PredictedFailure>,
}

/// Which function it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// One of the five.
    Hook(Hook),
    /// The net beneath them.
    OnFailure,
    /// Somebody else's.
    Other,
}

/// How a function is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionConfig {
    /// Its ARN.
    pub arn: String,
    /// ARN of its role.
    pub role: String,
    /// Its time-out.
    pub timeout: Duration,
    /// `Active`, ….
    pub state: String,
    /// Its variables; none where they could not be read.
    pub variables: Option<BTreeMap<String, String>>,
    /// Its place in a VPC.
    pub vpc: Option<VpcConfig>,
}

/// A function's place in a VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VpcConfig {
    /// The VPC's id.
    pub id: String,
    /// Ids of the subnets.
    pub subnets: Vec<String>,
    /// Ids of the security groups.
    pub security_groups: Vec<String>,
    /// Whether it may use IPv6.
    pub ipv6: bool,
}

/// What is set for asynchronous invocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventInvokeConfig {
    /// How often a failed invocation is made again.
    pub max_retry_attempts: u64,
    /// How old an event may become.
    pub max_event_age: Duration,
    /// ARN of the on-failure destination.
    pub on_failure: Option<String>,
}

/// A function's gate file, and what a hook wants by it.
#[derive(Clone, Debug, Default)]
pub struct FunctionGate {
    /// What to call it.
    pub title: String,
    /// What stands in it; none where there is none, or nobody could read it.
    pub text: Option<String>,
    /// It is not where the function's variables say; in words.
    pub missing_reason: Option<String>,
    /// What is wrong with it.
    pub diagnostics: Vec<gate_file::Diagnostic>,
    /// What the hook wants; none where the gate file is not known or has a fault.
    pub requirements: Option<Requirements>,
}

/// May this role do this on that?
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermissionQuery {
    /// ARN of the role.
    pub role: String,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// A key and a value of the circumstances.
    pub context: Option<(String, String)>,
}

/// A listener and its load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerInfo {
    /// Its ARN.
    pub arn: String,
    /// Its port.
    pub port: u16,
    /// The name of its load balancer.
    pub load_balancer: String,
    /// Whether that can be reached from inside its VPC alone.
    pub is_internal: bool,
    /// The load balancer's VPC.
    pub vpc: String,
    /// Ids of its security groups; a Network Load Balancer may have none, and hides no port then.
    pub security_groups: Vec<String>,
}

/// The VPCs of functions and load balancers. What is not here could not be looked at, or is of no interest.
#[derive(Clone, Debug, Default)]
pub struct VpcNetwork {
    /// The addresses of subnets.
    pub subnets: BTreeMap<String, Ipv4Range>,
    /// The tables of routes, by VPC.
    pub route_tables: BTreeMap<String, Vec<VpcRouteTable>>,
    /// Security groups.
    pub security_groups: BTreeMap<String, SecurityGroup>,
    /// The endpoints, by VPC.
    pub endpoints: BTreeMap<String, Vec<VpcEndpoint>>,
}

/// A table of routes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct VpcRouteTable {
    /// Its id.
    pub id: String,
    /// Whether it is for every subnet that has none of its own.
    pub is_main: bool,
    /// The subnets that it is for.
    pub subnets: BTreeSet<String>,
    /// From addresses to where they lead; those that lead nowhere are left out.
    pub routes: Vec<(String, String)>,
}

/// An endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VpcEndpoint {
    /// Its id.
    pub id: String,
    /// `com.amazonaws.eu-west-1.codedeploy`.
    pub service: String,
    /// Whether it is a gateway, which is a route and has no address.
    pub is_gateway: bool,
    /// Whether the service's own name leads to it.
    pub private_dns: bool,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// The tables of routes that a gateway is in.
    pub route_tables: BTreeSet<String>,
}

impl VpcNetwork {
    /// The table of a subnet.
    pub fn route_table(&self, vpc: &str, subnet: &str) -> Option<&VpcRouteTable> {
        let tables = self.route_tables.get(vpc)?;
        let own = tables.iter().find(|table| table.subnets.contains(subnet));
        own.or_else(|| tables.iter().find(|table| table.is_main))
    }

    /// The subnets of a function that have no way to the internet. A function has no public address, so that an internet
    /// gateway is none for it. None where the routes are not known.
    pub fn subnets_without_internet<'a>(&self, vpc: &'a VpcConfig) -> Option<Vec<&'a str>> {
        let mut closed = Vec::new();
        for subnet in &vpc.subnets {
            let table = self.route_table(&vpc.id, subnet)?;
            let out = table.routes.iter().any(|(to, by)| match to.as_str() {
                "0.0.0.0/0" => !by.starts_with("igw-") && by != "local",
                "::/0" => vpc.ipv6 && by != "local",
                _ => false,
            });
            if !out {
                closed.push(subnet.as_str());
            }
        }
        Some(closed)
    }

    /// Whether some subnet of the function has a route that leads into other networks: a peering, a transit gateway.
    pub fn has_route_to_other_network(&self, vpc: &VpcConfig) -> bool {
        let others = ["pcx-", "tgw-", "vgw-", "eni-", "i-", "lgw-", "arn:"];
        let tables = vpc.subnets.iter().filter_map(|subnet| self.route_table(&vpc.id, subnet));
        tables.flat_map(|table| &table.routes).any(|(_, by)| others.iter().any(|begin| by.starts_with(begin)))
    }

    /// A function as a security group sees it from inside the VPC; none where the subnets are not known.
    pub fn source_ranges(&self, vpc: &VpcConfig) -> Option<Vec<Ipv4Range>> {
        vpc.subnets.iter().map(|subnet| self.subnets.get(subnet).copied()).collect()
    }
}

impl AccountSnapshot {
    /// Those of the functions that are one of the five or somebody else's: all that CodeDeploy waits for.
    pub fn hook_configs(&self) -> impl Iterator<Item = (&HookedFunction, &FunctionConfig)> {
        self.functions.iter().filter_map(|wired| Some((wired, wired.config.found()?)))
    }

    /// Where a function is, if not where the deployment group is.
    pub fn other_account_or_region(&self, written: &str) -> Option<String> {
        other_account_or_region(written, &self.region, self.group.found())
    }

    /// What the deployment group is called in a finding.
    pub fn group_title(&self) -> String {
        format!("deployment group {} of {}", self.group_name, self.application)
    }
}
