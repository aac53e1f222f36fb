//! The permissions that a hook's role needs for a gate file: each action with its resource and its purpose. The same
//! table is used to print them, to simulate them, and to compare them with the calls that hooks make.
//!
//! The AWS operations of a kind of check are in `Kind::requirements`, and those of every hook are in `every_hook`. The
//! IAM actions of an operation are in `iam_actions`.

pub mod actions;
mod every_hook;
mod iam_actions;
mod inputs;
mod operation;
mod partition;
mod requirement;
mod resource;

use std::fmt::Write as _;

use lifecycle::Hook;

use self::every_hook::{requirements_for_discovery, requirements_for_put_status, requirements_for_view};
pub use self::{
    inputs::PermissionInputs,
    operation::AwsOperation,
    partition::partition_of,
    requirement::Requirement,
    resource::{ArnNames, PolicyCondition, Resource},
};
pub use crate::{Diagnostic, GateSource};
use crate::{SecretRef, SecretStore, plan};

/// A permission that a role needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The action, as IAM writes it: `ecs:ListTasks`.
    pub action: &'static str,
    pub resource: Resource,
    /// Its purposes; at least one.
    pub purposes: Vec<Purpose>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// `to see which tasks of a task set stopped`.
    pub why: String,
    /// The names of the checks that need it. Empty if every hook needs it.
    pub checks: Vec<String>,
}

impl Permission {
    /// All purposes in one sentence: `to see which tasks of a task set stopped (tasks, containers)`.
    pub fn describe_purposes(&self) -> String {
        let mut text = String::new();
        for (index, Purpose { why, checks }) in self.purposes.iter().enumerate() {
            let _ = write!(text, "{}{why}", if index > 0 { "; " } else { "" });
            if !checks.is_empty() {
                let _ = write!(text, " ({})", checks.join(", "));
            }
        }
        text
    }
}

/// The permissions that a hook's role needs for a gate file, or for the built-in checks if there is no file.
///
/// # Errors
/// The errors of the file.
pub fn required_permissions(
    file: Option<&str>,
    hook: Hook,
    inputs: &PermissionInputs,
) -> Result<Vec<Permission>, Vec<Diagnostic>> {
    let gate = crate::load(hook, file)?;
    let mut set = PermissionSet { inputs, permissions: Vec::new() };
    for need in
        [requirements_for_put_status(), requirements_for_discovery(), inputs.gate.requirements()].into_iter().flatten()
    {
        set.add(need, None);
    }
    let steps = plan::order_with_barriers(gate.checks.into_iter().map(|spec| (spec, None)).collect(), gate.defaults);
    if !steps.is_empty() {
        requirements_for_view().into_iter().for_each(|need| set.add(need, None));
    }
    for spec in steps.iter().map(|step| &step.spec) {
        let secrets = spec.secret_names().filter_map(|name| Some(secret_requirement(name, gate.secrets.get(name)?)));
        for need in spec.requirements().into_iter().chain(secrets) {
            set.add(need, Some(&spec.name));
        }
    }
    Ok(set.with_keys())
}

/// The permissions that the role of `on-failure` needs.
pub fn on_failure_permissions() -> Vec<Permission> {
    let mut set = PermissionSet { inputs: &PermissionInputs::default(), permissions: Vec::new() };
    requirements_for_put_status().into_iter().for_each(|need| set.add(need, None));
    set.permissions
}

fn secret_requirement(name: &str, secret_ref: &SecretRef) -> Requirement {
    let operation = match secret_ref.store {
        SecretStore::Ssm => AwsOperation::Parameter(secret_ref.name.clone()),
        SecretStore::SecretsManager => AwsOperation::SecretValue(secret_ref.name.clone()),
    };
    Requirement::new(operation, format!("to read the secret {name}"))
}

struct PermissionSet<'a> {
    inputs: &'a PermissionInputs,
    permissions: Vec<Permission>,
}

impl PermissionSet<'_> {
    fn add(&mut self, requirement: Requirement, check: Option<&str>) {
        for (action, resource) in requirement.operation.iam_actions(self.inputs) {
            self.permit(action, resource, &requirement.why, check);
        }
    }

    /// Adds a permission. If two purposes need the same action and resource, it is one permission with both purposes.
    fn permit(&mut self, action: &'static str, resource: Resource, why: &str, check: Option<&str>) {
        let same = |it: &&mut Permission| it.action == action && it.resource == resource;
        let permission = match self.permissions.iter_mut().find(same) {
            Some(known) => known,
            None => {
                self.permissions.push(Permission { action, resource, purposes: Vec::new() });
                let last = self.permissions.len() - 1;
                &mut self.permissions[last]
            }
        };
        let reasons = &mut permission.purposes;
        match reasons.iter_mut().find(|reason| reason.why == why) {
            Some(reason) => {
                let new = check.filter(|name| !reason.checks.iter().any(|known| known == name));
                reason.checks.extend(new.map(str::to_owned));
            }
            None => {
                reasons.push(Purpose { why: why.to_owned(), checks: check.into_iter().map(str::to_owned).collect() });
            }
        }
    }

    /// Adds permissions for the KMS keys of the values that are read, which AWS services use on behalf of the function.
    fn with_keys(mut self) -> Vec<Permission> {
        let read = |resource: fn(&Resource) -> bool| self.permissions.iter().any(|it| resource(&it.resource));
        let services = [
            ("ssm", read(|it| matches!(it, Resource::Parameter(_)))),
            ("secretsmanager", read(|it| matches!(it, Resource::Secret(_)))),
            ("s3", read(|it| matches!(it, Resource::Object { .. }))),
        ];
        let via: Vec<_> = services.into_iter().filter(|(_, read)| *read).map(|(service, _)| service).collect();
        if !via.is_empty() {
            for arn in &self.inputs.kms_keys {
                let key = Resource::Key { arn: arn.clone(), via: via.clone() };
                self.permit("kms:Decrypt", key, "to decrypt values that are encrypted with this key", None);
            }
        }
        self.permissions
    }
}
