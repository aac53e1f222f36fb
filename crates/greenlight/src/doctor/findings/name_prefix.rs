//! Names that CodeDeploy's narrower roles may not invoke. Where the deployment group's role may, it is no finding but a word
//! beside the name.

use rehearsal::FUNCTION_NAME_PREFIX;

use super::{DoctorProblem, FindingKind};
use crate::doctor::{
    collect::invoke_query,
    snapshot::{AccountSnapshot, HookedFunction, Lookup},
};

pub const KIND: FindingKind = FindingKind { code: "NamePrefix", find };

/// Whether a function has the name that CodeDeploy's roles allow.
pub fn has_prefix(wired: &HookedFunction) -> bool {
    wired.name.starts_with(FUNCTION_NAME_PREFIX)
}

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let others = facts.functions.iter().filter(|wired| !has_prefix(wired) && !can_be_invoked(facts, wired));
    let found = others.map(|wired| DoctorProblem {
        message: format!(
            "its name does not begin with {FUNCTION_NAME_PREFIX}: AWS's managed policies but AWSCodeDeployRoleForECS let CodeDeploy invoke \
             no other, and the event fails with IAM_ROLE_PERMISSIONS"
        ),
        resource: wired.name.clone(),
        fix: format!(
            "make it anew as {FUNCTION_NAME_PREFIX}{} (a function cannot be renamed), and name that in the AppSpec file; or allow \
             lambda:InvokeFunction on it to CodeDeploy's role",
            wired.name
        ),
        command: None,
    });
    found.collect()
}

/// Whether the simulation says that CodeDeploy may invoke it.
fn can_be_invoked(facts: &AccountSnapshot, wired: &HookedFunction) -> bool {
    let question = facts.group.found().zip(wired.config.found()).map(|(group, set_up)| invoke_query(group, set_up));
    question.is_some_and(|question| facts.permission_results.get(&question) == Some(&Lookup::Found(true)))
}
