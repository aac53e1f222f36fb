//! Everything that was read before the findings are made. The findings depend only on this.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hook_core::{
    aws_inspector::{PredictedFailure, Referenced, Requirements, TaskDefinition, TrafficRoute},
    gate_file,
};
use serde::Serialize;

use super::{
    function_name::{FunctionKind, other_account_or_region},
    permission_query::PermissionQuery,
    vpc::{VpcConfig, VpcNetwork},
};

/// The result of reading a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
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

    /// The resource of a fixture, to break it.
    #[cfg(test)]
    pub fn found_mut(&mut self) -> &mut T {
        match self {
            Self::Found(it) => it,
            Self::NotFound(_) | Self::Unreadable => panic!("the fixture does not have this resource"),
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
    pub why: String,
}

/// Everything that was read.
#[derive(Debug)]
pub struct AccountSnapshot {
    pub application: String,
    pub group_name: String,
    pub region: String,
    pub group: Lookup<DeploymentGroupConfig>,
    pub app_spec: Lookup<AppSpecHooks>,
    /// The functions that the AppSpec file names, in its order.
    pub functions: Vec<HookedFunction>,
    /// The functions that are on-failure destinations, by ARN.
    pub on_failure_functions: BTreeMap<String, Lookup<FunctionConfig>>,
    /// The alarms on these functions, by the function's name, each with whether it notifies anybody.
    pub on_failure_alarms: BTreeMap<String, Lookup<Vec<(String, bool)>>>,
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
    pub unreadable: Vec<UnreadableResource>,
    /// What was read, in words, once for each read.
    pub resources_read: Vec<String>,
}

/// The settings of the deployment group that matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentGroupConfig {
    /// The ARN of CodeDeploy's role.
    pub role: String,
    pub alarms: Vec<String>,
    /// Whether its alarms stop deployments. If not, they are turned off.
    pub alarms_enabled: bool,
    pub auto_rollback: bool,
    pub production_listener: Option<String>,
    pub test_listener: Option<String>,
    pub target_groups: Vec<String>,
    /// The names of the cluster and the service.
    pub service: Option<(String, String)>,
    pub latest_deployment: Option<String>,
}

impl DeploymentGroupConfig {
    /// The number of the account. `None` if the group's role has no ARN.
    pub fn account(&self) -> Option<&str> {
        account_of(&self.role)
    }

    /// The alarms that stop its deployments. Empty if they are turned off.
    pub fn active_alarms(&self) -> &[String] {
        if self.alarms_enabled { &self.alarms } else { &[] }
    }
}

fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4)
}

/// The parts of an AppSpec file that matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSpecHooks {
    /// The file's name in messages: its path, or the deployment that has it.
    pub title: String,
    /// Whether the file is for the next deployment: it came from the command line and not from a past deployment.
    pub is_for_next_deployment: bool,
    pub hooks: Vec<(String, String)>,
    pub task_definition: Option<String>,
}

/// A function that an AppSpec file names.
#[derive(Clone, Debug)]
pub struct HookedFunction {
    pub event: String,
    /// The name or ARN as the AppSpec file writes it.
    pub name_in_app_spec: String,
    /// The name without account, region and qualifier.
    pub name: String,
    /// The alias or version. `None` for `$LATEST`, which is the function itself.
    pub qualifier: Option<String>,
    pub kind: FunctionKind,
    pub config: Lookup<FunctionConfig>,
    /// The settings for asynchronous invocations. The inner `None` means that there are none.
    pub event_invoke_config: Lookup<Option<EventInvokeConfig>>,
    pub gate: FunctionGate,
    /// The permissions that its role needs.
    pub needed_permissions: Vec<NeededPermission>,
    /// The services that it calls, by the prefix of their IAM actions.
    pub called_services: BTreeSet<&'static str>,
    /// The checks whose requests cannot pass through the listeners.
    pub predicted_failures: Vec<PredictedFailure>,
}

/// A permission that a function's role needs.
#[derive(Clone, Debug)]
pub struct NeededPermission {
    pub query: PermissionQuery,
    /// The reason, such as `to read the gate file`.
    pub reason: String,
    pub needed_by: PermissionUser,
}

/// What does not work without a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PermissionUser {
    /// The function itself, whatever it checks.
    Function,
    /// Some of its checks.
    Checks,
    /// Lambda, which sends the record of a failed invocation to the on-failure destination.
    OnFailureDestination,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionConfig {
    pub arn: String,
    /// The ARN of its execution role.
    pub role: String,
    pub timeout: Duration,
    /// Lambda's state of the function, such as `Active`.
    pub state: String,
    /// The environment variables. `None` if they could not be read.
    pub variables: Option<BTreeMap<String, String>>,
    /// The VPC settings, if the function is in a VPC.
    pub vpc: Option<VpcConfig>,
}

impl FunctionConfig {
    /// The number of the account. `None` if the function's role has no ARN.
    pub fn account(&self) -> Option<&str> {
        account_of(&self.role)
    }
}

/// The settings for asynchronous invocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventInvokeConfig {
    /// How often Lambda retries a failed invocation.
    pub max_retry_attempts: u64,
    /// How long Lambda keeps an event.
    pub max_event_age: Duration,
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
    /// Its bucket, if that does not exist either.
    pub missing_bucket: Option<String>,
    pub diagnostics: Vec<gate_file::Diagnostic>,
    /// The requirements of the hook. `None` if the gate file is not known or has a fault.
    pub requirements: Option<Requirements>,
}

/// A listener and its load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerInfo {
    pub arn: String,
    pub port: u16,
    pub load_balancer: String,
    /// Whether the load balancer can only be reached from inside its VPC.
    pub is_internal: bool,
    /// The id of the load balancer's VPC.
    pub vpc: String,
    /// The ids of the load balancer's security groups. A Network Load Balancer can have none; all its ports are then
    /// open.
    pub security_groups: Vec<String>,
}

impl AccountSnapshot {
    /// The functions whose configuration was read, with that configuration.
    pub fn hook_configs(&self) -> impl Iterator<Item = (&HookedFunction, &FunctionConfig)> {
        self.functions.iter().filter_map(|function| Some((function, function.config.found()?)))
    }

    /// The account or region of a function, if it is not that of the deployment group.
    pub fn other_account_or_region(&self, written: &str) -> Option<String> {
        other_account_or_region(written, &self.region, self.group.found().and_then(DeploymentGroupConfig::account))
    }

    /// The deployment group's name in findings.
    pub fn group_title(&self) -> String {
        format!("deployment group {} of {}", self.group_name, self.application)
    }
}

/// Describes a resource that a gate file refers to.
pub fn reference_label(named: &Referenced) -> String {
    match named {
        Referenced::Alarm(name) => format!("the alarm {name}"),
        Referenced::AlarmPrefix(prefix) => format!("alarms that begin with {prefix}"),
        Referenced::AlarmTags(tags) => {
            let tags: Vec<_> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("alarms tagged {}", tags.join(", "))
        }
        Referenced::Container(name) => format!("the container {name}"),
        Referenced::Parameter(name) => format!("the parameter {name}"),
        Referenced::Secret(name) => format!("the secret {name}"),
        Referenced::EnvVar(name) => format!("the variable {name}"),
    }
}
