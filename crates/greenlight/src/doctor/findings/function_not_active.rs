//! Lambda cannot run a function in its current state.

use hook_core::shell::quote;

use super::{DoctorProblem, FindingKind};
use crate::doctor::{collect::split_qualifier, snapshot::AccountSnapshot};

pub const KIND: FindingKind = FindingKind { code: "FunctionNotActive", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let on_failure_functions =
        facts.on_failure_functions.iter().filter_map(|(arn, net)| Some((split_qualifier(arn).0, net.found()?)));
    let all = facts.hook_configs().map(|(wired, set_up)| (wired.name.clone(), set_up)).chain(on_failure_functions);
    let idle = all.filter(|(_, set_up)| !matches!(set_up.state.as_str(), "Active" | ""));
    let found = idle.map(|(name, set_up)| DoctorProblem {
        message: match set_up.state.as_str() {
            "Inactive" => "it is Inactive: it was not invoked for weeks, and the next invocation fails".to_owned(),
            state => format!("it is {state}: Lambda cannot run it"),
        },
        resource: name.clone(),
        fix: "read the reason; any invocation reactivates an Inactive function, which takes a minute".to_owned(),
        command: Some(format!(
            "aws lambda get-function-configuration --function-name {} --query '[State,StateReason]'",
            quote(&name)
        )),
    });
    found.collect()
}
