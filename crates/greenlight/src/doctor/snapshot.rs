//! Everything that was read before the findings are made. The findings depend only on this.

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

/// The result of reading a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// The resource exists.
    Found(T),
    /// The resource does not exist. The text is AWS's message.
    NotFound(String),
    /// The resource could not be read. This is reported once, separately from the findings.
    Unreadable,
}

impl<T> Lookup<T> {
    /// The resource, if it exists and was read.
    pub const fn found(&self) -> Option<&T> {
        match self {
            Self::Found(it) => Some(it),
            Self::NotFound(_) | Self::Unreadable => None,
        }
    }

    /// AWS's message, if the resource does not exist.
    pub fn not_found(&self) -> Option<&str> {
        match self {
            Self::NotFound(why) => Some(why),
            Self::Found(_) | Self::Unreadable => None,
        }
    }
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnreadableResource {
    /// What it is, such as `the configuration of CodeDeployHook_x`.
    pub resource: String,
    /// The permission that is missing. `None` if the reason is not a permission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<&'static str>,
    /// The reason.
    pub why: String,
}

/// Everything that was read.
#[derive(Debug)]
pub struct AccountSnapshot {
    /// The name of the CodeDeploy application.
    pub application: String,
    /// The name of the deployment group.
    pub group_name: String,
    pub region: String,
    pub group: Lookup<DeploymentGroupConfig>,
    pub app_spec: Lookup<AppSpecHooks>,
    /// The functions that the AppSpec file names, in its order.
    pub functions: Vec<HookedFunction>,
    /// The functions that are on-failure destinations, by ARN.
    pub on_failure_functions: BTreeMap<String, Lookup<FunctionConfig>>,
    /// The listeners of the deployment group, by their traffic route.
    pub listeners: BTreeMap<TrafficRoute, Lookup<ListenerInfo>>,
    /// The alarms of the deployment group that do not exist.
    pub missing_alarms: Lookup<Vec<String>>,
    /// The results of the policy simulation.
    pub permission_results: BTreeMap<PermissionQuery, Lookup<bool>>,
    /// The other resources that gate files refer to.
    pub references: BTreeMap<Referenced, Lookup<()>>,
    /// The task definition that the AppSpec file names.
    pub task_definition: Lookup<TaskDefinition>,
    pub network: VpcNetwork,
    /// Everything that could not be read.
    pub unreadable: Vec<UnreadableResource>,
    /// The number of successful reads.
    pub resources_read: usize,
}

/// The settings of the deployment group that matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentGroupConfig {
    /// The ARN of CodeDeploy's role.
    pub role: String,
    /// The alarms that stop its deployments. `None` if alarms are switched off.
    pub alarms: Option<Vec<String>>,
    /// Whether a failed deployment is rolled back.
    pub auto_rollback: bool,
    /// The ARN of the production listener.
    pub production_listener: Option<String>,
    /// The ARN of the test listener.
    pub test_listener: Option<String>,
    /// The names of the two target groups.
    pub target_groups: Vec<String>,
    /// The names of the cluster and the service.
    pub service: Option<(String, String)>,
    /// The id of the newest deployment.
    pub latest_deployment: Option<String>,
}

impl DeploymentGroupConfig {
    /// The number of the account. `None` if the group's role has no ARN.
    pub fn account(&self) -> Option<&str> {
        self.role.split(':').nth(4)
    }
}

/// The account or region of a function, such as `account 1`, if it is not that of the deployment group.
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

/// The parts of an AppSpec file that matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSpecHooks {
    /// The file's name in messages: its path, or the deployment that has it.
    pub title: String,
    /// Whether the file is for the next deployment: it came from the command line and not from a past deployment.
    pub is_for_next_deployment: bool,
    /// The events and their functions.
    pub hooks: Vec<(String, String)>,
    /// The task definition that the file names.
    pub task_definition: Option<String>,
}

/// A function that an AppSpec file names.
#[derive(Clone, Debug)]
pub struct HookedFunction {
    /// The lifecycle event.
    pub event: String,
    /// The name or ARN as the AppSpec file writes it.
    pub name_in_app_spec: String,
    /// The name without account, region and qualifier.
    pub name: String,
    /// The alias or version. `None` for `$LATEST`, which is the function itself.
    pub qualifier: Option<String>,
    /// Which function it is, by its name.
    pub kind: FunctionKind,
    /// The configuration.
    pub config: Lookup<FunctionConfig>,
    /// The settings for asynchronous invocations. The inner `None` means that there are none.
    pub event_invoke_config: Lookup<Option<EventInvokeConfig>>,
    /// The gate file.
    pub gate: FunctionGate,
    /// The permissions that its role needs, each with the reason.
    pub permission_queries: Vec<(PermissionQuery, String)>,
    /// The services that it calls, by the prefix of their IAM actions.
    pub called_services: BTreeSet<&'static str>,
    /// The checks whose requests cannot pass through the listeners.
    pub predicted_failures: Vec<PredictedFailure>,
}

/// The kind of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// One of the five hook functions.
    Hook(Hook),
    /// The on-failure handler.
    OnFailure,
    /// A function that is not Greenlight's.
    Other,
}

/// The configuration of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionConfig {
    pub arn: String,
    /// The ARN of its execution role.
    pub role: String,
    /// Lambda's timeout for the function.
    pub timeout: Duration,
    /// Lambda's state of the function, such as `Active`.
    pub state: String,
    /// The environment variables. `None` if they could not be read.
    pub variables: Option<BTreeMap<String, String>>,
    /// The VPC settings, if the function is in a VPC.
    pub vpc: Option<VpcConfig>,
}

/// The VPC settings of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VpcConfig {
    /// The id of the VPC.
    pub id: String,
    /// The ids of the subnets.
    pub subnets: Vec<String>,
    /// The ids of the security groups.
    pub security_groups: Vec<String>,
    /// Whether the function can use IPv6.
    pub ipv6: bool,
}

/// The settings for asynchronous invocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventInvokeConfig {
    /// How often Lambda retries a failed invocation.
    pub max_retry_attempts: u64,
    /// How long Lambda keeps an event.
    pub max_event_age: Duration,
    /// The ARN of the on-failure destination.
    pub on_failure: Option<String>,
}

/// The gate file of a function, and the requirements that follow from it.
#[derive(Clone, Debug, Default)]
pub struct FunctionGate {
    /// The gate file's name in messages.
    pub title: String,
    /// The text. `None` if there is no gate file or it could not be read.
    pub text: Option<String>,
    /// Why the gate file is missing where the function's variables point.
    pub missing_reason: Option<String>,
    /// The faults of the gate file.
    pub diagnostics: Vec<gate_file::Diagnostic>,
    /// The requirements of the hook. `None` if the gate file is not known or has a fault.
    pub requirements: Option<Requirements>,
}

/// A query whether a role is allowed an action on a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermissionQuery {
    /// The ARN of the role.
    pub role: String,
    pub action: String,
    /// The ARN of the resource, or `*`.
    pub resource: String,
    /// A context key and its value.
    pub context: Option<(String, String)>,
}

/// A listener and its load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerInfo {
    pub arn: String,
    pub port: u16,
    /// The name of the load balancer.
    pub load_balancer: String,
    /// Whether the load balancer can only be reached from inside its VPC.
    pub is_internal: bool,
    /// The id of the load balancer's VPC.
    pub vpc: String,
    /// The ids of the load balancer's security groups. A Network Load Balancer can have none; all its ports are then
    /// open.
    pub security_groups: Vec<String>,
}

/// The VPCs of functions and load balancers. Anything that is missing here could not be read or does not matter.
#[derive(Clone, Debug, Default)]
pub struct VpcNetwork {
    /// The addresses of the subnets, by subnet id.
    pub subnets: BTreeMap<String, Ipv4Range>,
    /// The route tables, by VPC id.
    pub route_tables: BTreeMap<String, Vec<VpcRouteTable>>,
    /// The security groups, by id.
    pub security_groups: BTreeMap<String, SecurityGroup>,
    /// The endpoints, by VPC id.
    pub endpoints: BTreeMap<String, Vec<VpcEndpoint>>,
}

/// A route table.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct VpcRouteTable {
    pub id: String,
    /// Whether it applies to every subnet without its own route table.
    pub is_main: bool,
    /// The subnets that are associated with it.
    pub subnets: BTreeSet<String>,
    /// The routes: destination and target. Blackhole routes are left out.
    pub routes: Vec<(String, String)>,
}

/// A VPC endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VpcEndpoint {
    pub id: String,
    /// The name of the service, such as `com.amazonaws.eu-west-1.codedeploy`.
    pub service: String,
    /// Whether it is a gateway endpoint, which is a route and has no address.
    pub is_gateway: bool,
    /// Whether the service's own name resolves to it.
    pub private_dns: bool,
    /// The ids of its security groups.
    pub security_groups: Vec<String>,
    /// The route tables that route to a gateway endpoint.
    pub route_tables: BTreeSet<String>,
}

impl VpcNetwork {
    /// The route table of a subnet.
    pub fn route_table(&self, vpc: &str, subnet: &str) -> Option<&VpcRouteTable> {
        let tables = self.route_tables.get(vpc)?;
        let own = tables.iter().find(|table| table.subnets.contains(subnet));
        own.or_else(|| tables.iter().find(|table| table.is_main))
    }

    /// The subnets of a function without a route to the internet. An internet gateway does not count, because a
    /// function has no public address. `None` if the routes are not known.
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

    /// Whether a subnet of the function has a route to another network, such as a peering connection or a transit
    /// gateway.
    pub fn has_route_to_other_network(&self, vpc: &VpcConfig) -> bool {
        let others = ["pcx-", "tgw-", "vgw-", "eni-", "i-", "lgw-", "arn:"];
        let tables = vpc.subnets.iter().filter_map(|subnet| self.route_table(&vpc.id, subnet));
        tables.flat_map(|table| &table.routes).any(|(_, by)| others.iter().any(|begin| by.starts_with(begin)))
    }

    /// The addresses from which a function connects inside the VPC. `None` if the subnets are not known.
    pub fn source_ranges(&self, vpc: &VpcConfig) -> Option<Vec<Ipv4Range>> {
        vpc.subnets.iter().map(|subnet| self.subnets.get(subnet).copied()).collect()
    }
}

impl AccountSnapshot {
    /// The functions whose configuration was read, with that configuration.
    pub fn hook_configs(&self) -> impl Iterator<Item = (&HookedFunction, &FunctionConfig)> {
        self.functions.iter().filter_map(|wired| Some((wired, wired.config.found()?)))
    }

    /// The account or region of a function, if it is not that of the deployment group.
    pub fn other_account_or_region(&self, written: &str) -> Option<String> {
        other_account_or_region(written, &self.region, self.group.found())
    }

    /// The deployment group's name in findings.
    pub fn group_title(&self) -> String {
        format!("deployment group {} of {}", self.group_name, self.application)
    }
}
