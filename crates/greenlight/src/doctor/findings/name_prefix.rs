//! Function names that CodeDeploy's narrower managed roles are not allowed to invoke. If the deployment group's role
//! allows the call, this is not a finding but a note next to the name.

use rehearsal::FUNCTION_NAME_PREFIX;

use super::{DoctorProblem, FindingKind};
use crate::doctor::{
    collect::invoke_query,
    snapshot::{AccountSnapshot, HookedFunction, Lookup},
};

pub const KIND: FindingKind = FindingKind { code: "NamePrefix", find };

/// Whether a function has a name that all of CodeDeploy's managed roles allow.
pub fn has_prefix(wired: &HookedFunction) -> bool {
    wired.name.starts_with(FUNCTION_NAME_PREFIX)
}

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let others = facts.functions.iter().filter(|wired| !has_prefix(wired) && !can_be_invoked(facts, wired));
    let found = others.map(|wired| DoctorProblem {
        message: format!(
            "its name does not begin with {FUNCTION_NAME_PREFIX}: of AWS's managed policies, only \
             AWSCodeDeployRoleForECS allows CodeDeploy to invoke other names, and the event fails with \
             IAM_ROLE_PERMISSIONS"
        ),
        resource: wired.name.clone(),
        fix: format!(
            "create it again as {FUNCTION_NAME_PREFIX}{} (a function cannot be renamed), and name that in the AppSpec \
             file; or allow CodeDeploy's role lambda:InvokeFunction on it",
            wired.name
        ),
        command: None,
    });
    found.collect()
}

/// Whether CodeDeploy is allowed to invoke the function, according to the simulation.
fn can_be_invoked(facts: &AccountSnapshot, wired: &HookedFunction) -> bool {
    let question = facts.group.found().zip(wired.config.found()).map(|(group, set_up)| invoke_query(group, set_up));
    question.is_some_and(|question| facts.permission_results.get(&question) == Some(&Lookup::Found(true)))
}
