//! The permissions of CodeDeploy's role and of the functions' roles, as IAM simulates them.

use std::collections::BTreeMap;

use hook_core::shell::quote;
use rehearsal::FUNCTION_NAME_PREFIX;

use super::finding::{DoctorProblem, group_by};
use crate::doctor::{
    function_name::split_qualifier,
    permission_query::{PUT_STATUS, PermissionQuery},
    snapshot::{AccountSnapshot, HookedFunction, Lookup, NeededPermission, PermissionUser},
};

/// Whether a function has a name that all of CodeDeploy's managed roles allow.
pub fn has_prefix(function: &HookedFunction) -> bool {
    function.name.starts_with(FUNCTION_NAME_PREFIX)
}

/// Function names that CodeDeploy's narrower managed roles are not allowed to invoke. If the deployment group's role
/// allows the call, this is not a finding but a note next to the name.
pub fn name_prefix(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let others =
        snapshot.functions.iter().filter(|function| !has_prefix(function) && !can_be_invoked(snapshot, function));
    let problems = others.map(|function| DoctorProblem {
        message: format!(
            "its name does not begin with {FUNCTION_NAME_PREFIX}: of AWS's managed policies, only \
             AWSCodeDeployRoleForECS allows CodeDeploy to invoke other names, and the event fails with \
             IAM_ROLE_PERMISSIONS"
        ),
        resource: function.name.clone(),
        fix: format!(
            "create it again as {FUNCTION_NAME_PREFIX}{} (a function cannot be renamed), and name that in the AppSpec \
             file; or allow CodeDeploy's role lambda:InvokeFunction on it",
            function.name
        ),
        command: None,
    });
    problems.collect()
}

/// Whether CodeDeploy is allowed to invoke the function, according to the simulation.
fn can_be_invoked(snapshot: &AccountSnapshot, function: &HookedFunction) -> bool {
    let both = snapshot.group.found().zip(function.config.found());
    let query = both.map(|(group, config)| PermissionQuery::to_invoke(group, config));
    query.is_some_and(|query| snapshot.permission_results.get(&query) == Some(&Lookup::Found(true)))
}

/// CodeDeploy's role is not allowed to invoke the functions.
pub fn cannot_invoke(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let Some(group) = snapshot.group.found() else { return Vec::new() };
    let denied = snapshot.hook_configs().map(|(function, config)| {
        let why = match snapshot.permission_results.get(&PermissionQuery::to_invoke(group, config)) {
            // A name without the prefix has its own finding, and this fix would not help there.
            Some(Lookup::Found(false)) => has_prefix(function).then_some(InvokeProblem::NotAllowed),
            Some(Lookup::NotFound(_)) => Some(InvokeProblem::RoleMissing),
            Some(Lookup::Found(true) | Lookup::Unreadable) | None => None,
        };
        (function, why)
    });
    let partition = group.role.split(':').nth(1).unwrap_or("aws");
    let role = quote(role_name(&group.role));
    let attach = format!(
        "aws iam attach-role-policy --role-name {role} --policy-arn {}",
        quote(&format!("arn:{partition}:iam::aws:policy/AWSCodeDeployRoleForECSLimited"))
    );
    let problems = group_by(denied).map(|(problem, functions)| {
        let (why, fix, command) = match problem {
            InvokeProblem::NotAllowed => (
                "is not allowed to invoke",
                "attach AWS's policy for names that begin with CodeDeployHook_, or allow lambda:InvokeFunction on the \
                 functions' ARNs",
                Some(attach.clone()),
            ),
            InvokeProblem::RoleMissing => (
                "does not exist, so it cannot invoke",
                "create the role, or name an existing one in the deployment group",
                None,
            ),
        };
        DoctorProblem {
            message: format!(
                "it {why} {}: their events fail with IAM_ROLE_PERMISSIONS before any check runs",
                functions.join(", ")
            ),
            resource: group.role.clone(),
            fix: fix.to_owned(),
            command,
        }
    });
    problems.collect()
}

/// Why CodeDeploy cannot invoke a function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum InvokeProblem {
    NotAllowed,
    /// The deployment group's role does not exist.
    RoleMissing,
}

/// A function's role is not allowed to put a status, so CodeDeploy waits for an hour.
pub fn cannot_put_status(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let of_hooks = snapshot.functions.iter().flat_map(|function| {
        let own = function.needed_permissions.iter().filter(|needed| needed.query.action == PUT_STATUS);
        own.map(|needed| (function.name.clone(), needed.query.clone()))
    });
    let of_on_failure_functions = snapshot.on_failure_functions.iter().filter_map(|(arn, config)| {
        let AccountSnapshot { region, application, group_name, .. } = snapshot;
        let query = PermissionQuery::to_put_status(config.found()?, region, application, group_name);
        Some((split_qualifier(arn).0, query))
    });
    // Functions that share a role share the fix.
    let mut functions = BTreeMap::<PermissionQuery, Vec<String>>::new();
    for (function, query) in of_hooks.chain(of_on_failure_functions) {
        functions.entry(query).or_default().push(function);
    }
    let problems = functions.into_iter().filter_map(|(query, functions)| {
        let why = match snapshot.permission_results.get(&query)? {
            Lookup::Found(false) => "it is not allowed to put the status of a lifecycle event",
            Lookup::NotFound(_) => "it does not exist",
            Lookup::Found(true) | Lookup::Unreadable => return None,
        };
        let PermissionQuery { role, action, resource, .. } = query;
        Some(DoctorProblem {
            message: format!("{why}: no status reaches CodeDeploy, which waits an hour"),
            resource: describe_role(&role, &functions.join(", ")),
            fix: format!("allow {action} on {resource}; `greenlight iam` prints the whole policy"),
            command: None,
        })
    });
    problems.collect()
}

/// A function's role lacks permissions other than the one that puts the status.
pub fn lacks_permission(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    // The missing permissions of a role are one finding, however many functions share the role.
    let mut by_role = BTreeMap::<&str, (Vec<&str>, MissingPermissions)>::new();
    for function in &snapshot.functions {
        let others = function.needed_permissions.iter().filter(|needed| needed.query.action != PUT_STATUS);
        for NeededPermission { query, reason, needed_by } in others {
            if snapshot.permission_results.get(query) != Some(&Lookup::Found(false)) {
                continue;
            }
            let (functions, missing) = by_role.entry(&query.role).or_default();
            if !functions.contains(&function.name.as_str()) {
                functions.push(&function.name);
            }
            let permission = format!("{} {}, needed {reason}", query.action, query.describe_resource());
            let permissions = missing.entry(*needed_by).or_default();
            if !permissions.contains(&permission) {
                permissions.push(permission);
            }
        }
    }
    let problems = by_role.into_iter().map(|(role, (functions, missing))| DoctorProblem {
        message: describe_missing(&missing),
        resource: describe_role(role, &functions.join(", ")),
        fix: "allow it; `greenlight iam` prints the whole policy with a reason for each action".to_owned(),
        command: None,
    });
    problems.collect()
}

/// The missing permissions of a role, by what does not work without them.
type MissingPermissions = BTreeMap<PermissionUser, Vec<String>>;

/// The missing permissions, each group with its consequence.
fn describe_missing(missing: &MissingPermissions) -> String {
    let groups = missing.iter().map(|(needed_by, permissions)| {
        let consequence = match needed_by {
            PermissionUser::Function => "no check runs, and the hook puts Failed",
            PermissionUser::Checks if permissions.len() == 1 => "the checks that need it fail",
            PermissionUser::Checks => "the checks that need them fail",
            PermissionUser::OnFailureDestination => "if the function is killed, nobody puts a status",
        };
        format!("it lacks {}: {consequence}", permissions.join("; and "))
    });
    groups.collect::<Vec<_>>().join("; ")
}

/// A role and the functions that have it.
fn describe_role(role: &str, functions: &str) -> String {
    format!("role {} of {functions}", role_name(role))
}

/// The name of a role, from its ARN.
fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::fixtures::{codes, healthy_account};

    fn invoke_query(snapshot: &AccountSnapshot) -> PermissionQuery {
        PermissionQuery::to_invoke(snapshot.group.found().unwrap(), snapshot.functions[0].config.found().unwrap())
    }

    fn needed(query: &PermissionQuery, reason: &str, needed_by: PermissionUser) -> NeededPermission {
        NeededPermission { query: query.clone(), reason: reason.to_owned(), needed_by }
    }

    /// What is said if the role of the first function lacks these permissions.
    fn lacks(permissions: &[(&str, &str, PermissionUser)]) -> String {
        let mut snapshot = healthy_account();
        let role = snapshot.functions[0].config.found().unwrap().role.clone();
        for (action, resource, needed_by) in permissions {
            let query = PermissionQuery {
                role: role.clone(),
                action: (*action).to_owned(),
                resource: (*resource).to_owned(),
                context: None,
            };
            snapshot.functions[0].needed_permissions.push(needed(&query, "for this", *needed_by));
            snapshot.permission_results.insert(query, Lookup::Found(false));
        }
        lacks_permission(&snapshot).remove(0).message
    }

    #[test]
    fn each_missing_permission_has_its_own_consequence() {
        let list = ("ecs:ListTasks", "*", PermissionUser::Checks);
        let alarms = ("cloudwatch:DescribeAlarms", "*", PermissionUser::Checks);
        let gate = ("ssm:GetParameter", "gate", PermissionUser::Function);
        let invoke = ("lambda:InvokeFunction", "on-failure", PermissionUser::OnFailureDestination);
        assert_eq!(lacks(&[list]), "it lacks ecs:ListTasks on *, needed for this: the checks that need it fail");
        assert_eq!(
            lacks(&[list, alarms]),
            "it lacks ecs:ListTasks on *, needed for this; and cloudwatch:DescribeAlarms on *, needed for this: the \
             checks that need them fail"
        );
        assert_eq!(
            lacks(&[gate]),
            "it lacks ssm:GetParameter on gate, needed for this: no check runs, and the hook puts Failed"
        );
        assert_eq!(
            lacks(&[list, invoke]),
            "it lacks ecs:ListTasks on *, needed for this: the checks that need it fail; it lacks \
             lambda:InvokeFunction on on-failure, needed for this: if the function is killed, nobody puts a status"
        );
    }

    #[test]
    fn a_permission_that_only_a_cluster_limits_names_the_cluster() {
        let cluster = "arn:aws:ecs:eu-west-1:111122223333:cluster/shop";
        let query = PermissionQuery {
            role: "arn:aws:iam::111122223333:role/hooks".to_owned(),
            action: "ecs:ListTasks".to_owned(),
            resource: "*".to_owned(),
            context: Some(("ecs:cluster".to_owned(), cluster.to_owned())),
        };
        assert_eq!(query.describe_resource(), "in cluster shop (condition ecs:cluster)");
        let everywhere = PermissionQuery { context: None, ..query };
        assert_eq!(everywhere.describe_resource(), "on *");
    }

    #[test]
    fn a_function_that_codedeploy_is_not_allowed_to_invoke_is_found() {
        let mut snapshot = healthy_account();
        let query = invoke_query(&snapshot);
        snapshot.permission_results.insert(query, Lookup::Found(false));
        assert_eq!(codes(&snapshot), ["CannotInvoke"]);
    }

    #[test]
    fn a_name_without_the_prefix_is_found_unless_codedeploy_is_allowed_to_invoke_it() {
        let mut snapshot = healthy_account();
        snapshot.functions[0].name = "smoke".to_owned();
        let query = invoke_query(&snapshot);
        snapshot.permission_results.insert(query.clone(), Lookup::Found(false));
        assert_eq!(codes(&snapshot), ["NamePrefix"]);
        snapshot.permission_results.insert(query, Lookup::Found(true));
        assert_eq!(codes(&snapshot), [""; 0]);
    }

    #[test]
    fn functions_that_share_a_role_share_the_finding() {
        let mut snapshot = healthy_account();
        let config = snapshot.functions[0].config.found().unwrap();
        let put_status = PermissionQuery::to_put_status(config, "eu-west-1", "shop", "shop-group");
        let read = PermissionQuery { action: "ecs:ListTasks".to_owned(), ..put_status.clone() };
        for function in &mut snapshot.functions[..2] {
            function.needed_permissions = vec![
                needed(&put_status, "for each event", PermissionUser::Function),
                needed(&read, "to list tasks", PermissionUser::Checks),
            ];
        }
        snapshot.permission_results.insert(put_status, Lookup::Found(false));
        snapshot.permission_results.insert(read, Lookup::Found(false));
        assert_eq!(codes(&snapshot), ["CannotPutStatus", "LacksPermission"]);
        let resource = &lacks_permission(&snapshot)[0].resource;
        assert_eq!(resource, "role hooks of CodeDeployHook_before-install, CodeDeployHook_after-install");
    }
}
