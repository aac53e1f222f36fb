//! The kinds of findings, one file for each. They are pure functions of the snapshot. A new kind needs a file with a
//! `KIND`, a line in [`KINDS`], and a heading in docs/DOCTOR.md.

mod alarm_missing;
mod cannot_invoke;
mod cannot_put_status;
mod egress_blocked;
mod endpoint_ingress_blocked;
mod event_settings;
mod function_in_other_account_or_region;
mod function_missing;
mod function_not_active;
mod gate_invalid;
mod gate_missing;
mod ingress_blocked;
mod lacks_permission;
mod listener_missing;
mod load_balancer_internal;
mod name_prefix;
mod no_alarms;
mod no_endpoint;
mod no_failure_destination;
mod no_hooks;
mod no_internet_route;
mod no_test_listener;
mod qualified_function_name;
mod reference_missing;
mod request_not_routable;
mod rollback_disabled;
mod settings_invalid;
mod task_definition_missing;
mod timeout_too_short;
mod unused_checks;
mod wrong_event;

use std::collections::BTreeMap;

use hook_core::{aws_inspector::TrafficRoute, shell::quote};
use serde::Serialize;

pub use self::{name_prefix::has_prefix, no_endpoint::missing_endpoints};
use super::snapshot::{AccountSnapshot, HookedFunction, ListenerInfo, VpcConfig};

/// The action that puts the status of a hook.
pub const PUT_STATUS: &str = "codedeploy:PutLifecycleEventHookExecutionStatus";

/// A kind of finding.
pub struct FindingKind {
    /// The code, which is also a heading in docs/DOCTOR.md.
    pub code: &'static str,
    /// Finds the problems of this kind.
    pub find: fn(&AccountSnapshot) -> Vec<DoctorProblem>,
}

/// All kinds, in the order in which to fix them: which functions CodeDeploy invokes, whether it can, whether it gets a
/// status, and whether the checks work.
pub const KINDS: &[FindingKind] = &[
    no_hooks::KIND,
    function_missing::KIND,
    function_in_other_account_or_region::KIND,
    wrong_event::KIND,
    name_prefix::KIND,
    qualified_function_name::KIND,
    cannot_invoke::KIND,
    function_not_active::KIND,
    cannot_put_status::KIND,
    timeout_too_short::KIND,
    event_settings::KIND,
    no_failure_destination::KIND,
    no_endpoint::KIND,
    endpoint_ingress_blocked::KIND,
    egress_blocked::KIND,
    lacks_permission::KIND,
    settings_invalid::KIND,
    gate_missing::KIND,
    gate_invalid::KIND,
    unused_checks::KIND,
    reference_missing::KIND,
    task_definition_missing::KIND,
    listener_missing::KIND,
    no_test_listener::KIND,
    load_balancer_internal::KIND,
    no_internet_route::KIND,
    ingress_blocked::KIND,
    request_not_routable::KIND,
    rollback_disabled::KIND,
    no_alarms::KIND,
    alarm_missing::KIND,
];

/// A problem that a kind has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoctorProblem {
    /// The problem and its consequence.
    pub message: String,
    /// The affected resource.
    pub resource: String,
    /// How to fix it.
    pub fix: String,
    /// The command that fixes it, if there is one.
    pub command: Option<String>,
}

/// A problem with the code of its kind, for the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoctorFinding {
    /// The code of the kind.
    pub code: &'static str,
    /// The affected resource.
    #[serde(rename = "where")]
    pub resource: String,
    /// The problem and its consequence.
    pub message: String,
    /// How to fix it.
    pub fix: String,
    /// The command that fixes it, if there is one. `…` and words in capitals are placeholders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// Finds all problems.
pub fn all_findings(facts: &AccountSnapshot) -> Vec<DoctorFinding> {
    let findings_of = |kind: &FindingKind| {
        let code = kind.code;
        let finding = move |DoctorProblem { message: what, resource: place, fix, command }| DoctorFinding {
            code,
            resource: place,
            message: what,
            fix,
            command,
        };
        (kind.find)(facts).into_iter().map(finding).collect::<Vec<_>>()
    };
    KINDS.iter().flat_map(findings_of).collect()
}

/// Groups functions by their key. Functions without a key are left out.
fn group_by<'a, K: Ord>(
    functions: impl IntoIterator<Item = (&'a HookedFunction, Option<K>)>,
) -> impl Iterator<Item = (K, Vec<&'a str>)> {
    let mut groups = BTreeMap::<K, Vec<&str>>::new();
    for (wired, key) in functions {
        if let Some(key) = key {
            groups.entry(key).or_default().push(&wired.name);
        }
    }
    groups.into_iter()
}

/// The command that updates the deployment group.
fn update_group_command(facts: &AccountSnapshot, what: &str) -> String {
    let (application, group_name) = (quote(&facts.application), quote(&facts.group_name));
    format!(
        "aws deploy update-deployment-group --application-name {application} --current-deployment-group-name {group_name} \
         {what}"
    )
}

/// The option that sets the on-failure destination, with the on-failure handler's ARN if a function already names it.
fn destination_option(facts: &AccountSnapshot) -> String {
    let known = facts.on_failure_functions.iter().find(|(_, net)| net.found().is_some());
    let arn = known.map_or("ARN-OF-ON-FAILURE", |(arn, _)| arn);
    let config = serde_json::json!({ "OnFailure": { "Destination": arn } });
    format!("--destination-config {}", quote(&config.to_string()))
}

/// Describes a role and the functions that have it.
fn describe_role(role: &str, functions: &[impl AsRef<str>]) -> String {
    let names: Vec<_> = functions.iter().map(AsRef::as_ref).collect();
    format!("role {} of {}", role.rsplit('/').next().unwrap_or_default(), names.join(", "))
}

/// The command for one function, or a loop over several. `command_for` gets the function's name or the loop's variable.
fn shell_command_for_each(functions: &[&str], command_for: impl Fn(&str) -> String) -> String {
    match functions {
        [one] => command_for(&quote(one)),
        many => {
            let names: Vec<_> = many.iter().map(|name| quote(name)).collect();
            format!("for f in {}; do {}; done", names.join(" "), command_for("$f"))
        }
    }
}

/// A function whose checks connect to a listener, from a VPC or not.
struct ListenerAccess<'a> {
    route: TrafficRoute,
    listener: &'a ListenerInfo,
    function: &'a HookedFunction,
    vpc: Option<&'a VpcConfig>,
}

/// Every function whose checks connect to a listener of the deployment group.
fn listener_accesses(facts: &AccountSnapshot) -> Vec<ListenerAccess<'_>> {
    let mut knocks = Vec::new();
    for (wired, set_up) in facts.hook_configs() {
        for route in wired.gate.requirements.iter().flat_map(|wants| wants.routes.iter().copied()) {
            if let Some(listener) = facts.listeners.get(&route).and_then(|it| it.found()) {
                knocks.push(ListenerAccess { route, listener, function: wired, vpc: set_up.vpc.as_ref() });
            }
        }
    }
    knocks
}

impl ListenerAccess<'_> {
    /// Whether the load balancer is internal and the function is outside its VPC.
    fn is_outside_vpc(&self, facts: &AccountSnapshot) -> bool {
        let near = |vpc: &VpcConfig| vpc.id == self.listener.vpc || facts.network.has_route_to_other_network(vpc);
        // Unknown routes can include a peering connection.
        let unknown = |vpc: &VpcConfig| !facts.network.route_tables.contains_key(&vpc.id);
        self.listener.is_internal && !self.vpc.is_some_and(|vpc| near(vpc) || unknown(vpc))
    }

    /// Whether the load balancer is internet-facing and the function has no route to the internet.
    fn has_no_internet_route(&self, facts: &AccountSnapshot) -> bool {
        let closed = self.vpc.and_then(|vpc| facts.network.subnets_without_internet(vpc));
        !self.listener.is_internal && closed.is_some_and(|subnets| !subnets.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_a_heading_for_each_in_this_order() {
        let manual = include_str!("../../../../../docs/DOCTOR.md");
        let headings: Vec<_> = manual.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        let codes: Vec<_> = KINDS.iter().map(|kind| kind.code).collect();
        assert_eq!(headings, codes);
    }
}
