//! A function that Lambda would not run.

use hook_core::shell::quote;

use super::{Found, Kind};
use crate::doctor::{facts::Facts, gather::parts};

pub const KIND: Kind = Kind { code: "FunctionNotActive", find };

fn find(facts: &Facts) -> Vec<Found> {
    let nets = facts.nets.iter().filter_map(|(arn, net)| Some((parts(arn).0, net.seen()?)));
    let all = facts.hooks().map(|(wired, set_up)| (wired.name.clone(), set_up)).chain(nets);
    let idle = all.filter(|(_, set_up)| !matches!(set_up.state.as_str(), "Active" | ""));
    let found = idle.map(|(name, set_up)| Found {
        what: match set_up.state.as_str() {
            "Inactive" => "it is Inactive: nobody invoked it for weeks, and its first invocation fails".to_owned(),
            state => format!("it is {state}: Lambda does not run it"),
        },
        place: name.clone(),
        fix: "read why; an Inactive one comes back with any invocation, a minute later".to_owned(),
        command: Some(format!(
            "aws lambda get-function-configuration --function-name {} --query '[State,StateReason]'",
            quote(&name)
        )),
    });
    found.collect()
}
