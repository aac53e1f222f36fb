//! What several roles need together: each action on each thing once, with who needs it for what.

use hook_core::permissions::{Permission, Resource};

/// What is needed.
#[derive(Debug, Default)]
pub struct RequiredActions(pub Vec<RequiredAction>);

/// An action on a thing.
#[derive(Debug)]
pub struct RequiredAction {
    /// `ecs:ListTasks`.
    pub action: &'static str,
    /// What it is taken on.
    pub resource: Resource,
    /// What for, and by whom.
    pub uses: Vec<ActionUse>,
}

/// What an action is taken for.
#[derive(Debug)]
pub struct ActionUse {
    /// `to see which tasks stopped`.
    pub purpose: String,
    /// Roles, each with its checks; without checks it is every event's business.
    pub roles: Vec<(&'static str, Vec<String>)>,
}

impl RequiredActions {
    /// Adds what one role needs.
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
