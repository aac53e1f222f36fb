//! What a hook's role has to be allowed for a gate file: each action with what it is taken on and why. One table for
//! whoever prints it, simulates it, or compares it with what the hooks were seen to call.
//!
//! What a kind of check asks AWS for stands beside the kind, in `Check::needs`; what every hook asks for, beside discovery;
//! and which actions a question takes, in `aws::ask`.

mod need;
mod resource;

use std::fmt::Write as _;

pub(crate) use self::need::Need;
pub use self::resource::{Condition, Names, Resource};
pub use crate::{aws::partition as partition_of, gate_file::Fault, source::GateSource};
use crate::{
    aws::{Ask, needs_of_answer, needs_of_discovery, needs_of_target},
    gate::{self, SecretRef, Store},
    hook::Hook,
    plan,
};

/// An action that a role has to be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The action, as IAM writes it: `ecs:ListTasks`.
    pub action: &'static str,
    /// What it is taken on.
    pub resource: Resource,
    /// What for; at least one.
    pub reasons: Vec<Reason>,
}

/// What an action is taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `to see which tasks of a task set stopped`.
    pub why: String,
    /// The names of the checks that need it; none where every hook does.
    pub checks: Vec<String>,
}

impl Permission {
    /// All reasons, as one sentence: `to see which tasks of a task set stopped (tasks, containers)`.
    pub fn reason(&self) -> String {
        let mut told = String::new();
        for (index, Reason { why, checks }) in self.reasons.iter().enumerate() {
            let _ = write!(told, "{}{why}", if index > 0 { "; " } else { "" });
            if !checks.is_empty() {
                let _ = write!(told, " ({})", checks.join(", "));
            }
        }
        told
    }
}

/// Where things are that no gate file tells.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Where the gate file itself comes from.
    pub gate: GateSource,
    /// Bucket and key of AppSpec files, which may hold `*`; none where no deployment names one in S3.
    pub app_spec: Option<(String, String)>,
    /// ARNs of keys of one's own that parameters, secrets or objects are encrypted with. AWS's own keys need no word.
    pub keys: Vec<String>,
}

/// What a hook's role needs for a gate file, or for the built-in checks alone.
///
/// # Errors
/// What is wrong with the file.
pub fn of(file: Option<&str>, hook: Hook, places: &Places) -> Result<Vec<Permission>, Vec<Fault>> {
    let gate = gate::load(hook, file)?;
    let mut table = Table { places, permissions: Vec::new() };
    for need in [needs_of_answer(), needs_of_discovery(), places.gate.needs()].into_iter().flatten() {
        table.add(need, None);
    }
    let steps = plan::order(gate.checks.into_iter().map(|spec| (spec, None)).collect(), gate.defaults);
    if !steps.is_empty() {
        needs_of_target().into_iter().for_each(|need| table.add(need, None));
    }
    for spec in steps.iter().map(|step| &step.spec) {
        let secrets = spec.secrets().filter_map(|name| Some(of_secret(name, gate.secrets.get(name)?)));
        for need in spec.needs().into_iter().chain(secrets) {
            table.add(need, Some(&spec.name));
        }
    }
    Ok(table.with_keys())
}

/// What the role of `last-answer` needs.
pub fn of_last_answer() -> Vec<Permission> {
    let mut table = Table { places: &Places::default(), permissions: Vec::new() };
    needs_of_answer().into_iter().for_each(|need| table.add(need, None));
    table.permissions
}

fn of_secret(name: &str, kept: &SecretRef) -> Need {
    let ask = match kept.store {
        Store::Ssm => Ask::Parameter(kept.name.clone()),
        Store::SecretsManager => Ask::SecretValue(kept.name.clone()),
    };
    Need::new(ask, format!("to fetch the secret {name}"))
}

struct Table<'a> {
    places: &'a Places,
    permissions: Vec<Permission>,
}

impl Table<'_> {
    fn add(&mut self, need: Need, check: Option<&str>) {
        for (action, resource) in need.ask.takes(self.places) {
            self.permit(action, resource, &need.why, check);
        }
    }

    /// What is needed twice is allowed once, with both reasons.
    fn permit(&mut self, action: &'static str, resource: Resource, why: &str, check: Option<&str>) {
        let same = |it: &&mut Permission| it.action == action && it.resource == resource;
        let permission = match self.permissions.iter_mut().find(same) {
            Some(known) => known,
            None => {
                self.permissions.push(Permission { action, resource, reasons: Vec::new() });
                let last = self.permissions.len() - 1;
                &mut self.permissions[last]
            }
        };
        let reasons = &mut permission.reasons;
        match reasons.iter_mut().find(|reason| reason.why == why) {
            Some(reason) => {
                let new = check.filter(|name| !reason.checks.iter().any(|known| known == name));
                reason.checks.extend(new.map(str::to_owned));
            }
            None => {
                reasons.push(Reason { why: why.to_owned(), checks: check.into_iter().map(str::to_owned).collect() });
            }
        }
    }

    /// With the keys of what is read, which the services use on behalf of the function.
    fn with_keys(mut self) -> Vec<Permission> {
        let read = |resource: fn(&Resource) -> bool| self.permissions.iter().any(|it| resource(&it.resource));
        let services = [
            ("ssm", read(|it| matches!(it, Resource::Parameter(_)))),
            ("secretsmanager", read(|it| matches!(it, Resource::Secret(_)))),
            ("s3", read(|it| matches!(it, Resource::Object { .. }))),
        ];
        let via: Vec<_> = services.into_iter().filter(|(_, read)| *read).map(|(service, _)| service).collect();
        if !via.is_empty() {
            for arn in &self.places.keys {
                let key = Resource::Key { arn: arn.clone(), via: via.clone() };
                self.permit("kms:Decrypt", key, "to decrypt what is encrypted with this key", None);
            }
        }
        self.permissions
    }
}
