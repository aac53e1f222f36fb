//! A gate file is missing where the function reads it.

use hook_core::shell::quote;

use super::{DoctorProblem, FindingKind, group_by};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "GateMissing", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let missing = facts.functions.iter().map(|wired| {
        let gate = &wired.gate;
        (wired, gate.missing_reason.as_ref().map(|why| (gate.title.clone(), why.clone())))
    });
    let found = group_by(missing).map(|((title, why), functions)| {
        let name = title.trim_start_matches("gate file ").to_owned();
        let command = match name.strip_prefix("ssm:") {
            Some(name) => {
                format!("aws ssm put-parameter --name {} --type String --value file://greenlight.yaml", quote(name))
            }
            None => format!("aws s3 cp greenlight.yaml {}", quote(&name)),
        };
        DoctorProblem {
            message: format!("the {title} cannot be read, so every status is Failed: {why}"),
            resource: functions.join(", "),
            fix: "upload it, or correct the variable that names it".to_owned(),
            command: Some(command),
        }
    });
    found.collect()
}
