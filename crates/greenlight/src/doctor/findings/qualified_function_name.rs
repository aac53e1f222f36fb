//! A hook that is invoked by an alias or a version: its event settings are others than those that the template makes.

use super::{DoctorProblem, FindingKind};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "QualifiedFunctionName", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let aliased = facts.functions.iter().filter_map(|wired| Some((wired, wired.qualifier.as_deref()?)));
    let found = aliased.map(|(wired, qualifier)| DoctorProblem {
        message: format!(
            "it is invoked as {qualifier}, and what is set for asynchronous invocations of $LATEST (no retries, age, \
             on-failure) does not apply there"
        ),
        resource: wired.name_in_app_spec.clone(),
        fix: format!("name the function without `:{qualifier}` in the AppSpec file"),
        command: None,
    });
    found.collect()
}
