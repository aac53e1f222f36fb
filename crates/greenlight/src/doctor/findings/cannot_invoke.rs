//! CodeDeploy's role is not allowed to invoke the functions.

use hook_core::shell::quote;

use super::{DoctorProblem, FindingKind, group_by, has_prefix};
use crate::doctor::{
    collect::invoke_query,
    snapshot::{AccountSnapshot, Lookup},
};

pub const KIND: FindingKind = FindingKind { code: "CannotInvoke", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let Some(group) = facts.group.found() else { return Vec::new() };
    let refused = facts.hook_configs().map(|(wired, set_up)| {
        let why = match facts.permission_results.get(&invoke_query(group, set_up)) {
            // A name without the prefix has its own finding, and this fix would not help there.
            Some(Lookup::Found(false)) => has_prefix(wired).then_some("is not allowed to invoke"),
            Some(Lookup::NotFound(_)) => Some("does not exist, so it cannot invoke"),
            _ => None,
        };
        (wired, why)
    });
    let partition = group.role.split(':').nth(1).unwrap_or("aws");
    let role = quote(group.role.rsplit('/').next().unwrap_or_default());
    let found = group_by(refused).map(|(why, functions)| DoctorProblem {
        message: format!(
            "it {why} {}: their events fail with IAM_ROLE_PERMISSIONS before any check runs",
            functions.join(", ")
        ),
        resource: group.role.clone(),
        fix: "attach AWS's policy for names that begin with CodeDeployHook_, or allow lambda:InvokeFunction on the functions' \
              ARNs"
            .to_owned(),
        command: Some(format!(
            "aws iam attach-role-policy --role-name {role} --policy-arn {}",
            quote(&format!("arn:{partition}:iam::aws:policy/AWSCodeDeployRoleForECSLimited"))
        )),
    });
    found.collect()
}
