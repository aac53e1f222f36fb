//! A function does not exist.

use super::{DoctorProblem, FindingKind};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "FunctionMissing", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let missing = facts.functions.iter().filter(|wired| wired.config.not_found().is_some());
    let found = missing.map(|wired| DoctorProblem {
        message: format!(
            "the AppSpec file names it for {}, but it does not exist in this account and region: the event fails",
            wired.event
        ),
        resource: wired.name_in_app_spec.clone(),
        fix: format!("deploy it in {}, or name an existing function", facts.region),
        command: Some("aws lambda list-functions --query 'Functions[].FunctionName'".to_owned()),
    });
    found.collect()
}
