//! The AppSpec file names a hook by an alias or a version, to which the event settings of the template do not apply.

use super::{DoctorProblem, FindingKind};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "QualifiedFunctionName", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let aliased = facts.functions.iter().filter_map(|wired| Some((wired, wired.qualifier.as_deref()?)));
    let found = aliased.map(|(wired, qualifier)| DoctorProblem {
        message: format!(
            "it is invoked as {qualifier}, to which the settings for asynchronous invocations of $LATEST (retries, \
             event age, on-failure) do not apply"
        ),
        resource: wired.name_in_app_spec.clone(),
        fix: format!("name the function without `:{qualifier}` in the AppSpec file"),
        command: None,
    });
    found.collect()
}
