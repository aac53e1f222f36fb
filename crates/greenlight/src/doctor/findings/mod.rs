//! The kinds of finding, one file each: pure, over the facts. A new one is a file with a `KIND`, and one line in
//! [`KINDS`]; docs/DOCTOR.md has a heading for each.

mod alarm_missing;
mod cannot_invoke;
mod cannot_put;
mod checks_never_made;
mod egress_closed;
mod endpoint_hidden;
mod event_settings;
mod function_elsewhere;
mod function_missing;
mod function_not_active;
mod gate_invalid;
mod gate_missing;
mod internal_load_balancer;
mod lacks_permission;
mod listener_missing;
mod name_prefix;
mod named_missing;
mod no_alarms;
mod no_endpoint;
mod no_hooks;
mod no_last_answer;
mod no_roll_back;
mod no_test_listener;
mod no_way_out;
mod port_hidden;
mod request_not_routable;
mod setting_invalid;
mod task_definition_missing;
mod through_alias;
mod timeout_too_short;
mod wrong_event;

use std::collections::BTreeMap;

use hook_core::{shell::quote, survey::Route};
use serde::Serialize;

pub use self::{name_prefix::has_prefix, no_endpoint::lacking};
use super::facts::{Facts, Listener, Vpc, Wired};

/// The action that answers CodeDeploy.
pub const PUT: &str = "codedeploy:PutLifecycleEventHookExecutionStatus";

/// A kind of finding.
pub struct Kind {
    /// Its code, a heading of docs/DOCTOR.md.
    pub code: &'static str,
    /// Looks for it.
    pub find: fn(&Facts) -> Vec<Found>,
}

/// In the order in which one would mend them: what CodeDeploy calls, whether it gets there, what it hears, what the checks
/// see.
pub const KINDS: &[Kind] = &[
    no_hooks::KIND,
    function_missing::KIND,
    function_elsewhere::KIND,
    wrong_event::KIND,
    name_prefix::KIND,
    through_alias::KIND,
    cannot_invoke::KIND,
    function_not_active::KIND,
    cannot_put::KIND,
    timeout_too_short::KIND,
    event_settings::KIND,
    no_last_answer::KIND,
    no_endpoint::KIND,
    endpoint_hidden::KIND,
    egress_closed::KIND,
    lacks_permission::KIND,
    setting_invalid::KIND,
    gate_missing::KIND,
    gate_invalid::KIND,
    checks_never_made::KIND,
    named_missing::KIND,
    task_definition_missing::KIND,
    listener_missing::KIND,
    no_test_listener::KIND,
    internal_load_balancer::KIND,
    no_way_out::KIND,
    port_hidden::KIND,
    request_not_routable::KIND,
    no_roll_back::KIND,
    no_alarms::KIND,
    alarm_missing::KIND,
];

/// What a kind has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What is wrong, and why that hurts.
    pub what: String,
    /// On which resource.
    pub place: String,
    /// What to do, in words.
    pub fix: String,
    /// The command that does it, where one does.
    pub command: Option<String>,
}

/// The same with its kind, for a reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The kind's code.
    pub code: &'static str,
    /// On which resource.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong, and why that hurts.
    pub message: String,
    /// What to do, in words.
    pub fix: String,
    /// The command that does it, where one does; `…` and words in capitals are for you to fill in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// Everything that is found.
pub fn all(facts: &Facts) -> Vec<Finding> {
    let of = |kind: &Kind| {
        let code = kind.code;
        let finding = move |Found { what, place, fix, command }| Finding { code, place, message: what, fix, command };
        (kind.find)(facts).into_iter().map(finding).collect::<Vec<_>>()
    };
    KINDS.iter().flat_map(of).collect()
}

/// Functions of which the same is to be said, with that.
fn together<'a, K: Ord>(
    functions: impl IntoIterator<Item = (&'a Wired, Option<K>)>,
) -> impl Iterator<Item = (K, Vec<&'a str>)> {
    let mut groups = BTreeMap::<K, Vec<&str>>::new();
    for (wired, key) in functions {
        if let Some(key) = key {
            groups.entry(key).or_default().push(&wired.name);
        }
    }
    groups.into_iter()
}

/// The command that changes the deployment group.
fn update(facts: &Facts, what: &str) -> String {
    let (application, group_name) = (quote(&facts.application), quote(&facts.group_name));
    format!(
        "aws deploy update-deployment-group --application-name {application} --current-deployment-group-name {group_name} \
         {what}"
    )
}

/// The option that makes the net the on-failure destination, with its ARN as some function names it.
fn destination(facts: &Facts) -> String {
    let known = facts.nets.iter().find(|(_, net)| net.seen().is_some());
    let arn = known.map_or("ARN-OF-LAST-ANSWER", |(arn, _)| arn);
    let config = serde_json::json!({ "OnFailure": { "Destination": arn } });
    format!("--destination-config {}", quote(&config.to_string()))
}

/// A role, and the functions that have it.
fn of_role(role: &str, functions: &[impl AsRef<str>]) -> String {
    let names: Vec<_> = functions.iter().map(AsRef::as_ref).collect();
    format!("role {} of {}", role.rsplit('/').next().unwrap_or_default(), names.join(", "))
}

/// A command for one function, or a loop over several. `of` gets what stands for the function's name.
fn each(functions: &[&str], of: impl Fn(&str) -> String) -> String {
    match functions {
        [one] => of(&quote(one)),
        many => {
            let names: Vec<_> = many.iter().map(|name| quote(name)).collect();
            format!("for f in {}; do {}; done", names.join(" "), of("$f"))
        }
    }
}

/// Functions that knock at a listener, in a VPC or not.
struct Knock<'a> {
    route: Route,
    listener: &'a Listener,
    wired: &'a Wired,
    vpc: Option<&'a Vpc>,
}

/// Every function whose checks connect to a listener of the deployment group.
fn knocks(facts: &Facts) -> Vec<Knock<'_>> {
    let mut knocks = Vec::new();
    for (wired, set_up) in facts.hooks() {
        for route in wired.gate.wants.iter().flat_map(|wants| wants.routes.iter().copied()) {
            if let Some(listener) = facts.listeners.get(&route).and_then(|it| it.seen()) {
                knocks.push(Knock { route, listener, wired, vpc: set_up.vpc.as_ref() });
            }
        }
    }
    knocks
}

impl Knock<'_> {
    /// Whether the load balancer can only be reached from inside its VPC, and the function is not there.
    fn is_shut_out(&self, facts: &Facts) -> bool {
        let near = |vpc: &Vpc| vpc.id == self.listener.vpc || facts.network.leads_elsewhere(vpc);
        // Where the routes are not known, a peering may be among them.
        let unknown = |vpc: &Vpc| !facts.network.routes.contains_key(&vpc.id);
        self.listener.internal && !self.vpc.is_some_and(|vpc| near(vpc) || unknown(vpc))
    }

    /// Whether the load balancer is in the internet, and the function cannot get there.
    fn has_no_way_out(&self, facts: &Facts) -> bool {
        let closed = self.vpc.and_then(|vpc| facts.network.closed_in(vpc));
        !self.listener.internal && closed.is_some_and(|subnets| !subnets.is_empty())
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
