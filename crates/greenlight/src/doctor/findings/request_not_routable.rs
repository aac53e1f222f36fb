//! The requests of checks will not reach the service, because no host name is known or no listener rule forwards them.

use super::{DoctorProblem, FindingKind, group_by};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "RequestNotRoutable", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let each = facts.functions.iter().flat_map(|wired| {
        wired.predicted_failures.iter().map(move |it| (wired, Some((it.code, it.check.clone(), it.message.clone()))))
    });
    let found = group_by(each).map(|((code, check, what), functions)| DoctorProblem {
        message: format!("the check {check} will end with {code}: {what}"),
        resource: functions.join(", "),
        fix: code.hint().to_owned(),
        command: None,
    });
    found.collect()
}
