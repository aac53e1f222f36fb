//! The actions that several roles need together. Each action on a resource is listed once, with the roles and their
//! purposes.

use hook_core::permissions::{Permission, Resource};

#[derive(Debug, Default)]
pub struct RequiredActions(pub Vec<RequiredAction>);

#[derive(Debug)]
pub struct RequiredAction {
    /// The IAM action, such as `ecs:ListTasks`.
    pub action: &'static str,
    pub resource: Resource,
    /// The purposes, and the roles that have them.
    pub uses: Vec<ActionUse>,
}

/// A purpose of an action.
#[derive(Debug)]
pub struct ActionUse {
    /// The purpose as text, such as `to see which tasks stopped`.
    pub purpose: String,
    /// The roles, each with the checks that need the action. Without checks, the role needs it for every event.
    pub roles: Vec<(&'static str, Vec<String>)>,
}

impl RequiredActions {
    /// Adds the permissions that one role needs.
    pub fn add(&mut self, role: &'static str, permissions: Vec<Permission>) {
        for Permission { action, resource, purposes: reasons } in permissions {
            let known = self.0.iter().position(|it| it.action == action && it.resource == resource);
            let index = known.unwrap_or_else(|| {
                self.0.push(RequiredAction { action, resource, uses: Vec::new() });
                self.0.len() - 1
            });
            let uses = &mut self.0[index].uses;
            for reason in reasons {
                match uses.iter_mut().find(|it| it.purpose == reason.why) {
                    Some(known) => known.roles.push((role, reason.checks)),
                    None => uses.push(ActionUse { purpose: reason.why, roles: vec![(role, reason.checks)] }),
                }
            }
        }
    }
}
