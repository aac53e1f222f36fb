//! CodeDeploy's role may not invoke the functions.

use hook_core::shell::quote;

use super::{Found, Kind, has_prefix, together};
use crate::doctor::{
    facts::{Facts, Look},
    gather::invoke,
};

pub const KIND: Kind = Kind { code: "CannotInvoke", find };

fn find(facts: &Facts) -> Vec<Found> {
    let Some(group) = facts.group.seen() else { return Vec::new() };
    let refused = facts.hooks().map(|(wired, set_up)| {
        let why = match facts.permits.get(&invoke(group, set_up)) {
            // Another name has a finding of its own, and this one's remedy does not help it.
            Some(Look::Seen(false)) => has_prefix(wired).then_some("may not invoke"),
            Some(Look::Missing(_)) => Some("does not exist and so cannot invoke"),
            _ => None,
        };
        (wired, why)
    });
    let partition = group.role.split(':').nth(1).unwrap_or("aws");
    let role = quote(group.role.rsplit('/').next().unwrap_or_default());
    let found = together(refused).map(|(why, functions)| Found {
        what: format!(
            "it {why} {}: their events fail with IAM_ROLE_PERMISSIONS before any check is made",
            functions.join(", ")
        ),
        place: group.role.clone(),
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
