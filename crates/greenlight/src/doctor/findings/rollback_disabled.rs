//! A failed deployment would not be rolled back.

use super::{DoctorProblem, FindingKind};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "RollbackDisabled", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let without = facts.group.found().filter(|group| !group.auto_rollback);
    let found = |_| DoctorProblem {
        message:
            "it does not roll back on DEPLOYMENT_FAILURE: a version that AfterAllowTraffic stops stays in production"
                .to_owned(),
        resource: facts.group_title(),
        fix: "roll back on DEPLOYMENT_FAILURE, and on DEPLOYMENT_STOP_ON_ALARM too".to_owned(),
        command: Some(super::update_group_command(
            facts,
            "--auto-rollback-configuration enabled=true,events=DEPLOYMENT_FAILURE,DEPLOYMENT_STOP_ON_ALARM",
        )),
    };
    without.map(found).into_iter().collect()
}
