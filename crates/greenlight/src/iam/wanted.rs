//! What several roles need together: each action on each thing once, with who needs it for what.

use hook_core::permissions::{Permission, Resource};

/// What is needed.
#[derive(Debug, Default)]
pub struct Wanted(pub Vec<Action>);

/// An action on a thing.
#[derive(Debug)]
pub struct Action {
    /// `ecs:ListTasks`.
    pub action: &'static str,
    /// What it is taken on.
    pub resource: Resource,
    /// What for, and by whom.
    pub uses: Vec<Use>,
}

/// What an action is taken for.
#[derive(Debug)]
pub struct Use {
    /// `to see which tasks stopped`.
    pub why: String,
    /// Roles, each with its checks; without checks it is every event's business.
    pub by: Vec<(&'static str, Vec<String>)>,
}

impl Wanted {
    /// Adds what one role needs.
    pub fn add(&mut self, role: &'static str, permissions: Vec<Permission>) {
        for Permission { action, resource, reasons } in permissions {
            let known = self.0.iter().position(|it| it.action == action && it.resource == resource);
            let index = known.unwrap_or_else(|| {
                self.0.push(Action { action, resource, uses: Vec::new() });
                self.0.len() - 1
            });
            let uses = &mut self.0[index].uses;
            for reason in reasons {
                match uses.iter_mut().find(|it| it.why == reason.why) {
                    Some(known) => known.by.push((role, reason.checks)),
                    None => uses.push(Use { why: reason.why, by: vec![(role, reason.checks)] }),
                }
            }
        }
    }
}
